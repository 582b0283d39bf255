package cloudevent_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

func event() orchestration.Event {
	return orchestration.Event{
		Source: "https://shop.example.com", ID: "5f0f", Type: "signalbox.customer.relayed.v1", Subject: "1001", Channel: "web",
		CorrelationID: "8ccc699f-7ad3-5941-9a2a-06e44a00ac02", Time: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Sequence: "of the producer", Sink: "crm",
		Origin: orchestration.Origin{Queue: "signalbox-live", Enqueued: time.UnixMilli(1767603600123), Sequence: 42}, Data: json.RawMessage("{\n \"id\": \"1001\"}"),
	}
}

func TestAnEventIsOneObjectInOneLine(t *testing.T) {
	t.Parallel()
	b, err := cloudevent.Structured(event())
	require.NoError(t, err)
	require.Equal(t, `{"specversion":"1.0","id":"5f0f","source":"https://shop.example.com","type":"signalbox.customer.relayed.v1","subject":"1001",`+
		`"time":"2026-01-05T09:00:00Z","correlationid":"8ccc699f-7ad3-5941-9a2a-06e44a00ac02","signalboxchannel":"web",`+
		`"sequence":"1767603600123-00000000000000000042","datacontenttype":"application/json","data":{"id":"1001"}}`, string(b))
}

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	t.Parallel()
	ev := event()
	ev.Subject, ev.Origin = "", orchestration.Origin{}
	b, err := cloudevent.Structured(ev)
	require.NoError(t, err)
	require.NotContains(t, string(b), `"subject"`)
	require.NotContains(t, string(b), `"sequence"`)
	require.NotContains(t, cloudevent.Headers(ev), "ce-subject")
}

func TestDataThatIsNotJSONIsRefused(t *testing.T) {
	t.Parallel()
	ev := event()
	ev.Data = json.RawMessage("{")
	_, err := cloudevent.Structured(ev)
	require.Error(t, err)
}

// Of two events of one subject, text compares as the place in the queue does.
func TestTheSequenceComparesAsThePlaceDoes(t *testing.T) {
	t.Parallel()
	of := func(ms, n int64) string {
		ev := event()
		ev.Origin.Enqueued, ev.Origin.Sequence = time.UnixMilli(ms), n
		return cloudevent.Headers(ev)["ce-sequence"]
	}
	require.Less(t, of(999, 5), of(1000, 4))
	require.Less(t, of(1000, 9), of(1000, 10))
	require.Less(t, of(1000, 1<<40), of(1001, 1))
}

func TestAHeaderCarriesAnyText(t *testing.T) {
	t.Parallel()
	ev := event()
	ev.Subject = "Zoë \"5%\"\r\nce-id: forged\x7f"
	h := cloudevent.Headers(ev)["ce-subject"]
	require.Equal(t, `Zo%C3%AB%20%225%25%22%0D%0Ace-id:%20forged%7F`, h)
	back, err := url.PathUnescape(h)
	require.NoError(t, err)
	require.Equal(t, ev.Subject, back)
}

func FuzzEscapedIsPrintableAndComesBack(f *testing.F) {
	for _, s := range []string{"", "a b", "%", "\x00", "é", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ev := event()
		ev.Subject = s
		h := cloudevent.Headers(ev)["ce-subject"]
		back, err := url.PathUnescape(h)
		if err != nil || back != s || strings.ContainsFunc(h, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q became %q and %q: %v", s, h, back, err)
		}
	})
}
