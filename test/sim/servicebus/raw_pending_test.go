package servicebus

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"github.com/stretchr/testify/require"
)

// Checklist items 37 and 38: what the client has not seen whole is not locked, and no attempt is counted.
func TestWhatTheClientHasNotSeenWholeGoesBackWithItsLink(t *testing.T) {
	for name, leave := range map[string]func(c *raw){
		"when it detaches": func(c *raw) {
			c.send(0, &wire.Detach{Handle: 0, Closed: true})
			next[*wire.Detach](c)
		},
		"when its session ends": func(c *raw) {
			c.send(0, &wire.End{})
			next[*wire.End](c)
		},
		"when its connection is lost": func(c *raw) { _ = c.net.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := connect(t, b)
				c.begin(0, 2)
				c.receiver(0, 0, "orders", wire.SenderUnsettled)
				put(t, b, "whole", strings.Repeat("in part ", maxFrameSize/4), "not begun")
				f := linkFlow(0, 0, 10)
				f.IncomingWindow = 2 // frames: one for the first message, one of several for the second
				c.send(0, f)
				c.receive()
				require.True(t, next[*wire.Transfer](c).More)
				c.quiet(time.Second)
				requireCounts(t, b, Counts{Active: 3, Locked: 3})

				leave(c)
				time.Sleep(time.Second)
				requireCounts(t, b, Counts{Active: 3, Locked: 1})
				q, err := b.queue("orders")
				require.NoError(t, err)
				for _, m := range q.Peek(0, 10) {
					require.Zero(t, m.Header.DeliveryCount)
				}
			})
		})
	}
}
