package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBroker has queues that are counted, peeked at and sent to.
type fakeBroker struct {
	mu      sync.Mutex
	letters map[string][]worker.Message // by queue; dead letters under queue + "!"
	refuse  map[string]error            // by what is asked: count, peek, peek dead, send
	hang    bool                        // no call is answered
	peeks   int
	sent    []string
	open    int // links
}

func newBroker() *fakeBroker {
	return &fakeBroker{letters: map[string][]worker.Message{}, refuse: map[string]error{}}
}

func (b *fakeBroker) set(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

func (b *fakeBroker) peeked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peeks
}

func (b *fakeBroker) sends() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sent)
}

func (b *fakeBroker) answer(ctx context.Context, what string) error {
	b.mu.Lock()
	hang, err := b.hang, b.refuse[what]
	b.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (b *fakeBroker) Counts(ctx context.Context, queue string) (Counts, error) {
	if err := b.answer(ctx, "count"); err != nil {
		return Counts{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := Counts{DeadLetter: int64(len(b.letters[queue+"!"])), Size: 1024, MaxSize: 1 << 30}
	for _, m := range b.letters[queue] {
		if m.State == worker.Active {
			c.Active++
		} else {
			c.Scheduled++
		}
	}
	return c, nil
}

func (b *fakeBroker) Beat(ctx context.Context, queue string) error {
	if err := b.answer(ctx, "send"); err != nil {
		return err
	}
	b.set(func() { b.sent = append(b.sent, queue) })
	return nil
}

// fakePeeker is one link to a queue.
type fakePeeker struct {
	b           *fakeBroker
	queue, what string
	used        bool
}

func (p *fakePeeker) Peek(ctx context.Context, from int64, most int) (got []worker.Message, err error) {
	if err := p.b.answer(ctx, p.what); err != nil {
		return nil, err
	}
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if !p.used {
		p.used = true
		p.b.open++
	}
	p.b.peeks++
	for _, m := range p.b.letters[p.queue] {
		if m.Sequence >= from && len(got) < most {
			got = append(got, m)
		}
	}
	return got, nil
}

func (p *fakePeeker) Close(context.Context) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.used {
		p.used = false
		p.b.open--
	}
}

type fakeStore struct {
	mu      sync.Mutex
	waiting []redisstore.Waiting
	err     error
}

func (s *fakeStore) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *fakeStore) Waiting(_ context.Context, use func(redisstore.Waiting) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.waiting {
		if err := use(w); err != nil {
			return err
		}
	}
	return s.err
}

func (s *fakeStore) Safety(context.Context) (redisstore.Safety, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return redisstore.Safety{Policy: "noeviction", Persistence: redisstore.PersistenceOK}, s.err
}

func (s *fakeStore) Members(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return 4, s.err
}

// told is what the observer was told.
type told struct {
	sampled, asked, sent int
	failures             map[string]int
}

type seen struct {
	mu sync.Mutex
	told
}

func (s *seen) Sampled(queue string, err error) { s.count(&s.sampled, queue, err) }
func (s *seen) Asked(err error)                 { s.count(&s.asked, "store", err) }
func (s *seen) Beaten(queue string, err error)  { s.count(&s.sent, queue+" beat", err) }

func (s *seen) count(n *int, what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
	if err != nil {
		s.failures[what]++
	}
}

// stand is a watch over two queues in virtual time.
type stand struct {
	*Watch
	b     *fakeBroker
	store *fakeStore
	seen  *seen
	end   context.CancelFunc
}

func inBubble(t *testing.T, change func(*Options), story func(s *stand)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store, seen := newBroker(), &fakeStore{}, &seen{told: told{failures: map[string]int{}}}
		o := Options{Counter: b, Store: store, Sender: b, Observe: seen, Every: 30 * time.Second, Beat: time.Minute}
		for _, name := range []string{"orders", "signalbox-live"} {
			o.Queues = append(o.Queues, Queue{Name: name, Live: &fakePeeker{b: b, queue: name, what: "peek"}, DeadLetters: &fakePeeker{b: b, queue: name + "!", what: "peek dead"}})
		}
		change(&o)
		w, err := New(o)
		require.NoError(t, err)
		ctx, end := context.WithCancel(t.Context())
		s := &stand{w, b, store, seen, end}
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Lead(ctx)
		}()
		synctest.Wait()
		story(s)
		end()
		<-done
		_, leads := w.Sight()
		require.False(t, leads, "who does not lead says nothing")
		require.Zero(t, b.open, "links left open")
	})
}

