package servicebus_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// order sends a request to the broker's fault port.
func order(t *testing.T, b *bed, method, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	b.FaultHandler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	text, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, strings.TrimSpace(string(text))
}

func TestTheBrokerIsToldToMisbehaveOverHTTP(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		fault := func(body string) string {
			code, text := order(t, b, "POST", "/faults", body)
			require.Equal(t, http.StatusOK, code, text)
			return text
		}
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		fault(`{"kind":"reject-sends","queue":"Q","next":20}`)
		requireCondition(t, s.SendMessage(within(t), text("a"), nil), busy)
		code, answer := order(t, b, "DELETE", "/faults", "")
		require.Equal(t, http.StatusOK, code, answer)
		send(t, s, "b")

		fault(`{"kind":"deliver-twice","queue":"q","next":1}`)
		send(t, s, "c")
		_, answer = order(t, b, "GET", "/queues", "")
		require.Contains(t, answer, `"q":{"active":3,"locked":0,"deferred":0,"scheduled":0,"deadLetter":0}`)

		got := receive(t, r, 3)
		require.JSONEq(t, `{"kind":"lose-locks","queue":"q","locks":3}`, fault(`{"kind":"lose-locks","queue":"q"}`))
		requireCode(t, r.CompleteMessage(within(t), got[0], nil), azservicebus.CodeLockLost)

		for _, body := range []string{`{"kind":"detach-links","queue":"q"}`, `{"kind":"close-connections"}`, `{"kind":"drop-connections"}`, `{"kind":"delay-deliveries","queue":"q","delay":"1s"}`} {
			fault(body)
			send(t, s, "d")
		}
		fault(`{"kind":"deny-tokens","queue":"q"}`)
		fault(`{"kind":"detach-links","queue":"q"}`)
		requireCode(t, s.SendMessage(within(t), text("e"), nil), azservicebus.CodeUnauthorizedAccess)
	})
}

func TestAFaultThatCannotBeIsRefusedAndSaysWhy(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		for body, want := range map[string]string{
			`{"kind":"explode"}`:                              "none of detach-links",
			`{"kind":"detach-links","queue":"missing"}`:       "missing",
			`{"kind":"drop-connections","queue":"q"}`:         `makes nothing of \"queue\"; leave it out`,
			`{"kind":"deliver-twice","queue":"q","for":"1s"}`: `makes nothing of \"for\"; leave it out`,
			`{"kind":"reject-sends","queue":"q"}`:             "wants next or for",
			`{"kind":"deliver-twice","queue":"q","next":-1}`:  "not negative",
			`{"kind":"detach-links","que":"q"}`:               "unknown field",
			`{`:                                               "unexpected EOF",
		} {
			code, text := order(t, b, "POST", "/faults", body)
			status := http.StatusBadRequest
			if want == "missing" {
				status = http.StatusNotFound
			}
			require.Equal(t, status, code, body)
			require.Contains(t, text, want, body)
		}
	})
}
