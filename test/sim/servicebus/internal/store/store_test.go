package store

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"github.com/stretchr/testify/require"
)

func message(body string) *wire.Message { return &wire.Message{Body: []byte(body)} }

func later(body string, in time.Duration) *wire.Message {
	m := message(body)
	m.Annotations = map[wire.Symbol]any{annScheduledTime: time.Now().Add(in)}
	return m
}

func living(body string, ttl time.Duration) *wire.Message {
	m := message(body)
	ms := uint32(ttl.Milliseconds())
	m.Header = &wire.Header{TTL: &ms}
	return m
}

// inbox collects what a consumer is given.
type inbox struct {
	*Consumer
	mu  sync.Mutex
	got []Delivery
}

func attach(q *Queue, mode Mode, credit int) *inbox {
	in := &inbox{}
	in.Consumer = q.Attach(mode, func(d Delivery) {
		if mode == ReceiveAndDelete {
			_ = q.Complete(d.LockToken)
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, d)
	})
	in.SetCredit(credit)
	return in
}

// take waits for the queue to come to rest and returns what came since the last call.
func (in *inbox) take() []Delivery {
	synctest.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = nil
	return got
}

func (in *inbox) one(t *testing.T) Delivery {
	t.Helper()
	got := in.take()
	require.Len(t, got, 1)
	return got[0]
}

func bodies(ds []Delivery) (out []string) {
	for _, d := range ds {
		out = append(out, string(d.Message.Body))
	}
	return out
}

func seqOf(m *wire.Message) int64 { return m.Annotations[annSequenceNumber].(int64) }

// inQueue runs a test in virtual time on a queue "q" with these properties.
func inQueue(t *testing.T, p QueueProperties, test func(t *testing.T, n *Namespace, q *Queue)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := New()
		defer n.Close()
		require.NoError(t, n.CreateQueue("q", p))
		q, err := n.Queue("q")
		require.NoError(t, err)
		test(t, n, q)
	})
}

// pass lets virtual time go by until the queue has come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// inQueueSub is inQueue for a table: each call is a subtest.
func inQueueSub(t *testing.T, p QueueProperties, test func(t *testing.T, q *Queue)) {
	t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
		inQueue(t, p, func(t *testing.T, _ *Namespace, q *Queue) { test(t, q) })
	})
}

func TestQueuesAreFoundByAnySpellingOfTheirAddress(t *testing.T) {
	t.Parallel()
	n := New()
	defer n.Close()
	require.NoError(t, n.CreateQueue("Orders/live", QueueProperties{}))
	require.NoError(t, n.CreateQueue("bulk", QueueProperties{}))
	for path, want := range map[string]string{
		"Orders/live":                       "Orders/live",
		"orders/LIVE":                       "Orders/live",
		"/orders/live":                      "Orders/live",
		"amqp://localhost:5672/orders/live": "Orders/live",
		"amqps://ns.example/Bulk":           "bulk",
		"bulk/$deadletterqueue":             "bulk/$DeadLetterQueue",
		"amqp://h/bulk/$DeadLetterQueue":    "bulk/$DeadLetterQueue",
	} {
		q, err := n.Queue(path)
		require.NoError(t, err, path)
		require.Equal(t, want, q.Path())
	}
	for _, path := range []string{"", "/", "none", "orders", "amqp://bulk", "bulk/$management", "$deadletterqueue"} {
		_, err := n.Queue(path)
		require.ErrorIs(t, err, ErrNotFound, path)
	}
	require.Equal(t, []string{"Orders/live", "bulk"}, n.Queues())
}

func TestAQueueIsRefusedForABadNameABadPropertyOrASecondTime(t *testing.T) {
	t.Parallel()
	n := New()
	require.NoError(t, n.CreateQueue("q", QueueProperties{}))
	require.ErrorIs(t, n.CreateQueue("Q", QueueProperties{}), ErrExists)
	for _, name := range []string{"", "/a", "a/", "a b", "a/$x", "ä"} {
		require.Error(t, n.CreateQueue(name, QueueProperties{}), name)
	}
	require.Error(t, n.CreateQueue("x", QueueProperties{LockDuration: 6 * time.Minute}))
	require.Error(t, n.CreateQueue("x", QueueProperties{MaxDeliveryCount: -1}))
	q, _ := n.Queue("q")
	require.Equal(t, QueueProperties{
		LockDuration: time.Minute, MaxDeliveryCount: 10, MaxMessageBytes: 262144, MaxSizeMegabytes: 1024,
		DuplicateWindow: 10 * time.Minute, Status: StatusActive,
	}, q.Properties())
}