func (s *stand) told() told {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	t := s.seen.told
	t.failures = maps.Clone(t.failures)
	return t
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (s *stand) sight(t *testing.T) Sight {
	t.Helper()
	sight, leads := s.Sight()
	require.True(t, leads)
	return sight
}

func message(sequence int64, state worker.State, enqueued time.Time) worker.Message {
	return worker.Message{Sequence: sequence, State: state, Enqueued: enqueued}
}

func TestALeaderLooksAtOnceAndThenEveryWhile(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		began := time.Now()
		got := s.sight(t).Queues
		require.Len(t, got, 2)
		require.Equal(t, Sample{Queue: "orders", Counted: true, Counts: Counts{Size: 1024, MaxSize: 1 << 30}, Found: true, FoundDead: true, At: began}, got[0])
		require.Zero(t, s.b.peeked(), "an empty queue is not looked into")
		after(10 * time.Minute)
		require.Equal(t, 2*21, s.told().sampled)
		require.Equal(t, 2*11, s.told().sent)
		require.Empty(t, s.told().failures)
	})
}

func TestTheOldestMessagesAreFound(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		now := time.Now()
		dead := message(1, worker.Active, now.Add(-7*24*time.Hour))
		dead.Properties = map[string]any{envelope.PropertyDeadLetteredAt: now.Add(-time.Hour).UTC().Format(time.RFC3339Nano)}
		s.b.set(func() {
			s.b.letters["orders"] = []worker.Message{message(3, worker.Scheduled, now.Add(time.Hour)), message(8, worker.Deferred, now.Add(-2*time.Hour)),
				message(9, worker.Active, now.Add(-time.Minute)), message(10, worker.Active, now.Add(-time.Second))}
			s.b.letters["orders!"] = []worker.Message{dead, message(2, worker.Active, now.Add(-time.Minute))}
		})
		after(30 * time.Second)
		q := s.sight(t).Queues[0]
		require.EqualValues(t, 2, q.Counts.Active)
		require.Equal(t, now.Add(-time.Minute), q.Oldest, "the scheduled and the deferred one wait for something else")
		require.True(t, now.Add(-time.Hour).Equal(q.OldestDead), "from when it became a dead letter, not from when it was published")
		peeks := s.b.peeked()
		after(30 * time.Second)
		require.Equal(t, 2, s.b.peeked()-peeks, "one look for each, however long it goes on")
	})
}

func TestThousandsOfScheduledMessagesBeforeItHideTheOldestOnlyForAWhile(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		now := time.Now()
		const parked = 2500
		var all []worker.Message
		for i := range int64(parked) {
			all = append(all, message(i+1, worker.Scheduled, now.Add(time.Hour)))
		}
		all = append(all, message(parked+1, worker.Active, now.Add(-time.Minute)))
		s.b.set(func() { s.b.letters["orders"] = all })
		after(30 * time.Second)
		require.False(t, s.sight(t).Queues[0].Found)
		require.Equal(t, pages, s.b.peeked(), "a round costs no more")
		after(time.Minute)
		q := s.sight(t).Queues[0]
		require.True(t, q.Found)
		require.Equal(t, now.Add(-time.Minute), q.Oldest)
		peeks := s.b.peeked()
		after(30 * time.Second)
		require.Equal(t, 1, s.b.peeked()-peeks, "it knows where to look")

		s.b.set(func() { s.b.letters["orders"] = []worker.Message{message(1, worker.Active, now)} }) // a broker that counts anew
		after(time.Minute)
		require.Equal(t, now, s.sight(t).Queues[0].Oldest)
	})
}

func TestWithoutTheRightToManageTheOldestAreStillFound(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		good := s.sight(t).Queues[0].At
		now := time.Now()
		s.b.set(func() {
			s.b.refuse["count"] = worker.ErrUnauthorized
			s.b.letters["orders"] = []worker.Message{message(1, worker.Active, now)}
		})
		after(30 * time.Second)
		q := s.sight(t).Queues[0]
		require.False(t, q.Counted)
		require.True(t, q.Found)
		require.Equal(t, now, q.Oldest)
		require.Equal(t, good, q.At, "the last sample is the last whole one")
		require.Equal(t, map[string]int{"orders": 1, "signalbox-live": 1}, s.told().failures)
	})
}

