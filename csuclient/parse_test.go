package csuclient

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

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