func TestADeliveryCarriesTheServicesAnnotationsInTheirTypes(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 1)
		start := time.Now()
		sent := message("a")
		sent.Annotations = map[wire.Symbol]any{annSequenceNumber: "forged", annPartitionKey: "p", annState: int32(7)}
		sent.DeliveryAnnotations = map[wire.Symbol]any{"x-opt-lock-token": uuid.New()}
		seqs, err := q.Send(sent)
		require.NoError(t, err)
		require.Equal(t, []int64{1}, seqs)
		d := in.one(t)
		require.Equal(t, map[wire.Symbol]any{
			annSequenceNumber: int64(1), annEnqueuedTime: start, annLockedUntil: start.Add(time.Minute),
			annEnqueueSequence: int64(0), annState: int32(0), annPartitionKey: "p",
		}, d.Message.Annotations)
		require.Equal(t, start.Add(time.Minute), d.LockedUntil)
		require.Equal(t, &wire.Header{}, d.Message.Header)
		require.Regexp(t, "^[0-9a-f]{32}$", d.Message.Properties.MessageID)
		require.Empty(t, d.Message.DeliveryAnnotations)
		require.Nil(t, sent.Properties, "the sender's message is untouched")

		d.Message.Annotations["mine"], d.Message.Properties.MessageID = 1, "x" // a copy, so the store does not see this
		require.NoError(t, q.Release(d.LockToken))
		require.NotContains(t, q.Peek(0, 1)[0].Annotations, wire.Symbol("mine"))
		require.NotEqual(t, "x", q.Peek(0, 1)[0].Properties.MessageID)
	})
}

func TestMessagesComeInOrderAndOnlyAsFarAsTheCreditGoes(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 2)
		_, err := q.Send(message("a"), message("b"), message("c"), message("d"))
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, bodies(in.take()))
		require.Equal(t, Counts{Active: 4, Locked: 2}, q.Counts())
		in.SetLimit(3)
		require.Equal(t, []string{"c"}, bodies(in.take()))
		in.SetLimit(3)
		require.Empty(t, in.take())
		in.SetCredit(5)
		require.Equal(t, []string{"d"}, bodies(in.take()))
		in.SetCredit(0)
		_, _ = q.Send(message("e"))
		require.Empty(t, in.take())
	})
}

func TestCompletingRemovesAndALateSettlementFindsTheLockLost(t *testing.T) {
	inQueue(t, QueueProperties{LockDuration: 10 * time.Second}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 9)
		_, _ = q.Send(message("a"), message("b"))
		got := in.take()
		require.NoError(t, q.Complete(got[0].LockToken))
		require.ErrorIs(t, q.Complete(got[0].LockToken), ErrLockLost)
		in.SetCredit(0)
		time.Sleep(10 * time.Second)
		for _, err := range []error{
			q.Complete(got[1].LockToken), q.Abandon(got[1].LockToken, nil), q.Release(got[1].LockToken),
			q.DeadLetter(got[1].LockToken, "", "", nil), q.LoseLock(got[1].LockToken), q.Complete(uuid.New()),
		} {
			require.ErrorIs(t, err, ErrLockLost)
		}
		_, err := q.Renew(got[1].LockToken)
		require.ErrorIs(t, err, ErrLockLost)
		in.SetCredit(1)
		again := in.one(t)
		require.Equal(t, "b", string(again.Message.Body))
		require.EqualValues(t, 1, again.Message.Header.DeliveryCount)
		require.NotEqual(t, got[1].LockToken, again.LockToken)
	})
}

func TestRenewingStartsTheLockAgain(t *testing.T) {
	inQueue(t, QueueProperties{LockDuration: 10 * time.Second}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 9)
		_, _ = q.Send(message("a"))
		d := in.one(t)
		for range 10 {
			time.Sleep(9 * time.Second)
			until, err := q.Renew(d.LockToken)
			require.NoError(t, err)
			require.Equal(t, time.Now().Add(10*time.Second), until)
		}
		require.Empty(t, in.take())
		time.Sleep(10 * time.Second)
		require.EqualValues(t, 1, in.one(t).Message.Header.DeliveryCount)
	})
}

