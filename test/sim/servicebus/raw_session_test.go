package servicebus

import (
	"bytes"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Checklist item 13.
func TestAChannelIsAsNewAfterItsEnd(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		for round := range 5 {
			c.begin(3, 5000)
			c.receiver(3, 0, "orders", wire.SenderUnsettled)
			c.credit(3, 0, 0, 10)
			put(t, b, strconv.Itoa(round))
			tr, m := c.receive()
			require.Zero(t, *tr.DeliveryID, "delivery ids start again")
			require.Equal(t, strconv.Itoa(round), data(t, m))
			c.send(3, &wire.Disposition{Role: wire.RoleReceiver, First: 0, State: &wire.Accepted{}})
			require.IsType(t, &wire.Accepted{}, next[*wire.Disposition](c).State)
			c.end(3)
		}
	})
}

// Checklist items 14 and 15; that flows are complete is checked on every one that the raw client reads.
func TestAFlowWithEchoIsAnswered(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.send(0, &wire.Flow{NextIncomingID: new(uint32), IncomingWindow: 5000, OutgoingWindow: 5000, Echo: true})
		require.Nil(t, next[*wire.Flow](c).Handle)

		c.receiver(0, 4, "orders", wire.SenderUnsettled)
		f := linkFlow(4, 0, 7)
		f.Echo = true
		c.send(0, f)
		got := next[*wire.Flow](c)
		require.EqualValues(t, 4, *got.Handle)
		require.EqualValues(t, 7, *got.LinkCredit)
	})
}

// Checklist item 16.
func TestAClosedWindowHoldsBackWhatCreditAllows(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		c.begin(0, 2)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		put(t, b, "1", "2", "3", "4", "5")
		f := linkFlow(0, 0, 10)
		f.IncomingWindow = 2
		c.send(0, f)
		c.receive()
		c.receive()
		c.quiet(5 * time.Second)

		seen := uint32(2)
		c.send(0, &wire.Flow{NextIncomingID: &seen, IncomingWindow: 1, OutgoingWindow: 5000})
		_, m := c.receive()
		require.Equal(t, "3", data(t, m))
		c.quiet(time.Second)

		// A window that has shrunk below what is on its way is closed, not huge.
		c.send(0, &wire.Flow{NextIncomingID: &seen, IncomingWindow: 0, OutgoingWindow: 5000})
		c.quiet(time.Second)
		seen = 3
		c.send(0, &wire.Flow{NextIncomingID: &seen, IncomingWindow: 100, OutgoingWindow: 5000})
		c.receive()
		_, m = c.receive()
		require.Equal(t, "5", data(t, m))
	})
}

func TestAWindowThatClosesInsideAMessageHoldsBackItsRest(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		c.begin(0, 2)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		big := string(bytes.Repeat([]byte("0123456789"), 20_000))
		put(t, b, big)
		f := linkFlow(0, 0, 10)
		f.IncomingWindow = 2
		c.send(0, f)
		var payload []byte
		for range 2 {
			tr := next[*wire.Transfer](c)
			require.True(t, tr.More)
			payload = append(payload, tr.Payload...)
		}
		c.quiet(time.Second)
		seen := uint32(2)
		c.send(0, &wire.Flow{NextIncomingID: &seen, IncomingWindow: 100, OutgoingWindow: 5000})
		for more := true; more; {
			tr := next[*wire.Transfer](c)
			payload, more = append(payload, tr.Payload...), tr.More
		}
		m, err := wire.Unmarshal(payload)
		require.NoError(t, err)
		require.Equal(t, big, data(t, m))
	})
}

func TestWindowsAndDeliveryCountsMayWrap(t *testing.T) {
	t.Parallel()
	var seen, next uint32 = math.MaxUint32 - 1, 3 // five apart, round the end
	require.EqualValues(t, 5, remaining(10, next-seen))
	require.Zero(t, remaining(3, 4))
	require.EqualValues(t, math.MaxUint32-2, remaining(math.MaxUint32, 2))
}

// Checklist item 35. The client kills the connection for a late frame, so the broker must be silent even when
// it has something to say.
func TestAfterTheClientsEndOnlyTheEndIsSent(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 100)
		c.end(0)
		put(t, b, "late")
		require.NoError(t, b.DetachLinks("orders"))
		c.quiet(2 * time.Minute)
		counts, err := b.Counts("orders")
		require.NoError(t, err)
		require.Equal(t, Counts{Active: 1}, counts, "a link that is gone took the message")
	})
}

