package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/queuetest"
	"github.com/stretchr/testify/require"
)

// handlerFunc is an engine in one function.
type handlerFunc func(ctx context.Context, ev orchestration.Event) orchestration.Outcome

func (f handlerFunc) Handle(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
	return f(ctx, ev)
}

func done(context.Context, orchestration.Event) orchestration.Outcome {
	return orchestration.Outcome{Verdict: orchestration.Completed}
}

// untilInterrupted behaves as the engine does when its context ends.
func untilInterrupted(ctx context.Context, _ orchestration.Event) orchestration.Outcome {
	<-ctx.Done()
	if errors.Is(context.Cause(ctx), worker.ErrLockLost) {
		return orchestration.Outcome{Verdict: orchestration.Lost, Err: context.Cause(ctx)}
	}
	return orchestration.Outcome{Verdict: orchestration.Interrupted, Err: context.Cause(ctx)}
}

// notes is an Observer that remembers.
type notes struct {
	worker.NoObserver
	mu         sync.Mutex
	settled    []worker.Settled
	renewals   map[string]int
	reconnects []string
	copies     []worker.Why
	stacks     []string
}

func (n *notes) Settled(_ context.Context, s worker.Settled) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settled = append(n.settled, s)
}

func (n *notes) LockRenewed(_ context.Context, _, outcome string, _ error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.renewals == nil {
		n.renewals = map[string]int{}
	}
	n.renewals[outcome]++
}

func (n *notes) Reconnected(_ context.Context, _, reason string, _ error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reconnects = append(n.reconnects, reason)
}

func (n *notes) Rescheduled(_ context.Context, _ string, why worker.Why, _ time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.copies = append(n.copies, why)
}

func (n *notes) Panicked(_ context.Context, _ string, _ any, stack []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stacks = append(n.stacks, string(stack))
}

func (n *notes) results() []worker.Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []worker.Result
	for _, s := range n.settled {
		all = append(all, s.Result)
	}
	return all
}

// stage is a broker with a source queue and an own queue, and a worker on both.
type stage struct {
	*notes
	broker      *queuetest.Broker
	orders, own *queuetest.Queue
	worker      *worker.Worker
	stop        func() // SIGTERM, then wait for Run
	terminate   context.CancelFunc
	ended       chan error
}

const lock = 30 * time.Second

func start(t *testing.T, handle handlerFunc, change ...func(*worker.Options)) *stage {
	t.Helper()
	s := &stage{notes: &notes{}, broker: queuetest.NewBroker(), ended: make(chan error, 1)}
	s.orders = s.broker.Queue("orders", queuetest.Settings{LockDuration: lock, MaxDeliveryCount: 10})
	s.own = s.broker.Queue("live", queuetest.Settings{LockDuration: lock, MaxDeliveryCount: 50})
	o := worker.Options{
		Handler: handle, Outbox: s.broker, Observe: s.notes,
		Intakes: []worker.Intake{
			{Queue: s.orders, Slots: 4, OwnQueue: "live", MaxDeliveryCount: 10},
			{Queue: s.own, Slots: 4, OwnQueue: "live", MaxDeliveryCount: 50},
		},
	}
	for _, c := range change {
		c(&o)
	}
	w, err := worker.New(o)
	require.NoError(t, err)
	s.worker = w
	ctx, cancel := context.WithCancel(t.Context())
	s.terminate = cancel
	gone := make(chan struct{})
	go func() { defer close(gone); s.ended <- w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-gone })
	s.stop = func() {
		cancel()
		require.NoError(t, <-s.ended)
	}
	return s
}

