package trouble

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

// greeting is an event about a customer that somebody else creates.
type greeting struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Product  string `json:"product,omitempty"`
}

const greetingType = "example.greeting.sent.v1"

// greetings are what has been sent to whom, and when. They behave: a greeting is sent once for each number.
type greetings struct {
	mu   sync.Mutex
	sent map[string]string // D365 id, by the greeting's id
	at   map[string]time.Time
	twos int
}

func (g *greetings) scenario() orchestration.Scenario {
	type run = orchestration.Run[greeting, struct{}]
	return orchestration.Pipeline[greeting, struct{}]{
		Name: "greetings", Handles: greetingType, Version: 1, Order: orchestration.Fact, Schema: []byte(`{"type": "object"}`),
		Entity: func(e greeting) (kind, id string) { return "greeting", e.ID },
		Needs: func(e greeting) []mapping.Ref {
			needs := []mapping.Ref{{Kind: "customer", ID: e.Customer}}
			if e.Product != "" {
				needs = append(needs, mapping.Ref{Kind: "product", ID: e.Product})
			}
			return needs
		},
		Steps: []orchestration.Step[greeting, struct{}]{{Name: "send-greeting", Sure: orchestration.Conclusive,
			Look: func(_ context.Context, r *run) (bool, error) {
				if _, err := r.Needed(0); err != nil {
					return false, err
				}
				if r.In.Product != "" {
					if _, err := r.Needed(1); err != nil {
						return false, err
					}
				}
				g.mu.Lock()
				defer g.mu.Unlock()
				_, found := g.sent[r.In.ID]
				return found, nil
			},
			Act: func(_ context.Context, r *run) error {
				id, err := r.Needed(0)
				g.mu.Lock()
				defer g.mu.Unlock()
				if g.sent[r.In.ID] != "" {
					g.twos++
				}
				g.sent[r.In.ID], g.at[r.In.ID] = id, time.Now()
				return err
			}}},
	}
}

// take waits for a greeting, and gives its receiver and when it was sent.
func (g *greetings) take(t testing.TB, id string) (to string, at time.Time) {
	t.Helper()
	for range 24 * 3600 {
		g.mu.Lock()
		to, at = g.sent[id], g.at[id]
		g.mu.Unlock()
		if to != "" {
			return to, at
		}
		<-time.After(time.Second)
	}
	t.Fatalf("greeting %s was not sent within a day", id)
	return "", at
}

// waits runs a story about a fleet that also greets.
func waits(t *testing.T, story func(f *fleet, g *greetings), change ...func(*app.Parts)) {
	t.Helper()
	g := &greetings{sent: map[string]string{}, at: map[string]time.Time{}}
	empty(t, harness.Options{}, func(f *fleet) {
		for range 2 {
			p := f.StartWith(nil, func(p *app.Parts) {
				p.Scenarios = func(s scenarios.Parts) []orchestration.Scenario { return append(scenarios.All(s), g.scenario()) }
				for _, c := range change {
					c(p)
				}
			})
			f.processes = append(f.processes, p)
			<-time.After(time.Second) // so that the first leads
		}
		story(f, g)
	}, func(f *fleet) {
		require.Zero(f.T, g.twos, "greetings sent twice")
		require.True(f.T, f.Empty(), "no copy is left")
		f.requireNoAttempt()
	})
}

// greet publishes a greeting, and waits until it is parked.
func (f *fleet) greet(data string, n int) {
	f.T.Helper()
	ev := orchestration.Event{Source: harness.Source, ID: fmt.Sprintf("greeting-%d", n), Type: greetingType, Time: time.Now(), Data: []byte(data)}
	ev.CorrelationID = orchestration.DeriveCorrelationID(ev.Source, ev.ID)
	f.Send(app.Message(ev))
}

// parked waits until so many copies are parked for a dependency, in all.
func (f *fleet) parked(n int) {
	f.T.Helper()
	for range 600 {
		if f.count(telemetry.RescheduledMessages, "reason", "dependency") >= float64(n) {
			<-time.After(5 * time.Second) // and noted
			return
		}
		<-time.After(time.Second)
	}
	f.T.Fatalf("%d copies are not parked: %s", n, f.log())
}

const woken = "an event goes on: the binding it waited for is there"

