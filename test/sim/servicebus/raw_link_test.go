package servicebus

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Checklist item 48.
func TestASettledTransferIsStoredWithoutADisposition(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		c.publish(0, 0, 0, true, body("x"))
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 1})
	})
}

func requireCounts(t *testing.T, b *Broker, want Counts) {
	t.Helper()
	got, err := b.Counts("orders")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestASenderGetsItsLimitsAndItsCreditBack(t *testing.T) {
	rawly(t, Options{Queues: []Queue{{Name: "orders"}}}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		a := c.sender(0, 0, "orders")
		require.EqualValues(t, 262144, *a.MaxMessageSize)
		require.Equal(t, uint64(262144), a.Properties["com.microsoft:max-message-batch-size"])
		flows := 0
		for id := range uint32(3000) {
			c.publish(0, 0, id, true, body("x"))
		}
		c.within(time.Second)
		for {
			f, err := c.frame()
			if err != nil {
				break
			}
			if flow, ok := f.Body.(*wire.Flow); ok && flow.Handle != nil {
				require.EqualValues(t, 1000, *flow.LinkCredit)
				flows++
			}
		}
		require.Equal(t, 6, flows)
		requireCounts(t, b, Counts{Active: 3000})
	})
}

func TestAMessageInManyFramesIsOneMessage(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		payload := wire.DataBody([]byte("0123456789"))
		id := uint32(4)
		c.send(0, &wire.Transfer{DeliveryID: &id, DeliveryTag: []byte{1}, MessageFormat: new(uint32), More: true, Payload: payload[:5]})
		c.send(0, &wire.Transfer{More: true, Payload: payload[5:6]})
		c.quiet(time.Second)
		c.send(0, &wire.Transfer{Payload: payload[6:]})
		require.Equal(t, id, next[*wire.Disposition](c).First)

		c.send(0, &wire.Transfer{DeliveryID: &id, DeliveryTag: []byte{1}, More: true, Payload: payload[:5]})
		c.send(0, &wire.Transfer{Aborted: true, More: true})
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 1})
		c.publish(0, 0, 5, false, body("after what was aborted"))
		require.EqualValues(t, 5, next[*wire.Disposition](c).First)
		requireCounts(t, b, Counts{Active: 2})
	})
}

func TestWhatCannotBeStoredIsRejectedAndTheLinkGoesOn(t *testing.T) {
	rawly(t, Options{Queues: []Queue{{Name: "orders", MaxMessageBytes: 1000}}}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		rejected := func(id uint32, want wire.Symbol) {
			t.Helper()
			d := next[*wire.Disposition](c)
			require.Equal(t, id, d.First)
			require.Equal(t, want, d.State.(*wire.Rejected).Error.Condition)
		}
		c.publish(0, 0, 0, false, body(string(make([]byte, 1001))))
		rejected(0, wire.CondMessageSize)

		one := uint32(1)
		c.send(0, &wire.Transfer{DeliveryID: &one, DeliveryTag: []byte{1}, Payload: []byte{1, 2, 3}})
		rejected(1, wire.CondDecodeError)

		batch, two := wire.FormatBatch, uint32(2)
		c.send(0, &wire.Transfer{DeliveryID: &two, DeliveryTag: []byte{2}, MessageFormat: &batch,
			Payload: append(wire.DataBody(wire.DataBody([]byte("good"))), wire.DataBody([]byte{1})...)})
		rejected(2, wire.CondDecodeError)
		requireCounts(t, b, Counts{})

		c.publish(0, 0, 3, false, body("good"))
		c.accepted()
	})
}

// Checklist item 65.
func TestReceiveAndDeleteTransfersAreSettled(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		put(t, b, "a", "b")
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderSettled)
		c.credit(0, 0, 0, 2)
		for id := range uint32(2) {
			tr, _ := c.receive()
			require.True(t, tr.Settled)
			require.Equal(t, id, *tr.DeliveryID)
		}
		requireCounts(t, b, Counts{})
	})
}

