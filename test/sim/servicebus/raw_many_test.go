package servicebus

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Checklist items 17 and 74, as the JavaScript SDK's library reads them: it takes a gap between delivery ids for the loss of a
// delivery, and renews its window by flows of the session while nothing is settled.
func TestThousandsOfUnsettledDeliveriesOfTwoLinksHaveConsecutiveIDs(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		const total, window = 10_000, 2_048
		c := connect(t, b)
		c.begin(0, window)
		for i := range total {
			put(t, b, fmt.Sprint(i))
		}
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.receiver(0, 1, "orders", wire.SenderUnsettled)
		for handle := range uint32(2) {
			f := linkFlow(handle, 0, total/2)
			f.IncomingWindow = window
			c.send(0, f)
		}
		links := map[uint32]int{}
		for n := range uint32(total) {
			tr, _ := c.receive()
			require.Equal(t, n, *tr.DeliveryID)
			links[tr.Handle]++
			if seen := n + 1; seen%(window/2) == 0 {
				c.send(0, &wire.Flow{NextIncomingID: &seen, IncomingWindow: window, OutgoingWindow: 5000})
			}
		}
		require.Equal(t, map[uint32]int{0: total / 2, 1: total / 2}, links)
		last := uint32(total - 1)
		c.send(0, &wire.Disposition{Role: wire.RoleReceiver, Last: &last, Settled: true, State: &wire.Accepted{}})
		c.quiet(time.Second)
		requireCounts(t, b, Counts{})
	})
}