func TestAnEventThatNeedsACustomerIsWokenWhenTheCustomerIsThere(t *testing.T) {
	waits(t, func(f *fleet, g *greetings) {
		for n := range 30 {
			f.greet(fmt.Sprintf(`{"id": "G-%d", "customer": "C-1"}`, n), n)
		}
		f.parked(30)
		w := f.waiting(30)
		require.Equal(f.T, "dependency", w.For)
		require.Equal(f.T, redisstore.RunNeed{Kind: "customer", Source: harness.Source, ID: "C-1", Name: w.Needs.Name}, *w.Needs)
		f.Publish(jane("e1", time.Now(), "Redmond"))
		began := time.Now()
		for n := range 30 {
			to, at := g.take(f.T, fmt.Sprintf("G-%d", n))
			account, _ := f.Bound(harness.Source, "C-1")
			require.Equal(f.T, account, to)
			require.Less(f.T, at.Sub(began), 10*time.Second, "it was woken, and not just due")
		}
		<-time.After(10 * time.Second)
		require.Len(f.T, f.lines(woken), 30)
		f.forgotten()
	})
}

// waiting gives what the waiting runs wait for, and requires that there are so many.
func (f *fleet) waiting(n int) (w redisstore.RunWait) {
	f.T.Helper()
	tracer, count := redisstore.NewTracer(f.Redis, f.Keys()), 0
	require.NoError(f.T, tracer.Waiting(f.T.Context(), func(one redisstore.Waiting) error {
		count++
		runs, err := tracer.Runs(f.T.Context(), []string{one.Run})
		require.Len(f.T, runs, 1)
		w = *runs[0].Wait
		return err
	}))
	require.Equal(f.T, n, count)
	return w
}

// forgotten requires that the index of who waits is empty.
func (f *fleet) forgotten() {
	f.T.Helper()
	keys, err := f.Redis.Keys(f.T.Context(), "*:wait:*").Result()
	require.NoError(f.T, err)
	require.Empty(f.T, keys)
	n, err := f.Redis.Exists(f.T.Context(), f.Keys().Wakes()).Result()
	require.NoError(f.T, err)
	require.Zero(f.T, n)
}

func TestAnEventThatNeedsTwoBindingsIsWokenByEachAndGoesOnWithBoth(t *testing.T) {
	waits(t, func(f *fleet, g *greetings) {
		f.greet(`{"id": "G-1", "customer": "C-1", "product": "P-1"}`, 1)
		f.parked(1)
		f.Publish(jane("e1", time.Now(), "Redmond"))
		f.parked(2)
		require.Equal(f.T, "P-1", f.waiting(1).Needs.ID)
		began := time.Now()
		f.bind("product", "P-1", "22565423118") // as mapping import does
		_, at := g.take(f.T, "G-1")
		require.Less(f.T, at.Sub(began), 10*time.Second)
	})
}

func (f *fleet) bind(kind, id, d365 string) {
	f.T.Helper()
	scope := f.Config().Channels[0].Scope()
	answers, err := redistable.New(f.Redis, f.Keys()).Bind(context.Background(), []mapping.Entry{{
		Ref: mapping.Ref{Kind: kind, Scope: scope, Source: harness.Source, ID: id}, Target: mapping.Target{Kind: kind, Scope: scope, ID: d365}}}, false)
	require.NoError(f.T, err)
	require.Equal(f.T, mapping.Bound, answers[0].Result)
}

// between does something right after a copy was parked, before anybody can know of it.
type between struct {
	worker.Outbox
	once sync.Once
	do   func()
	lose bool
}

func (b *between) Schedule(ctx context.Context, queue string, m worker.Message, at time.Time) (n int64, err error) {
	n, err = b.Outbox.Schedule(ctx, queue, m, at)
	b.once.Do(func() {
		b.do()
		if b.lose {
			n, err = 0, worker.ErrConnectionLost
		}
	})
	return n, err
}

func TestABindingThatComesBetweenTheQuestionAndTheWaitIsNotMissed(t *testing.T) {
	b := &between{}
	waits(t, func(f *fleet, g *greetings) {
		b.do = func() { f.bind("customer", "C-1", "004711") }
		began := time.Now()
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		to, at := g.take(f.T, "G-1")
		require.Equal(f.T, "004711", to)
		require.Less(f.T, at.Sub(began), 10*time.Second)
		require.Empty(f.T, f.lines(woken), "it woke itself")
		f.forgotten()
	}, func(p *app.Parts) {
		p.WrapOutbox = func(o worker.Outbox) worker.Outbox { b.Outbox = o; return b }
	})
}

func TestACopyWhoseNumberWasLostComesWhenItIsDueAndItsSecondIsWoken(t *testing.T) {
	b := &between{do: func() {}, lose: true}
	waits(t, func(f *fleet, g *greetings) {
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		f.parked(1)
		began := time.Now()
		f.bind("customer", "C-1", "004711")
		_, at := g.take(f.T, "G-1")
		require.Less(f.T, at.Sub(began), 10*time.Second)
	}, func(p *app.Parts) {
		p.WrapOutbox = func(o worker.Outbox) worker.Outbox { b.Outbox = o; return b }
	})
}