func TestAnAbandonedMessageGoesBackToItsPlaceWithItsNewProperties(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 2)
		_, _ = q.Send(message("a"), message("b"), message("c"))
		got := in.take()
		require.NoError(t, q.Abandon(got[1].LockToken, nil))
		require.NoError(t, q.Abandon(got[0].LockToken, map[string]any{"why": "later"}))
		in.SetCredit(3)
		again := in.take()
		require.Equal(t, []string{"a", "b", "c"}, bodies(again))
		require.Equal(t, map[string]any{"why": "later"}, again[0].Message.ApplicationProps)
		require.EqualValues(t, 1, again[0].Message.Header.DeliveryCount)
		require.EqualValues(t, 0, again[2].Message.Header.DeliveryCount)
		require.Nil(t, got[0].Message.ApplicationProps, "what was handed out stays as it was")
	})
}

func TestAMessageWhoseAttemptsAreUsedUpIsDeadLettered(t *testing.T) {
	for name, fail := range map[string]func(q *Queue, d Delivery){
		"by abandoning": func(q *Queue, d Delivery) { _ = q.Abandon(d.LockToken, nil) },
		"by expiry":     func(q *Queue, _ Delivery) { time.Sleep(q.Properties().LockDuration) },
		"by the fault":  func(q *Queue, _ Delivery) { q.LoseLocks() },
	} {
		t.Run(name, func(t *testing.T) {
			inQueue(t, QueueProperties{MaxDeliveryCount: 2}, func(t *testing.T, n *Namespace, q *Queue) {
				in := attach(q, PeekLock, 10)
				_, _ = q.Send(message("x"))
				require.NoError(t, q.Complete(in.one(t).LockToken))
				enqueued := time.Now()
				_, _ = q.Send(message("a"))
				fail(q, in.one(t))
				fail(q, in.one(t))
				require.Empty(t, in.take())
				require.Equal(t, Counts{DeadLetter: 1}, q.Counts())

				dlq, err := n.Queue("q/$deadletterqueue")
				require.NoError(t, err)
				din := attach(dlq, PeekLock, 10)
				for range 5 { // never counted, never moved
					d := din.one(t)
					require.Equal(t, map[string]any{
						propReason: reasonMaxDelivery, propDescription: "Message could not be consumed after 2 delivery attempts.",
					}, d.Message.ApplicationProps)
					require.EqualValues(t, 2, d.Message.Header.DeliveryCount)
					require.EqualValues(t, 2, seqOf(d.Message))
					require.Equal(t, enqueued, d.Message.Annotations[annEnqueuedTime])
					require.Equal(t, "q", d.Message.Annotations[annDeadLetterFrom])
					fail(dlq, d)
				}
				d := din.one(t)
				require.ErrorIs(t, dlq.DeadLetter(d.LockToken, "", "", nil), ErrNotAllowed)
				require.NoError(t, dlq.Complete(d.LockToken))
				require.Equal(t, Counts{}, q.Counts())
			})
		})
	}
}

func TestDeadLetteringKeepsReasonDescriptionAndProperties(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, n *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		a := message("a")
		a.ApplicationProps = map[string]any{"own": int32(1)}
		_, _ = q.Send(a, message("b"))
		got := in.take()
		require.NoError(t, q.DeadLetter(got[1].LockToken, "", "", nil))
		require.NoError(t, q.DeadLetter(got[0].LockToken, "Malformed", "no JSON", map[string]any{"extra": true}))
		dlq, _ := n.Queue("q/$DeadLetterQueue")
		require.True(t, dlq.IsDeadLetter())
		dead := dlq.Peek(0, 10)
		require.Equal(t, []int64{1, 2}, []int64{seqOf(dead[0]), seqOf(dead[1])}, "in the order of the queue they come from")
		require.Equal(t, map[string]any{"own": int32(1), propReason: "Malformed", propDescription: "no JSON", "extra": true},
			dead[0].ApplicationProps)
		require.Empty(t, dead[1].ApplicationProps)
		_, err := dlq.Send(message("x"))
		require.ErrorIs(t, err, ErrNotAllowed)
		_, err = dlq.Schedule(later("x", time.Hour))
		require.ErrorIs(t, err, ErrNotAllowed)
	})
}