func (s *stage) publish(t *testing.T, queue, id string) {
	t.Helper()
	parts := envelope.Encode(orchestration.Event{
		ID: id, Source: "shop", Type: "signalbox.order.placed.v1", Time: time.Now(), Data: []byte(`{"n":1}`),
	})
	parts.Properties["traceparent"] = "00-1-2-01"
	m := worker.Message{ID: "m-" + id, ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
	require.NoError(t, s.broker.Send(t.Context(), queue, m, time.Time{}))
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestAHandledEventIsCompletedAndAccountedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, done)
		s.publish(t, "orders", "1")
		pass(time.Second)
		s.stop()

		require.Zero(t, s.orders.Len())
		require.Len(t, s.settled, 1)
		got := s.settled[0]
		require.Equal(t, worker.ResultCompleted, got.Result)
		require.Equal(t, "shop", got.Event.Source)
		require.Equal(t, "orders", got.Event.Origin.Queue)
		require.Equal(t, got.Delivery.Sequence, got.Event.Origin.Sequence)
		require.Nil(t, got.Event.Data, "an observer never sees a body")
	})
}

func TestAMessageThatIsNoEventIsDeadLetteredWithoutTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			t.Error("the engine was called")
			return orchestration.Outcome{}
		})
		require.NoError(t, s.broker.Send(t.Context(), "orders", worker.Message{ContentType: envelope.ContentTypeStructured, Body: []byte(`{"id":1,"id":2}`)}, time.Time{}))
		pass(time.Second)
		s.stop()

		dead, err := s.orders.DeadLetters().Peek(t.Context(), 0, 9)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, string(fault.Malformed), dead[0].DeadLetterReason)
		require.Equal(t, "/id: The name is given twice in one object.", dead[0].DeadLetterDescription)
		require.NotEmpty(t, dead[0].Properties[envelope.PropertyDeadLetteredAt])
		require.Equal(t, "orders", s.settled[0].Event.Origin.Queue, "it can be accounted for")
	})
}

func TestAPostponedEventIsSentAgainBeforeItIsCompleted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var handled []orchestration.Event
		begun := time.Now()
		s := start(t, func(_ context.Context, ev orchestration.Event) orchestration.Outcome {
			handled = append(handled, ev)
			if len(handled) == 1 {
				return orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate, After: time.Minute, Attempt: 1}
			}
			require.GreaterOrEqual(t, time.Since(begun), time.Minute)
			return orchestration.Outcome{Verdict: orchestration.Completed}
		})
		s.publish(t, "orders", "1")
		pass(2 * time.Minute)
		s.stop()

		require.Equal(t, []string{"send orders", "send live", "complete orders", "complete live"}, s.broker.Journal())
		require.Len(t, handled, 2)
		require.Equal(t, 2, handled[1].Generation)
		require.Equal(t, 1, handled[1].Attempt)
		require.Equal(t, handled[0].Origin, handled[1].Origin)
		require.JSONEq(t, string(handled[0].Data), string(handled[1].Data))
		require.Equal(t, []worker.Result{worker.ResultRescheduled, worker.ResultCompleted}, s.results())
		require.Equal(t, "00-1-2-01", s.settled[1].Delivery.Properties["traceparent"], "a copy keeps its trace")
		require.Zero(t, s.settled[1].Wait, "a copy waited on purpose")
	})
}

func TestACopyThatCannotBeSentNeverCompletesTheOriginal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(_ context.Context, ev orchestration.Event) orchestration.Outcome {
			if ev.Generation > 1 {
				return orchestration.Outcome{Verdict: orchestration.Completed}
			}
			return orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseHeld, After: time.Second}
		})
		s.publish(t, "orders", "1")
		s.broker.FailSends(func(string) error { return worker.ErrConnectionLost })
		pass(90 * time.Second)

		require.NotContains(t, strings.Join(s.broker.Journal(), ","), "complete")
		require.Equal(t, []worker.Result{worker.ResultAbandoned}, s.results(), "a minute of tries cost one delivery")

		s.broker.FailSends(nil)
		pass(2 * time.Minute)
		s.stop()
		require.ElementsMatch(t, []worker.Result{worker.ResultAbandoned, worker.ResultRescheduled, worker.ResultCompleted}, s.results())
		for _, settled := range s.settled {
			if settled.Result == worker.ResultCompleted {
				require.Greater(t, settled.Event.Generation, 2, "a later try outranks an earlier one, which may have arrived")
			}
		}
	})
}

