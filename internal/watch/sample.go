package watch

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// Sample is what was last seen of a queue.
type Sample struct {
	Queue   string
	Counted bool // Counts were read
	Counts  Counts

	// When the oldest message was enqueued: zero if there is none; not known while Found and FoundDead say so. A dead
	// letter counts from when it became one, where the message says so.
	Oldest, OldestDead time.Time
	Found, FoundDead   bool

	Took time.Duration
	At   time.Time // when everything about the queue was last read; zero for never in this term
}

// round looks at everything once. The store is asked beside the queues, because a broker that does not answer must not
// keep what Redis says from whoever wants to know.
func (w *Watch) round(ctx context.Context, finds []finder) {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		w.ask(ctx)
	}()
	defer func() { <-asked }()
	for i, q := range w.o.Queues {
		w.sample(ctx, q, &finds[i])
		if ctx.Err() != nil {
			return
		}
	}
}

// sample looks at one queue. Counts and oldest messages need different rights and fail apart: without the right to
// manage, the oldest messages are still found.
func (w *Watch) sample(ctx context.Context, q Queue, f *finder) {
	call, done := context.WithTimeout(ctx, w.o.Timeout)
	defer done()
	began := time.Now()
	s := Sample{Queue: q.Name}
	var counting, looking, lookingDead error
	if w.o.Counter != nil {
		s.Counts, counting = w.o.Counter.Counts(call, q.Name)
		s.Counted = counting == nil
	}
	s.Oldest, s.Found, looking = f.oldest(call, q.Live, s.Counted && s.Counts.Active == 0)
	s.OldestDead, s.FoundDead, lookingDead = oldestDead(call, q.DeadLetters, s.Counted && s.Counts.DeadLetter == 0)
	if ctx.Err() != nil {
		return // the term is over: what was cut short says nothing
	}
	err := errors.Join(counting, looking, lookingDead)
	s.Took = time.Since(began)

	w.mu.Lock()
	s.At = w.queues[q.Name].At
	if err == nil {
		s.At = time.Now()
	}
	w.queues[q.Name] = s
	w.mu.Unlock()
	w.o.Observe.Sampled(q.Name, err)
}

// ask reads what waits, and how Redis keeps its data.
func (w *Watch) ask(ctx context.Context) {
	call, done := context.WithTimeout(ctx, w.o.Timeout)
	defer done()
	waits := map[Wait]int{}
	counting := w.o.Store.Waiting(call, func(one redisstore.Waiting) error {
		waits[Wait{one.Scenario, one.Cause}]++
		return nil
	})
	if counting != nil {
		waits = nil
	}
	safety, asking := w.o.Store.Safety(call)
	alive, listing := w.o.Store.Members(call) // 0 with an error
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	w.waits, w.safety, w.alive = waits, safety, alive
	w.mu.Unlock()
	w.o.Observe.Asked(errors.Join(counting, asking, listing))
}