func TestAReleasedMessagePrefersAnotherConsumerAndCountsNothing(t *testing.T) {
	inQueue(t, QueueProperties{MaxDeliveryCount: 1}, func(t *testing.T, _ *Namespace, q *Queue) {
		spare := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"))
		d := spare.one(t)
		require.NoError(t, q.Release(d.LockToken))
		d = spare.one(t) // nobody else waits
		other := attach(q, PeekLock, 1)
		require.NoError(t, q.Release(d.LockToken))
		require.Empty(t, spare.take())
		require.EqualValues(t, 0, other.one(t).Message.Header.DeliveryCount)
	})
}

func TestConsumersShareInTurn(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		a, b, c := attach(q, PeekLock, 10), attach(q, PeekLock, 10), attach(q, PeekLock, 1)
		for i := range 7 {
			_, _ = q.Send(message(fmt.Sprint(i)))
		}
		require.Equal(t, []string{"0", "3", "5"}, bodies(a.take()))
		require.Equal(t, []string{"1", "4", "6"}, bodies(b.take()))
		require.Equal(t, []string{"2"}, bodies(c.take()))
	})
}

func TestADetachedConsumerGetsNothingAndItsLocksRunOn(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"), message("b"))
		got := in.take()
		in.Detach()
		in.SetCredit(10)
		_, _ = q.Send(message("c"))
		require.Empty(t, in.take())
		require.NoError(t, q.Complete(got[0].LockToken), "a token is good without its link")
		next := attach(q, PeekLock, 10)
		require.Equal(t, []string{"c"}, bodies(next.take()))
		time.Sleep(time.Minute)
		require.Equal(t, []string{"b", "c"}, bodies(next.take()))
	})
}

func TestReceiveAndDeleteTakesTheMessageOut(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, ReceiveAndDelete, 10)
		_, _ = q.Send(message("a"), message("b"))
		got := in.take()
		require.Equal(t, []string{"a", "b"}, bodies(got))
		require.NotContains(t, got[0].Message.Annotations, annLockedUntil)
		require.Zero(t, got[0].LockedUntil)
		require.NotEqual(t, got[0].LockToken, got[1].LockToken)
		require.Equal(t, Counts{}, q.Counts())
		require.ErrorIs(t, q.Complete(got[0].LockToken), ErrLockLost)
	})
}

func TestWhatIsTakenToBeDeletedIsOutOfReachUntilItIsGivenBack(t *testing.T) {
	inQueue(t, QueueProperties{MaxDeliveryCount: 1}, func(t *testing.T, _ *Namespace, q *Queue) {
		var token uuid.UUID
		taker := q.Attach(ReceiveAndDelete, func(d Delivery) { token = d.LockToken })
		taker.SetCredit(1)
		_, _ = q.Send(living("a", time.Minute))
		pass(time.Hour)
		require.Equal(t, Counts{Active: 1, Locked: 1}, q.Counts(), "no lock that ends")
		require.Zero(t, q.LoseLocks())
		require.ErrorIs(t, q.LoseLock(token), ErrLockLost)
		_, err := q.Renew(token)
		require.ErrorIs(t, err, ErrLockLost)
		_, _ = q.Send(message("b"))
		in := attach(q, PeekLock, 10)
		require.Equal(t, []string{"b"}, bodies(in.take()))
		require.NoError(t, q.Release(token))
		require.Empty(t, in.take(), "its time is over")
		require.ErrorIs(t, q.Complete(token), ErrLockLost)

		taker.SetCredit(1)
		in.SetCredit(0)
		_, _ = q.Send(message("c"))
		pass(0)
		in.SetCredit(1)
		require.NoError(t, q.Release(token))
		d := in.one(t)
		require.Equal(t, "c", string(d.Message.Body))
		require.EqualValues(t, 0, d.Message.Header.DeliveryCount)
	})
}