// Checklist item 68, seen from the wire.
func TestSpareCreditIsNotPreferredForARedelivery(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		first, second := begun(t, b), begun(t, b)
		for _, c := range []*raw{first, second} {
			c.receiver(0, 0, "orders", wire.SenderUnsettled)
		}
		first.credit(0, 0, 0, 10)
		put(t, b, "x")
		tr, _ := first.receive()
		second.credit(0, 0, 0, 10)
		second.quiet(time.Second)
		first.send(0, &wire.Disposition{Role: wire.RoleReceiver, First: *tr.DeliveryID, State: &wire.Released{}})
		next[*wire.Disposition](first)
		_, m := second.receive()
		require.Zero(t, m.Header.DeliveryCount)
		first.quiet(time.Second)
	})
}

func TestEachSettlementHasItsAnswerAndItsEffect(t *testing.T) {
	for name, tc := range map[string]struct {
		state wire.State
		want  Counts
		count uint32 // of the delivery that follows, where there is one
	}{
		"accepted removes":       {&wire.Accepted{}, Counts{}, 0},
		"released gives back":    {&wire.Released{}, Counts{Active: 1}, 0},
		"modified counts":        {&wire.Modified{Annotations: map[wire.Symbol]any{"why": "later"}}, Counts{Active: 1}, 1},
		"rejected dead-letters":  {&wire.Rejected{Error: &wire.Error{Condition: wire.CondDeadLetter}}, Counts{DeadLetter: 1}, 0},
		"rejected without error": {&wire.Rejected{}, Counts{DeadLetter: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				put(t, b, "x")
				c := begun(t, b)
				c.receiver(0, 0, "orders", wire.SenderUnsettled)
				c.credit(0, 0, 0, 1)
				c.receive()
				c.send(0, &wire.Disposition{Role: wire.RoleReceiver, State: tc.state})
				d := next[*wire.Disposition](c)
				require.Equal(t, &wire.Disposition{Role: wire.RoleSender, First: 0, Last: new(uint32), Settled: true, State: &wire.Accepted{}}, d)
				requireCounts(t, b, tc.want)
				if tc.want.Active > 0 {
					c.credit(0, 0, 1, 1)
					_, m := c.receive()
					require.Equal(t, tc.count, m.Header.DeliveryCount)
				}
			})
		})
	}
}

// Checklist item 60, from the wire.
func TestALostLockIsRejectedAndUnknownIDsAreNot(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		put(t, b, "x")
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 1)
		c.receive()
		c.quiet(61 * time.Second)
		last := uint32(1<<32 - 1)
		c.send(0, &wire.Disposition{Role: wire.RoleReceiver, First: 0, Last: &last, State: &wire.Accepted{}})
		require.Equal(t, wire.CondMessageLockLost, next[*wire.Disposition](c).State.(*wire.Rejected).Error.Condition)
		c.quiet(time.Second)
	})
}

func TestASecondSettlementIsNotAnswered(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		put(t, b, "x")
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 1)
		c.receive()
		for range 2 {
			c.send(0, &wire.Disposition{Role: wire.RoleReceiver, State: &wire.Accepted{}})
		}
		next[*wire.Disposition](c)
		c.quiet(time.Second)
	})
}

func TestASenderThatGivesUpItsCreditGetsMore(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		c.send(0, linkFlow(0, 1000, 0))
		f := next[*wire.Flow](c)
		require.EqualValues(t, 1000, *f.DeliveryCount)
		require.EqualValues(t, 1000, *f.LinkCredit)
	})
}

// A delivery may be on its way from the queue while its link goes.
func TestADeliveryThatFindsItsLinkGoneGoesBack(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		var gone *outlet
		b.each(func(c *connection) { gone = c.sessions[0].links[0].(*outlet) })
		c.end(0)
		put(t, b, "x")
		q, err := b.queue("orders")
		require.NoError(t, err)
		q.Attach(store.PeekLock, gone.deliver).SetLimit(1)
		synctest.Wait()
		requireCounts(t, b, Counts{Active: 1})
		require.Zero(t, q.Peek(1, 1)[0].Header.DeliveryCount)
	})
}

func TestARangeSettlesInOrder(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 20)
		for i := range 20 {
			put(t, b, strconv.Itoa(i))
			c.receive()
		}
		last := uint32(14)
		c.send(0, &wire.Disposition{Role: wire.RoleReceiver, First: 5, Last: &last, State: &wire.Accepted{}})
		for id := uint32(5); id <= last; id++ {
			require.Equal(t, id, next[*wire.Disposition](c).First)
		}
		requireCounts(t, b, Counts{Active: 10, Locked: 10})
	})
}

