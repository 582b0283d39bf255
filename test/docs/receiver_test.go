package docs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/webhook"
)

// verified says whether a delivery was signed with the key, in the last five minutes. The key is what stands behind whsec_, out of base64.
func verified(h http.Header, body, key []byte) bool {
	at, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return slices.ContainsFunc(strings.Fields(h.Get("webhook-signature")), func(one string) bool { return hmac.Equal([]byte(one), want) })
}

// receive keeps each event once. keep is one transaction: it does nothing for an id that it has.
func receive(key []byte, keep func(id, subject, sequence string, data json.RawMessage) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || !verified(r.Header, body, key) {
			http.Error(w, "not signed by whom we know", http.StatusUnauthorized)
			return
		}
		var ev struct {
			ID, Subject, Sequence string
			Data                  json.RawMessage
		}
		if json.Unmarshal(body, &ev) != nil {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		if keep(ev.ID, ev.Subject, ev.Sequence, ev.Data) != nil {
			http.Error(w, "not safe yet; send it again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// TestTheReceiverOfTheDocumentationReceives runs the page's code, which stands above word for word, against the real sink.
func TestTheReceiverOfTheDocumentationReceives(t *testing.T) {
	t.Parallel()
	this := read(t, "test", "docs", "receiver_test.go")
	code := this[strings.Index(this, "// verified says"):strings.Index(this, "// TestTheReceiver")]
	require.Contains(t, read(t, "docs", "how-to", "tell-other-systems.md"), strings.TrimSpace(code))

	key := []byte("0123456789abcdef0123456789abcdef")
	var kept []string
	full := false
	server := httptest.NewServer(receive(key, func(id, subject, sequence string, data json.RawMessage) error {
		if full {
			return errors.New("full")
		}
		kept = append(kept, id+" "+subject+" "+sequence+" "+string(data))
		return nil
	}))
	t.Cleanup(server.Close)
	deliver := func(keys ...string) error {
		o := webhook.Options{Name: "crm", URL: server.URL}
		for _, k := range keys {
			o.Secrets = append(o.Secrets, secret.New("whsec_"+base64.StdEncoding.EncodeToString([]byte(k))))
		}
		s, err := webhook.New(o)
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		return s.Deliver(t.Context(), orchestration.Event{ID: "7", Source: "https://shop.example.com", Type: "t", Subject: "1001", Time: time.Now(),
			Origin: orchestration.Origin{Enqueued: time.UnixMilli(1767603600072), Sequence: 23}, Data: json.RawMessage(`{"id":"1001"}`)})
	}
	other := strings.Repeat("x", 32)
	require.NoError(t, deliver(string(key)))
	require.NoError(t, deliver(other, string(key)), "while the secret changes")
	require.Equal(t, `7 1001 1767603600072-00000000000000000023 {"id":"1001"}`, kept[0])
	require.Equal(t, 401, fault.As(deliver(other)).Status)
	full = true
	require.Equal(t, fault.Transient, fault.KindOf(deliver(string(key))))
	require.Len(t, kept, 2)
}