func TestACopyWithoutRoomIsDeadLettered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			return orchestration.Outcome{Verdict: orchestration.Postponed}
		})
		s.publish(t, "orders", "1")
		s.broker.FailSends(func(string) error { return fmt.Errorf("send: %w", worker.ErrTooLarge) })
		pass(time.Second)
		s.stop()
		dead, _ := s.orders.DeadLetters().Peek(t.Context(), 0, 9)
		require.Len(t, dead, 1)
		require.Equal(t, string(fault.TooLarge), dead[0].DeadLetterReason)
	})
}

func TestALongRunKeepsItsLock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		runs := 0
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			runs++
			pass(5 * time.Minute)
			return orchestration.Outcome{Verdict: orchestration.Completed}
		})
		s.publish(t, "orders", "1")
		pass(6 * time.Minute)
		s.stop()
		require.Equal(t, 1, runs)
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
		require.InDelta(t, 20, s.renewals["ok"], 1, "at half its life: every 15 s")
	})
}

func TestALostLockEndsTheRunAndSettlesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cause error
		s := start(t, func(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
			if cause != nil {
				return orchestration.Outcome{Verdict: orchestration.Completed}
			}
			<-ctx.Done()
			cause = context.Cause(ctx)
			return orchestration.Outcome{Verdict: orchestration.Completed} // even if it says so
		})
		s.publish(t, "orders", "1")
		pass(time.Second)
		s.orders.LoseLocks()
		s.orders.FailSettlements(func(operation string) error {
			t.Error("a lost lock was settled:", operation)
			return worker.ErrLockLost
		})
		s.orders.FailReceives(func(ctx context.Context) ([]worker.Message, error) { <-ctx.Done(); return nil, nil })
		pass(lock)
		synctest.Wait()

		require.ErrorIs(t, cause, worker.ErrLockLost)
		require.Equal(t, []worker.Result{worker.ResultLockLost}, s.results())
		require.Equal(t, 1, s.renewals["lost"])

		s.orders.FailSettlements(nil)
		s.orders.FailReceives(nil)
		pass(2 * time.Minute)
		s.stop()
		require.Zero(t, s.orders.Len())
	})
}

func TestARenewalThatKeepsFailingCountsAsALostLock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var lasted time.Duration
		s := start(t, func(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
			begun := time.Now()
			<-ctx.Done()
			lasted = time.Since(begun)
			return orchestration.Outcome{Verdict: orchestration.Lost}
		}, func(o *worker.Options) { o.Intakes = o.Intakes[:1] })
		s.publish(t, "orders", "1")
		s.orders.FailRenewals(func() error { return worker.ErrConnectionLost })
		pass(lock + time.Second)
		synctest.Wait()
		require.InDelta(t, lock.Seconds(), lasted.Seconds(), 1, "not before the lock's own end")
		require.Greater(t, s.renewals["error"], 2, "it was tried again in between")
		s.terminate()
		require.NoError(t, <-s.ended)
	})
}

func TestClocksThatDifferCostNoLock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			pass(3 * time.Minute)
			return orchestration.Outcome{Verdict: orchestration.Completed}
		}, func(o *worker.Options) {
			o.Intakes = o.Intakes[:1]
			o.Intakes[0].LockDuration = lock
			o.Intakes[0].Queue = aheadQueue{o.Intakes[0].Queue}
		})
		s.publish(t, "orders", "1")
		pass(4 * time.Minute)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

// aheadQueue is a queue whose broker's clock is an hour ahead of ours.
type aheadQueue struct{ worker.Queue }

func (q aheadQueue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	got, err := q.Queue.Receive(ctx, most)
	for i := range got {
		got[i].LockedUntil = got[i].LockedUntil.Add(time.Hour)
	}
	return got, err
}

func (q aheadQueue) RenewLock(ctx context.Context, m worker.Message) (time.Time, error) {
	until, err := q.Queue.RenewLock(ctx, m)
	return until.Add(time.Hour), err
}