func TestAScheduledMessageComesAtItsTimeUnderANewNumber(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		first, err := q.Schedule(later("b", time.Hour), later("a", 30*time.Second))
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2}, first)
		now, err := q.Send(message("now"), later("c", time.Hour), later("past", -time.Hour))
		require.NoError(t, err)
		require.Equal(t, []int64{3, 4, 5}, now)
		require.Equal(t, []string{"now", "past"}, bodies(in.take()))
		in.SetCredit(1) // for the one that comes first; "now" and "past" stay where they are
		require.Equal(t, Counts{Active: 2, Locked: 2, Scheduled: 3}, q.Counts())
		require.Equal(t, int32(2), q.Peek(1, 1)[0].Annotations[annState])
		require.Equal(t, int32(0), q.Peek(3, 1)[0].Annotations[annState])

		time.Sleep(30 * time.Second)
		d := in.take()
		require.Equal(t, []string{"a"}, bodies(d))
		require.EqualValues(t, 6, seqOf(d[0].Message))
		require.Equal(t, time.Now(), d[0].Message.Annotations[annEnqueuedTime])
		require.Equal(t, time.Now(), d[0].Message.Annotations[annScheduledTime])
		require.Equal(t, int32(0), d[0].Message.Annotations[annState])
		require.NoError(t, q.Complete(d[0].LockToken))

		require.ErrorIs(t, q.CancelScheduled(2), ErrMessageNotFound, "it came")
		require.ErrorIs(t, q.CancelScheduled(1, 3), ErrMessageNotFound, "3 is active, and then 1 stays")
		require.NoError(t, q.CancelScheduled(1, 1))
		require.ErrorIs(t, q.CancelScheduled(1), ErrMessageNotFound)
		in.SetCredit(0)
		time.Sleep(time.Hour)
		require.Equal(t, Counts{Active: 3}, q.Counts())
	})
}

func TestASendIsAllOrNothing(t *testing.T) {
	inQueue(t, QueueProperties{MaxMessageBytes: 10}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, err := q.Send(message("a"), message("too long, really"))
		require.ErrorIs(t, err, ErrTooLarge)
		key, group := message("b"), "g"
		key.Annotations = map[wire.Symbol]any{annPartitionKey: "other"}
		key.Properties = &wire.Properties{GroupID: &group}
		_, err = q.Send(message("a"), key)
		require.ErrorIs(t, err, ErrNotAllowed)
		require.Equal(t, Counts{}, q.Counts())
	})
}

func TestPeekPagesThroughEverything(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		for range 1000 {
			_, _ = q.Send(message("x"))
		}
		_, _ = q.Schedule(later("y", time.Hour))
		in := attach(q, PeekLock, 5)
		for _, d := range in.take()[1:] {
			require.NoError(t, q.Complete(d.LockToken))
		}
		var seqs []int64
		for from := int64(0); ; {
			page := q.Peek(from, 250)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				seqs = append(seqs, seqOf(m))
				require.NotContains(t, m.Annotations, annLockedUntil)
			}
			from = seqs[len(seqs)-1] + 1
		}
		require.Len(t, seqs, 997)
		require.IsIncreasing(t, seqs)
		require.Equal(t, int64(1001), seqs[996])
	})
}

func TestALostLockCountsAndTheMessageComesBack(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"), message("b"), message("c"))
		got := in.take()
		require.NoError(t, q.LoseLock(got[1].LockToken))
		require.ErrorIs(t, q.Complete(got[1].LockToken), ErrLockLost)
		require.EqualValues(t, 1, in.one(t).Message.Header.DeliveryCount)
		require.Equal(t, 3, q.LoseLocks())
		require.Equal(t, []string{"a", "b", "c"}, bodies(in.take()))
	})
}

func TestSentTwiceMeansTwoMessagesOfOneID(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		q.DeliverTwice(1)
		seqs, _ := q.Send(message("a"), message("b"))
		require.Equal(t, []int64{1, 3}, seqs)
		got := attach(q, PeekLock, 10).take()
		require.Equal(t, []string{"a", "a", "b"}, bodies(got))
		require.Equal(t, got[0].Message.Properties.MessageID, got[1].Message.Properties.MessageID)
		require.NotEqual(t, seqOf(got[0].Message), seqOf(got[1].Message))
	})
}

func TestDelayedDeliveriesComeLaterAndInOrder(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, _ = q.Send(message("a"))
		q.DelayDeliveries(3 * time.Second)
		in := attach(q, PeekLock, 10)
		time.Sleep(time.Second)
		_, _ = q.Send(message("b"))
		require.Empty(t, in.take())
		time.Sleep(2 * time.Second)
		require.Equal(t, []string{"a"}, bodies(in.take()))
		_, _ = q.Send(message("c"))
		require.Equal(t, Counts{Active: 3, Locked: 1}, q.Counts())
		q.DelayDeliveries(0)
		require.Equal(t, []string{"b", "c"}, bodies(in.take()))
	})
}

func TestAClosedNamespaceDeliversNothingMore(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, n *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"))
		require.Len(t, in.take(), 1)
		n.Close()
		_, _ = q.Send(message("b"))
		time.Sleep(time.Hour)
		require.Empty(t, in.take())
		n.Close()
	})
}