func TestABrokerThatDoesNotAnswerHoldsUpNothingElse(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		s.b.set(func() { s.b.hang = true })
		after(5 * time.Minute)
		require.NotZero(t, s.told().failures["orders"])
		require.NotZero(t, s.told().failures["orders beat"])
		require.Zero(t, s.told().failures["store"])
		require.Greater(t, s.told().asked, 4)
		s.b.set(func() { s.b.hang = false })
		after(2 * time.Minute)
		require.True(t, s.sight(t).Queues[0].Counted)
	})
}

func TestWaitingRunsAreCountedByCause(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		require.Equal(t, map[Wait]int{}, s.sight(t).Waits, "known to be none")
		s.store.set(func() {
			s.store.waiting = []redisstore.Waiting{{Scenario: "customers", Cause: "gate", Run: "1"}, {Scenario: "customers", Cause: "gate", Run: "2"},
				{Scenario: "customers", Cause: "hq", Run: "3"}}
		})
		after(30 * time.Second)
		require.Equal(t, map[Wait]int{{"customers", "gate"}: 2, {"customers", "hq"}: 1}, s.sight(t).Waits)
		require.Equal(t, redisstore.PersistenceOK, s.sight(t).Safety.Persistence)
		require.Equal(t, 4, s.sight(t).Members)
		s.store.set(func() { s.store.err = errors.New("connection refused") })
		after(30 * time.Second)
		require.Nil(t, s.sight(t).Waits, "half a count is none")
		require.Equal(t, 1, s.told().failures["store"])
	})
}

func TestAHeartbeatIsNotTakenForWork(t *testing.T) {
	inBubble(t, func(*Options) {}, func(s *stand) {
		sent := time.Now()
		require.Equal(t, map[string]time.Time{"orders": sent, "signalbox-live": sent}, s.sight(t).Beats)
		require.Equal(t, []string{"orders", "signalbox-live"}, s.b.sends())
		require.Zero(t, s.sight(t).Queues[0].Counts.Active, "the round comes first")
		after(time.Minute)
		require.Len(t, s.b.sends(), 4)
		require.Equal(t, sent.Add(time.Minute), s.sight(t).Beats["orders"])
		s.b.set(func() { s.b.refuse["send"] = worker.ErrConnectionLost })
		after(time.Minute)
		require.Equal(t, sent.Add(time.Minute), s.sight(t).Beats["orders"], "what the broker did not take was not sent")
		require.Equal(t, 1, s.told().failures["orders beat"])
	})
}

func TestASubscriptionIsLookedAtAndGetsNoHeartbeat(t *testing.T) {
	inBubble(t, func(o *Options) { o.Queues[0].NoBeat = true }, func(s *stand) {
		after(time.Minute)
		require.Equal(t, []string{"signalbox-live", "signalbox-live"}, s.b.sends())
		require.NotContains(t, s.sight(t).Beats, "orders")
		require.Equal(t, "orders", s.sight(t).Queues[0].Queue)
	})
}

func TestEitherCanBeSwitchedOff(t *testing.T) {
	t.Run("no looking", func(t *testing.T) {
		inBubble(t, func(o *Options) { o.Every, o.Counter, o.Store = 0, nil, nil }, func(s *stand) {
			after(time.Minute)
			require.Zero(t, s.told().sampled)
			require.Len(t, s.b.sends(), 4)
		})
	})
	t.Run("no heartbeat", func(t *testing.T) {
		inBubble(t, func(o *Options) { o.Beat, o.Sender = 0, nil }, func(s *stand) {
			after(time.Minute)
			require.Equal(t, 2*3, s.told().sampled)
			require.Empty(t, s.b.sends())
		})
	})
	t.Run("neither", func(t *testing.T) {
		inBubble(t, func(o *Options) { o.Every, o.Beat = 0, 0 }, func(s *stand) {
			after(time.Hour)
			require.Zero(t, s.told().sampled+len(s.b.sends()))
		})
	})
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{Every: time.Second, Beat: time.Second, Timeout: -1, Queues: []Queue{{}}})
	for _, problem := range []string{"a negative time", "a store", "a sender", "an observer", "queue 0"} {
		require.ErrorContains(t, err, problem)
	}
}
