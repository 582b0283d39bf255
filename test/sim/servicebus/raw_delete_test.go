package servicebus

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Checklist items 65 and 16: a message is gone when it is sent, and not before.
func TestReceiveAndDeleteKeepsWhatTheWindowDoesNotLetOut(t *testing.T) {
	for name, leave := range map[string]func(c *raw){
		"a detach":               func(c *raw) { c.send(0, &wire.Detach{Handle: 0, Closed: true}); next[*wire.Detach](c) },
		"an end":                 func(c *raw) { c.end(0) },
		"a lost connection":      func(c *raw) { _ = c.net.Close() },
		"credit that is gone":    func(c *raw) { c.send(0, windowed(3, 0, linkFlow(0, 2, 0))) },
		"a drain of the credit":  drained,
		"a detach by the broker": nil,
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				put(t, b, "a", "b", "c", "d")
				c := connect(t, b)
				c.begin(0, 2) // a window of two frames
				c.receiver(0, 0, "orders", wire.SenderSettled)
				c.send(0, windowed(0, 2, linkFlow(0, 0, 10)))
				for _, want := range []string{"a", "b"} {
					tr, m := c.receive()
					require.True(t, tr.Settled)
					require.Len(t, tr.DeliveryTag, 16)
					require.NotContains(t, m.Annotations, wire.Symbol("x-opt-locked-until"))
					require.Equal(t, want, data(t, m))
				}
				c.quiet(time.Second)
				if leave == nil {
					require.NoError(t, b.DetachLinks("orders"))
					next[*wire.Detach](c)
				} else {
					leave(c)
				}
				other := begun(t, b)
				other.receiver(0, 0, "orders", wire.SenderSettled)
				other.credit(0, 0, 0, 10)
				for _, want := range []string{"c", "d"} {
					_, m := other.receive()
					require.Equal(t, want, data(t, m))
					require.Zero(t, m.Header.DeliveryCount)
				}
				other.quiet(time.Second)
				requireCounts(t, b, Counts{})
			})
		})
	}
}

// windowed gives a flow a session window of its own: seen frames were read, and so many more may come.
func windowed(seen, more uint32, f *wire.Flow) *wire.Flow {
	f.NextIncomingID, f.IncomingWindow = &seen, more
	return f
}

func drained(c *raw) {
	f := windowed(2, 0, linkFlow(0, 2, 8))
	f.Drain = true
	c.send(0, f)
	answer := next[*wire.Flow](c)
	require.True(c.t, answer.Drain)
	require.Zero(c.t, *answer.LinkCredit)
	require.EqualValues(c.t, 10, *answer.DeliveryCount)
}

// Checklist items 65 and 8: one of many frames is sent whole, and settled throughout.
func TestReceiveAndDeleteSendsLargeMessagesToo(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		large := string(make([]byte, 200<<10))
		put(t, b, large, "small")
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderSettled)
		c.credit(0, 0, 0, 2)
		var payload []byte
		for more := true; more; {
			tr := next[*wire.Transfer](c)
			require.True(t, tr.Settled)
			payload, more = append(payload, tr.Payload...), tr.More
		}
		m, err := wire.Unmarshal(payload)
		require.NoError(t, err)
		require.Len(t, data(t, m), 200<<10)
		_, m = c.receive()
		require.Equal(t, "small", data(t, m))
		requireCounts(t, b, Counts{})
	})
}