func TestAWipeCostsAWaitingEventAsMuchAsItsCopyIsParked(t *testing.T) {
	waits(t, func(f *fleet, g *greetings) {
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		f.parked(1)
		f.Mini.FlushAll()
		f.bind("customer", "C-1", "004711")
		began := time.Now()
		_, at := g.take(f.T, "G-1")
		require.Greater(f.T, at.Sub(began), 4*time.Minute)
		require.Less(f.T, at.Sub(began), 10*time.Minute)
	})
}

// dies makes the sends of a waker fail while it lasts, or its cancellations.
type dies struct {
	worker.Outbox
	send, cancel *bool
}

func (d dies) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	if *d.send && at.IsZero() && queue == harness.OwnQueue {
		return worker.ErrConnectionLost
	}
	return d.Outbox.Send(ctx, queue, m, at)
}

func (d dies) Cancel(ctx context.Context, queue string, n int64) error {
	if *d.cancel {
		return worker.ErrConnectionLost
	}
	return d.Outbox.Cancel(ctx, queue, n)
}

func TestWhoWasReadAndNotWokenIsWokenByTheNextRoundAndWhatWasNotCancelledIsSurplus(t *testing.T) {
	send, cancel := true, true
	waits(t, func(f *fleet, g *greetings) {
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		f.parked(1)
		f.bind("customer", "C-1", "004711")
		<-time.After(10 * time.Second)
		require.Empty(f.T, f.lines(woken))
		send = false
		began := time.Now()
		_, at := g.take(f.T, "G-1")
		require.Less(f.T, at.Sub(began), time.Minute)
		f.Settle(patience)
		require.Equal(f.T, 1.0, f.count(telemetry.Messages, "outcome", "duplicate")+f.count(telemetry.Messages, "outcome", "surplus"), "the parked copy, when it was due")
	}, func(p *app.Parts) {
		p.WrapOutbox = func(o worker.Outbox) worker.Outbox { return dies{o, &send, &cancel} }
	})
}

func TestAnotherProcessWakesWhenTheOneThatDidLeaves(t *testing.T) {
	waits(t, func(f *fleet, g *greetings) {
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		f.parked(1)
		led := f.wakes()
		f.processes[0].Stop() // it came first
		f.processes = f.processes[1:]
		began := time.Now()
		f.bind("customer", "C-1", "004711")
		_, at := g.take(f.T, "G-1")
		require.Less(f.T, at.Sub(began), time.Minute)
		require.NotEqual(f.T, led, f.wakes())
	})
}

// wakes names the process that wakes.
func (f *fleet) wakes() string {
	f.T.Helper()
	owner, err := f.Redis.Get(f.T.Context(), f.Keys().Lease("wake")).Result()
	require.NoError(f.T, err)
	return owner
}

func TestWhatNeverComesIsExplainedAfterThePatienceOfTheEvent(t *testing.T) {
	g := &greetings{sent: map[string]string{}, at: map[string]time.Time{}}
	empty(t, harness.Options{Env: map[string]string{"SIGNALBOX_RUN_PATIENCE": "2h"}}, func(f *fleet) {
		p := f.StartWith(nil, func(p *app.Parts) {
			p.Scenarios = func(s scenarios.Parts) []orchestration.Scenario { return append(scenarios.All(s), g.scenario()) }
		})
		f.processes = append(f.processes, p)
		f.greet(`{"id": "G-1", "customer": "C-1"}`, 1)
		f.greet(`{"id": "G-2", "customer": "jane@example.com"}`, 2)
		f.Settle(patience)
	}, func(f *fleet) {
		letters := f.reasons()
		require.Len(f.T, letters, 2)
		require.Contains(f.T, letters, string(fault.MissingDependency)+`: send-greeting: needs the customer "C-1" of source https://shop.example.com, which is not bound to a D365 record`)
		require.Contains(f.T, letters, string(fault.MissingDependency)+`: send-greeting: needs the customer (its id looks personal) of source https://shop.example.com, which is not bound to a D365 record`)
		require.NotContains(f.T, f.log(), "jane@example.com")
		for _, line := range f.lines("message settled") {
			require.NotContains(f.T, line["error"], "C-1", "a source's id is not for the log")
		}
		copies := f.count(telemetry.RescheduledMessages, "reason", "dependency")
		require.Less(f.T, copies, 20.0, "the waits double")
		f.forgotten()
	})
}