// Checklist item 37.
func TestAnEndFreesTheCreditOfItsLinks(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 100)
		c.end(0)
		c.begin(1, 5000)
		c.receiver(1, 0, "orders", wire.SenderUnsettled)
		c.credit(1, 0, 0, 1)
		put(t, b, "x")
		c.receive()
	})
}

func TestFaultsOfASessionEndIt(t *testing.T) {
	for name, tc := range map[string]struct {
		body wire.Performative
		want wire.Symbol
	}{
		"a transfer for no link":   {&wire.Transfer{Handle: 7}, wire.CondUnattachedHandle},
		"a flow for no link":       {linkFlow(7, 0, 1), wire.CondUnattachedHandle},
		"a detach for no link":     {&wire.Detach{Handle: 7}, wire.CondUnattachedHandle},
		"a handle in use":          {&wire.Attach{Name: "x", Handle: 0}, wire.CondHandleInUse},
		"a handle beyond the max":  {&wire.Attach{Name: "x", Handle: 256}, wire.CondNotAllowed},
		"a transfer to a receiver": {&wire.Transfer{Handle: 0}, wire.CondNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := begun(t, b)
				c.receiver(0, 0, "orders", wire.SenderUnsettled)
				c.send(0, tc.body)
				require.Equal(t, tc.want, next[*wire.End](c).Error.Condition)
				put(t, b, "x")
				c.credit(0, 0, 0, 10) // sent before our end was read
				c.quiet(time.Second)
				c.send(0, &wire.End{})
				c.quiet(time.Second)
				c.begin(0, 10) // the channel is free again
			})
		})
	}
}

// Checklist item 64.
func TestTheDeliveryTagIsTheLockTokenInDotNetOrder(t *testing.T) {
	t.Parallel()
	token := uuid.MustParse("01020304-0506-0708-090a-0b0c0d0e0f10")
	require.Equal(t, [16]byte{4, 3, 2, 1, 6, 5, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16}, lockTag(token))
}

func TestARefusedAttachLeavesTheSessionAsItWas(t *testing.T) {
	for name, tc := range map[string]struct {
		attach *wire.Attach
		want   wire.Symbol
	}{
		"a missing queue to send to":      {&wire.Attach{Target: &wire.Target{Address: text("none")}}, wire.CondNotFound},
		"a missing queue to receive from": {&wire.Attach{Role: wire.RoleReceiver, Source: &wire.Source{Address: text("none")}}, wire.CondNotFound},
		"a missing queue's management":    {&wire.Attach{Target: &wire.Target{Address: text("none/$management")}}, wire.CondNotFound},
		"sending to a dead-letter queue":  {&wire.Attach{Target: &wire.Target{Address: text("orders/$DeadLetterQueue")}}, wire.CondNotAllowed},
		"a target without an address":     {&wire.Attach{Target: &wire.Target{}}, wire.CondInvalidField},
		"no source at all":                {&wire.Attach{Role: wire.RoleReceiver}, wire.CondInvalidField},
		"a session filter": {&wire.Attach{Role: wire.RoleReceiver, Source: &wire.Source{
			Address: text("orders"), Filter: map[wire.Symbol]any{sessionFilter: nil}}}, wire.CondNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := begun(t, b)
				tc.attach.Name = "refused"
				got := c.attach(0, tc.attach)
				require.Nil(t, got.Source)
				require.Nil(t, got.Target)
				d := next[*wire.Detach](c)
				require.True(t, d.Closed)
				require.Equal(t, tc.want, d.Error.Condition)
				c.send(0, &wire.Detach{Handle: 0, Closed: true})
				c.quiet(time.Second)
				c.sender(0, 0, "ORDERS")
			})
		})
	}
}

func TestSettleModesAreEchoed(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		settled, second := wire.SenderSettled, wire.ReceiverSecond
		got := c.attach(0, &wire.Attach{
			Name: "l", Role: wire.RoleReceiver, SenderSettleMode: &settled, ReceiverSettleMode: &second,
			Source: &wire.Source{Address: text("orders")}, Target: &wire.Target{Address: text("mine")},
		})
		require.Equal(t, settled, *got.SenderSettleMode)
		require.Equal(t, second, *got.ReceiverSettleMode)
		require.Equal(t, "orders", *got.Source.Address)
		require.Equal(t, "mine", *got.Target.Address)
		require.Zero(t, *got.InitialDeliveryCount)
	})
}