func TestDrain(t *testing.T) {
	t.Run("lets what is in hand finish, and takes nothing more", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
				pass(40 * time.Second)
				return orchestration.Outcome{Verdict: orchestration.Completed}
			})
			s.publish(t, "orders", "1")
			pass(time.Second)
			s.terminate()
			synctest.Wait()
			s.publish(t, "orders", "2")
			begun := time.Now()
			require.NoError(t, <-s.ended)
			require.Equal(t, 39*time.Second, time.Since(begun))
			require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
			require.Equal(t, 1, s.orders.Len())
		})
	})
	t.Run("gives the rest back when its time is over, and costs no attempt", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := start(t, untilInterrupted)
			s.publish(t, "orders", "1")
			pass(time.Second)
			begun := time.Now()
			s.stop()
			require.Equal(t, 50*time.Second, time.Since(begun))
			require.Equal(t, []worker.Result{worker.ResultAbandoned}, s.results())
			require.True(t, s.settled[0].Drained)
			require.ErrorIs(t, s.settled[0].Outcome.Err, worker.ErrDrained)

			got, err := s.orders.Receive(t.Context(), 1)
			require.NoError(t, err)
			require.Len(t, got, 1, "at once, for another worker")
			require.NotContains(t, got[0].Properties, envelope.PropertyAttempt)
		})
	})
	t.Run("keeps the lock of a run that winds down", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := start(t, func(ctx context.Context, _ orchestration.Event) orchestration.Outcome {
				<-ctx.Done()
				pass(lock + lock/2) // a write that is out is waited for
				return orchestration.Outcome{Verdict: orchestration.Completed}
			}, func(o *worker.Options) { o.SettleTimeout = lock })
			s.publish(t, "orders", "1")
			pass(time.Second)
			s.stop()
			require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
			require.Zero(t, s.orders.Len())
		})
	})
	t.Run("never brings a message to the broker's maximum of deliveries", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			broker := queuetest.NewBroker()
			orders := broker.Queue("orders", queuetest.Settings{LockDuration: lock, MaxDeliveryCount: 10})
			own := broker.Queue("live", queuetest.Settings{LockDuration: lock, MaxDeliveryCount: 10})
			seen := &notes{}
			stage := stage{broker: broker}
			stage.publish(t, "orders", "1")
			for range 30 { // a month of deploys
				w, err := worker.New(worker.Options{Handler: handlerFunc(untilInterrupted), Outbox: broker, Observe: seen, Intakes: []worker.Intake{
					{Queue: orders, Slots: 1, OwnQueue: "live"}, {Queue: own, Slots: 1, OwnQueue: "live"},
				}})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				require.NoError(t, w.Run(ctx))
				cancel()
			}
			for _, q := range []*queuetest.Queue{orders, own} {
				dead, _ := q.DeadLetters().Peek(t.Context(), 0, 9)
				require.Empty(t, dead)
			}
			left, _ := own.Peek(t.Context(), 0, 9)
			require.Len(t, left, 1)
			require.Equal(t, int64(0), left[0].Properties[envelope.PropertyAttempt], "thirty drains cost no attempt")
			require.Contains(t, seen.copies, worker.WhyDrain)
		})
	})
	t.Run("ends even when a run does not", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			deaf := make(chan struct{})
			s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
				<-deaf
				return orchestration.Outcome{Verdict: orchestration.Lost}
			})
			s.publish(t, "orders", "1")
			pass(time.Second)
			s.terminate()
			require.ErrorContains(t, <-s.ended, "1 runs did not end")
			close(deaf)
			synctest.Wait()
		})
	})
}

func TestAPanicInTheHandlerIsReportedAndTheEventTriedLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		runs := 0
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			if runs++; runs < 3 {
				panic("what a surprise")
			}
			return orchestration.Outcome{Verdict: orchestration.Completed}
		})
		s.publish(t, "orders", "1")
		pass(time.Minute)
		s.stop()
		require.Len(t, s.stacks, 2)
		require.Contains(t, s.stacks[0], "TestAPanicInTheHandlerIsReported")
		require.Equal(t, []worker.Result{worker.ResultRescheduled, worker.ResultRescheduled, worker.ResultCompleted}, s.results())
	})
}

