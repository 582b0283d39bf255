package telemetry

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestMask(t *testing.T) {
	for name, tc := range map[string]struct{ in, want, class string }{
		"an address":                      {"for jane.doe+x@mail.example.com, twice", "for [redacted], twice", "contact"},
		"an address in an OData key":      {"Customers('jane@example.com')", "Customers('[redacted]')", "contact"},
		"an address in a query":           {"email=jane%40example.com&x", "email=[redacted]&x", "contact"},
		"an address with letters of ours": {"jürgen@müller.example", "[redacted]", "contact"},
		"a card":                          {"card 4111111111111111.", "card [redacted].", "payment"},
		"a card in groups":                {"pay 42 with 4111 1111 1111 1111 now", "pay 42 with [redacted] now", "payment"},
		"a card with dashes":              {"5500-0000-0000-0004", "[redacted]", "payment"},
		"an Amex in its groups":           {"3782 822463 10005", "[redacted]", "payment"},
		"a card in quotes":                {`{"n":"6011000000000004"}`, `{"n":"[redacted]"}`, "payment"},
		"a token":                         {"got eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl", "got [redacted]", "secret"},
		"a token after its scheme":        {"Authorization: Bearer abcdefghijklmnopqrstuvwxyz==", "Authorization: Bearer [redacted]", "secret"},
		"a connection string":             {"Endpoint=sb://h;SharedAccessKeyName=k;SharedAccessKey=abc/def=;EntityPath=q", "Endpoint=sb://h;SharedAccessKeyName=k;SharedAccessKey=[redacted];EntityPath=q", "secret"},
		"a password in a URL":             {"dial redis://user:hunter2@cache.example:6379/0", "dial redis://[redacted]@cache.example:6379/0", "secret"},
		"a form field":                    {"client_id=x&client_secret=hunter2&resource=y", "client_id=x&client_secret=[redacted]&resource=y", "secret"},
		"a JSON field":                    {`{"password": "hunter 2"}`, `{"password": [redacted]}`, "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			got, classes := mask(tc.in)
			require.Equal(t, tc.want, got)
			require.Equal(t, []string{tc.class}, classes)
			again, more := mask(got)
			require.Equal(t, got, again)
			require.Empty(t, more, "what is masked is not caught again")
		})
	}
}

func TestWhatIsNotMasked(t *testing.T) {
	for _, s := range []string{
		"", "message settled", "Customers.Create: permanent: status 400",
		"12345678-1234-1234-1234-123456789012", // a GUID of digits
		"h-4111111111111111",                   // a hash of digits
		"4111111111111112",                     // does not check
		"1234567890123456789012345678901234567890",
		"orders@2026-11-23T09:00:00.25Z#42", // an origin
		"2026-11-23T09:00:00.123456789Z", "signalbox.customer.changed.v1", "https://shop.example/web",
		"check the application's secret and the token endpoint", "bearer authentication is refused",
		"0.4111111111111111", "x4111111111111111", "4111111111111111x", "123 456 789",
		"the password is wrong", "worker: message lock lost",
	} {
		got, classes := mask(s)
		require.Equal(t, s, got)
		require.Empty(t, classes, s)
	}
	for range 2000 {
		id := uuid.NewString()
		got, _ := mask(id)
		require.Equal(t, id, got)
	}
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{"jane@example.com", "4111 1111 1111 1111", "a\u202eb", "SharedAccessKey=x", "eyJabcdefg.abcdefg"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, planted := range []string{"jane.doe@example.com", "4111111111111111"} {
			got, classes := mask(s + " " + planted + " " + s)
			if strings.Contains(got, planted) {
				t.Fatalf("%q came through %q", planted, s)
			}
			if len(classes) == 0 {
				t.Fatal("not counted")
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for _, s := range []string{"signalbox.customer.changed.v1", "0b5f1d5e-9f5a-4c39-9c1c-3f8e0a1b2c3d", "https://shop.example/web", "Customers.Create: permanent: status 400"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				mask(s)
			}
		})
	}
}
