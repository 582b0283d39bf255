package csuclient

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// readLiteral is what a server does: decode the path, then undouble the quotes.
func readLiteral(t interface{ Fatalf(string, ...any) }, key string) string {
	u, err := url.Parse("https://csu.test/Commerce/" + entity("Customers", key) + "?api-version=7.3")
	if err != nil {
		t.Fatalf("%q: %v", key, err)
	}
	if u.RawQuery != "api-version=7.3" || u.Fragment != "" || u.Host != "csu.test" || strings.Count(u.EscapedPath(), "/") != 2 {
		t.Fatalf("%q left its place: %s", key, u)
	}
	inner, ok := strings.CutPrefix(u.Path, "/Commerce/Customers('")
	inner, ok2 := strings.CutSuffix(inner, "')")
	if !ok || !ok2 || strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
		t.Fatalf("%q left its literal: %s", key, u.Path)
	}
	return strings.ReplaceAll(inner, "''", "'")
}

func TestALiteralComesBackAsItWas(t *testing.T) {
	for key, want := range map[string]string{
		"000001":      "'000001'",
		"O'Hara":      "'O%27%27Hara'",
		"a/b?c#d":     "'a%2Fb%3Fc%23d'",
		"100%":        "'100%25'",
		"a b+c":       "'a%20b%2Bc'",
		"x')/Orders(": "'x%27%27%29%2FOrders%28'",
		"é\r\n":       "'%C3%A9%0D%0A'",
		"":            "''",
	} {
		require.Equal(t, want, literal(key))
		require.Equal(t, key, readLiteral(t, key))
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("'\"/\\%?#()&=+; \r\n\x00é")))).Draw(t, "key")
		if got := readLiteral(t, key); got != key {
			t.Fatalf("%q became %q", key, got)
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "'", "''", "a'b", "../..", "%27", "\xff", "')?$filter=1 eq 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if got := readLiteral(t, key); got != key {
			t.Fatalf("%q became %q", key, got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
	}{
		"nothing":                      {"", "", 0},
		"seconds":                      {"7", "", 7 * time.Second},
		"seconds, spaced":              {" 7 ", "", 7 * time.Second},
		"leading zeros":                {"0000000007", "", 7 * time.Second},
		"a date":                       {in(30 * time.Second), "", 30 * time.Second},
		"a date, by the server's own":  {in(time.Hour), in(time.Hour - 20*time.Second), 20 * time.Second},
		"a date, the other odd format": {now.Add(time.Minute).Format(time.RFC850), "", time.Minute},
		"too long":                     {"86400", "", 10 * time.Minute},
		"too long for an integer":      {strings.Repeat("9", 40), "", 10 * time.Minute},
		"a date too far away":          {in(24 * time.Hour), "", 10 * time.Minute},
		"zero is no advice":            {"0", "", 0},
		"the past is no advice":        {in(-time.Second), "", 0},
		"negative":                     {"-5", "", 0},
		"a fraction":                   {"1.5", "", 0},
		"a sign":                       {"+5", "", 0},
		"words":                        {"soon", "", 0},
		"other digits":                 {"٧", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Retry-After": {tc.value}, "Date": {tc.date}}
			got, told := retryAfter(h, now)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.want > 0, told)
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "120", "-1", "1e9", "99999999999999999999", "Mon, 23 Nov 2026 09:00:00 GMT", "Monday, 23-Nov-26 09:00:00 GMT"} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		d, told := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, time.Now())
		if told != (d > 0) || d < 0 || d > maxRetryAfter {
			t.Fatalf("%q: %v, %v", value, d, told)
		}
	})
}