func TestAPanicAtEveryAttemptEndsBeforeAPerson(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome { panic("always") })
		s.publish(t, "orders", "1")
		pass(time.Hour)
		s.stop()
		dead, _ := s.own.DeadLetters().Peek(t.Context(), 0, 9)
		require.Len(t, dead, 1)
		require.Equal(t, string(fault.Bug), dead[0].DeadLetterReason)
	})
}

func TestNoMoreMessagesThanFreeSlotsAreTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			pass(10 * time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return orchestration.Outcome{Verdict: orchestration.Completed}
		})
		for i := range 10 {
			s.publish(t, "orders", fmt.Sprint(i))
		}
		pass(time.Second)
		require.Equal(t, 4, s.worker.InFlight())
		pass(time.Minute)
		s.stop()
		require.Equal(t, 4, most)
		require.Len(t, s.results(), 10)
		for _, r := range s.settled {
			require.Equal(t, 1, r.Delivery.DeliveryCount, "none was locked while it waited for a slot")
		}
	})
}

func TestAReceiverThatReturnsAtOnceIsReplacedAndNeverSpins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		calls := 0
		s := start(t, done)
		s.orders.FailReceives(func(context.Context) ([]worker.Message, error) { calls++; return nil, nil })
		pass(time.Minute)
		synctest.Wait()
		require.Positive(t, s.orders.Reopens())
		require.Less(t, calls, 40, "100 ms, doubling to 5 s")
		require.Contains(t, s.reconnects, "connlost")

		s.orders.FailReceives(nil)
		s.publish(t, "orders", "1")
		pass(10 * time.Second)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

func TestABrokerThatRefusesUsIsAskedAgainSlowlyAndReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		calls := 0
		s := start(t, done)
		s.orders.FailReceives(func(context.Context) ([]worker.Message, error) {
			calls++
			return nil, fmt.Errorf("receive: %w", worker.ErrUnauthorized)
		})
		pass(5 * time.Minute)
		synctest.Wait()
		require.Less(t, calls, 25)
		require.Contains(t, s.reconnects, "unauthorized")
		require.Equal(t, "unauthorized", s.worker.Queues()[0].Trouble)
		require.True(t, s.worker.Alive(), "an outage of the broker must not restart the fleet")

		s.orders.FailReceives(nil)
		s.publish(t, "orders", "1")
		pass(time.Minute)
		require.Empty(t, s.worker.Queues()[0].Trouble)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

func TestAPanicOfTheBrokersClientIsReportedAndHarmsOneMessageOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked []int
		s := start(t, done, func(o *worker.Options) {
			o.Intakes = o.Intakes[:1]
			o.Intakes[0].Queue = panickingQueue{o.Intakes[0].Queue, &asked}
		})
		s.publish(t, "orders", "1")
		pass(time.Minute)
		s.stop()
		require.Len(t, s.stacks, 1)
		require.Equal(t, []int{4, 1}, asked[:2], "one by one from then on")
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

// panickingQueue panics on its first receive, as the SDK does on an annotation of a wrong type.
type panickingQueue struct {
	worker.Queue
	asked *[]int
}

func (q panickingQueue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	if *q.asked = append(*q.asked, most); len(*q.asked) == 1 {
		panic("interface conversion: interface {} is int32, not string")
	}
	return q.Queue.Receive(ctx, most)
}

func TestHealth(t *testing.T) {
	t.Run("a worker is ready when the broker has answered, until it drains", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := start(t, untilInterrupted)
			require.False(t, s.worker.Ready())
			pass(2 * time.Second)
			require.True(t, s.worker.Ready(), "an empty queue answers too, and soon")
			s.publish(t, "orders", "1")
			pass(time.Second)
			s.terminate()
			synctest.Wait()
			require.False(t, s.worker.Ready())
			require.True(t, s.worker.Alive())
			require.NoError(t, <-s.ended)
		})
	})
	t.Run("a loop that waits for slots or is paused is alive, one that is stuck is not", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
				pass(10 * time.Minute)
				return orchestration.Outcome{Verdict: orchestration.Completed}
			})
			for i := range 4 {
				s.publish(t, "orders", fmt.Sprint(i))
			}
			pass(8 * time.Minute)
			require.True(t, s.worker.Alive())
			s.worker.Pause("operator")
			pass(time.Hour)
			require.True(t, s.worker.Alive())

			stuck := make(chan struct{})
			s.orders.FailReceives(func(context.Context) ([]worker.Message, error) { <-stuck; return nil, nil })
			s.worker.Resume("operator")
			pass(2 * time.Minute)
			require.False(t, s.worker.Alive())
			close(stuck)
			s.stop()
		})
	})
}