// Checklist item 69, from the wire: the JavaScript SDK waits for it before it returns fewer messages than it was asked for.
func TestADrainIsAnsweredWithTheCreditUsedUp(t *testing.T) {
	for name, queued := range map[string][]string{"an empty queue": nil, "fewer messages than credit": {"a", "b"}, "as many": {"a", "b", "c", "d", "e"}} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				put(t, b, queued...)
				c := begun(t, b)
				c.receiver(0, 0, "orders", wire.SenderUnsettled)
				f := linkFlow(0, 0, 5)
				f.Drain = true
				start := time.Now()
				c.send(0, f)
				for range queued {
					c.receive()
				}
				got := next[*wire.Flow](c)
				require.True(t, got.Drain)
				require.Zero(t, *got.LinkCredit)
				require.EqualValues(t, 5, *got.DeliveryCount)
				require.Less(t, time.Since(start), 200*time.Millisecond)

				put(t, b, "later")
				c.quiet(time.Second)
				c.credit(0, 0, 5, 1)
				_, m := c.receive()
				require.Equal(t, "later", data(t, m))
				put(t, b, "without credit")
				c.quiet(time.Second)
				held, err := b.Counts("orders")
				require.NoError(t, err)
				require.Equal(t, len(queued)+1, held.Locked, "the link holds what it may not send")
			})
		})
	}
}

func TestCreditTakenBackIsNotUsed(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 10)
		c.credit(0, 0, 0, 0)
		put(t, b, "x")
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 1})
		c.credit(0, 0, 0, 1)
		c.receive()
		c.quiet(time.Second)
	})
}

// What waits for the window is given back when its credit goes, and the count of deliveries stays right.
func TestWhatWaitsForTheWindowGoesBackWithItsCredit(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		c.begin(0, 1)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		put(t, b, "a", "b", "c")
		f := linkFlow(0, 0, 3)
		f.IncomingWindow = 1
		c.send(0, f)
		c.receive()
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 3, Locked: 3})

		seen := uint32(1)
		f = linkFlow(0, 1, 0)
		f.NextIncomingID, f.IncomingWindow = &seen, 0
		c.send(0, f)
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 3, Locked: 1})

		f = linkFlow(0, 1, 2)
		f.NextIncomingID, f.IncomingWindow = &seen, 100
		c.send(0, f)
		for _, want := range []string{"b", "c"} {
			_, m := c.receive()
			require.Equal(t, want, data(t, m))
			require.Zero(t, m.Header.DeliveryCount)
		}
		put(t, b, "d")
		c.quiet(time.Second)
	})
}

func TestADetachFreesTheCreditAndKeepsTheLocks(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 10)
		put(t, b, "x")
		c.receive()
		c.send(0, &wire.Detach{Handle: 0, Closed: true})
		require.True(t, next[*wire.Detach](c).Closed)
		put(t, b, "y")
		c.quiet(time.Second)
		requireCounts(t, b, Counts{Active: 2, Locked: 1})
		c.send(0, &wire.Disposition{Role: wire.RoleReceiver, First: 0, State: &wire.Accepted{}})
		c.quiet(time.Second) // go-amqp ends the session when it hears of a link that is gone
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
	})
}

// Checklist item 39, for the one detach of established links that there is.
func TestAForcedDetachIsSentOnceAndWaitsForItsAnswer(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		c.receiver(0, 1, "orders", wire.SenderUnsettled)
		c.sender(0, 2, "orders/$management")
		require.NoError(t, b.DetachLinks("Orders"))
		require.NoError(t, b.DetachLinks("orders"))
		got := map[uint32]wire.Symbol{}
		for range 2 {
			d := next[*wire.Detach](c)
			require.True(t, d.Closed)
			got[d.Handle] = d.Error.Condition
		}
		require.Equal(t, map[uint32]wire.Symbol{0: wire.CondDetachForced, 1: wire.CondDetachForced}, got)
		c.publish(0, 0, 0, false, body("on its way")) // crossed with the detach: dropped, and sent again by the client
		c.credit(0, 1, 0, 5)
		c.send(0, &wire.Detach{Handle: 0, Closed: true})
		c.send(0, &wire.Detach{Handle: 1, Closed: true})
		c.quiet(time.Second)
		requireCounts(t, b, Counts{})
		c.sender(0, 0, "orders")
	})
}