func FuzzComplaint(f *testing.F) {
	for _, s := range []string{`{"TypeName":"X","Exception":"{\"ErrorResourceId\":\"a\"}"}`, `{"error":{"code":"a.b","message":"{}"}}`, `[]`, `null`, `{"TypeName":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := parseComplaint(body)
		code, v, _ := c.verdict()
		if code != "" && (v == unlisted || catalogue[code] != v) {
			t.Fatalf("%q is not of the catalogue", code)
		}
		for _, word := range strings.FieldsFunc(c.violated(), func(r rune) bool { return r == ',' || r == ' ' }) {
			if word != "at" && catalogue[word] == unlisted && !memberNames[word] {
				t.Fatalf("%q came through", word)
			}
		}
	})
}

func TestTheCatalogueNamesEachIDOnceAndWithoutItsPrefix(t *testing.T) {
	source, err := os.ReadFile("catalogue.go")
	require.NoError(t, err)
	body, _, _ := strings.Cut(string(source), "exceptionTypes")
	_, body, _ = strings.Cut(body, "var catalogue")
	words := strings.Fields(body)
	for _, code := range Codes() {
		n := 0
		for _, w := range words {
			if strings.Trim(w, "`,") == code {
				n++
			}
		}
		require.Equal(t, 1, n, "%s: twice in the table, so one meaning would win by chance", code)
		require.False(t, strings.HasPrefix(code, idPrefix))
		got, v := lookUp(idPrefix + code)
		if !strings.HasPrefix(code, "Microsoft_") {
			require.Equal(t, code, got)
			require.Equal(t, catalogue[code], v)
		}
	}
}

// What each of the CSU's error ids means to the client.
func TestWhatTheCatalogueSays(t *testing.T) {
	for id, want := range map[string]verdict{
		"AggregateValidationError": rejected, "InvalidZipPostalCode": rejected, "HeadquarterTransactionServiceMethodCallFailure": rejected,
		"CustomerAccountIsBlocked": rejected, "UnableToAuthorizePayment": rejected, "FraudRisk": rejected,
		"CustomerNotFound": missing, "ObjectNotFound": missing, "SalesOrderNotFound": missing, "CartNotFound": missing,
		"InvalidCartVersion": outdated, "ObjectVersionMismatchError": outdated, "DuplicateObject": outdated, "CartAlreadyCheckedOut": outdated,
		"AsynchronousOrderCancellationWorkflowAlreadyExists": outdated, "UpdateOfReadOnlyCart": outdated,
		"HeadquarterCommunicationFailure": away, "TransactionServiceTimeOut": unsettled, "TransactionServiceException": unsettled,
		"HeadquarterResponseParsingError": unsettled, "CriticalStorageError": unsettled, "Microsoft_Dynamics_Internal_Server_Error": unsettled,
		"UnableToCapturePayment":             unsettled,
		"PreValidationForAsyncAddressFailed": premature, "UpdateAsyncCustomerNotSupported": premature,
		"AuthenticationFailed": stale, "InvalidUserToken": stale,
		"AuthorizationFailed": forbidden,
		"InvalidChannel":      misplaced, "InvalidAudience": misplaced, "Microsoft_Dynamics_Commerce_WrongEndpoint": misplaced,
		"Contoso_SomethingOfAnExtension": unlisted, "": unlisted,
	} {
		_, v := lookUp(id)
		require.Equal(t, want, v, id)
	}
}

func TestTheClosedListsHoldNoNameTwice(t *testing.T) {
	for _, list := range [][]string{Codes(), Operations(), Results()} {
		sorted := slices.Sorted(slices.Values(list))
		require.Equal(t, len(list), len(slices.Compact(sorted)))
	}
}

func TestARequestIDIsAnIdentifierOrNothing(t *testing.T) {
	for value, want := range map[string]string{
		"5f0c1d2e-0000-4000-8000-000000000001": "5f0c1d2e-0000-4000-8000-000000000001",
		"|abc.1_":                              "|abc.1_",
		"jane@example.test":                    "",
		"two words":                            "",
		strings.Repeat("a", 65):                "",
	} {
		require.Equal(t, want, requestID(http.Header{"Request-Id": {value}}, ""))
		require.Equal(t, want, requestID(http.Header{}, value))
	}
}