func TestAPauseStopsTheIntakeAtOnceAndLetsWorkGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			pass(10 * time.Second)
			return orchestration.Outcome{Verdict: orchestration.Completed}
		})
		s.publish(t, "orders", "1")
		pass(time.Second)
		s.worker.Pause("blocked")
		s.worker.Pause("operator")
		synctest.Wait()
		s.publish(t, "orders", "2")
		pass(time.Minute)
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
		require.Equal(t, []string{"blocked", "operator"}, s.worker.Paused())
		s.worker.Resume("blocked")
		pass(time.Minute)
		require.Len(t, s.results(), 1, "every reason must be gone")
		s.worker.Resume("operator")
		pass(time.Minute)
		s.stop()
		require.Len(t, s.results(), 2)
	})
}

func TestASettlementThatFailsIsNotCountedAsDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, done, func(o *worker.Options) { o.Intakes = o.Intakes[:1] })
		s.orders.FailSettlements(func(string) error { return worker.ErrConnectionLost })
		s.publish(t, "orders", "1")
		pass(time.Second)
		require.Equal(t, []worker.Result{worker.ResultLockLost}, s.results())
		require.ErrorIs(t, s.settled[0].Err, worker.ErrConnectionLost)
		s.orders.FailSettlements(nil)
		pass(2 * lock)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultLockLost, worker.ResultCompleted}, s.results())
	})
}

func TestOptionsReportEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	b := queuetest.NewBroker()
	q := b.Queue("orders", queuetest.Settings{})
	_, err := worker.New(worker.Options{Drain: -1, Intakes: []worker.Intake{{Queue: q}, {Queue: q, Slots: 1, OwnQueue: "live"}, {}}})
	for _, want := range []string{"no handler", "no outbox", "drain is negative", "at least one slot", "no own queue", "named twice", "intake 2 has no queue"} {
		require.ErrorContains(t, err, want)
	}
}

// pass lets virtual time go by; it is only called inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

// Only our own queue holds copies. Whoever may publish to a source queue must not make a message look like one.
func TestWhatAMessageOfASourceSaysOfBeingACopyIsNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string]orchestration.Event{}
		s := start(t, func(_ context.Context, ev orchestration.Event) orchestration.Outcome {
			mu.Lock()
			defer mu.Unlock()
			seen[ev.ID] = ev
			return orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.BusinessRule}
		})
		said := orchestration.Origin{Queue: "live", Enqueued: time.Now().Add(-time.Hour), Sequence: 7}
		for queue, id := range map[string]string{"orders": "forged", "live": "copied"} {
			parts := envelope.Encode(orchestration.Event{Source: "shop", ID: id, Type: "t", Time: time.Now(), Data: []byte(`{}`),
				Origin: said, Generation: 9, Attempt: 3})
			require.NoError(t, s.broker.Send(t.Context(), queue, worker.Message{ID: id, ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}, time.Time{}))
		}
		synctest.Wait()
		s.stop()
		require.Equal(t, said.Queue, seen["copied"].Origin.Queue)
		require.Equal(t, 9, seen["copied"].Generation)
		require.Equal(t, "orders", seen["forged"].Origin.Queue)
		require.Equal(t, []int{1, 0}, []int{seen["forged"].Generation, seen["forged"].Attempt})
		// Nor may a replay believe it.
		dead, err := s.orders.DeadLetters().Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Contains(t, dead[0].Properties[envelope.PropertyOrigin], "orders@")
		require.EqualValues(t, 1, dead[0].Properties[envelope.PropertyGeneration])
	})
}
