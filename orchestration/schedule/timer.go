package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	asking  = 10 * time.Second // of one question to the memory
	sending = 30 * time.Second // of one event
	noting  = 5 * time.Second  // of writing down what was sent
	// longest is the longest pause between two rounds: a clock that was set, and what an operator did by hand, are seen after it.
	longest  = 15 * time.Second
	shortest = time.Second // between two looks at an open run, and after a failure
)

var (
	// errOver ends a round in which somebody else may lead.
	errOver = errors.New("schedule: the lease is over")
	// errOvertaken ends a round in which somebody else wrote; the next one sees what.
	errOvertaken = errors.New("schedule: the record has changed")
)

// timer is one schedule in one term.
type timer struct {
	*Scheduler
	s        Schedule
	first    bool  // no round has seen the record yet: what is due by then was missed
	unsaid   *note // decided, sent if it is to be, and not written down yet
	failures int
}

// note is what a round has done: it published a tick, or skipped some, or both.
type note struct {
	tick, skipped time.Time
	count         int // of those that were skipped
	event         string
	sent          time.Time
}

// on is the record with the note.
func (n note) on(r Record) Record {
	r.Skipped = latest(r.Skipped, n.skipped)
	if !n.tick.IsZero() {
		r.Tick, r.Event, r.Sent, r.State, r.Ended = n.tick, n.event, n.sent, Open, time.Time{}
	}
	return r
}

func (n note) at() time.Time { return latest(n.tick, n.skipped) }

// keep makes rounds until ctx ends.
func (t *timer) keep(ctx context.Context) {
	for ctx.Err() == nil {
		pause := t.turn(ctx)
		t.rounds.Store(t.s.Name, time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// turn makes one round and says how long to wait for the next.
func (t *timer) turn(ctx context.Context) time.Duration {
	r, err := t.safely(ctx)
	switch {
	case ctx.Err() != nil, errors.Is(err, errOver), errors.Is(err, errOvertaken):
		return shortest
	}
	t.o.Observe.Round(t.s.Name, err)
	if err != nil {
		t.failures++
		return min(shortest<<min(t.failures, 8), longest)
	}
	t.failures = 0
	return t.pause(r, time.Now())
}

// safely makes a round. A panic fails the round, and not the process.
func (t *timer) safely(ctx context.Context) (r Record, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("schedule: a round panicked")
		}
	}()
	return t.round(ctx)
}

// pause is how long nothing is to be done: until the next tick is due, or the open run should be looked at again.
func (t *timer) pause(r Record, now time.Time) time.Duration {
	wait := longest
	waits := t.s.Missed == All && r.State == Open // what is due waits for the run then
	if next := t.s.NextDue(r.At()); !next.IsZero() && (next.After(now) || !waits) {
		wait = max(0, min(wait, next.Sub(now))) // it may have fallen due during the round, which has not seen it
	}
	if r.State == Open { // the longer it runs, the less often it is asked for
		wait = min(wait, max(shortest, now.Sub(r.Sent)/10))
	}
	return wait
}

// round sees what became of the last event, and publishes or skips what is due.
func (t *timer) round(ctx context.Context) (r Record, err error) {
	if t.unsaid != nil {
		if err := t.write(ctx, *t.unsaid); err != nil {
			return r, err
		}
		t.unsaid = nil
	}
	if r, err = t.recall(ctx); err != nil {
		return r, err
	}
	now := time.Now()
	if r.Since.IsZero() || r.Ticks != t.s.Ticks.String() { // it begins with its next tick, and so do others in their place
		r.Since, r.Ticks = now, t.s.Ticks.String()
		if r, err = t.replace(ctx, r); err != nil {
			return r, err
		}
	}
	if r, err = t.follow(ctx, r, now); err != nil {
		return r, err
	}
	t.o.Observe.Known(t.s.Name, r)
	n := t.decide(r, now)
	t.first = false
	switch {
	case n == note{}:
		return r, nil
	case !n.tick.IsZero():
		if err := t.publish(ctx, n); err != nil {
			return r, err
		}
		n.sent = time.Now()
	}
	t.unsaid = &n // what was skipped stays so, too: the next round is not the first one any more
	if err := t.write(ctx, n); err != nil {
		return r, err
	}
	t.unsaid = nil
	return n.on(r), nil
}

// decide says what is to be done about the ticks that are due.
func (t *timer) decide(r Record, now time.Time) (n note) {
	ticks, count := t.s.Due(r.At(), now, MostBehind+1)
	if count == 0 {
		return n
	}
	newest := ticks[len(ticks)-1]
	skipTo := func(i int) { // the ticks before that of the number, counted from the end
		if n.count = count - i; n.count > 0 {
			n.skipped = ticks[len(ticks)-i-1]
		}
	}
	switch open := r.State == Open; {
	case t.s.Missed == All && open:
		if count > MostBehind {
			skipTo(MostBehind)
		}
	case t.s.Missed == All:
		behind := min(count, MostBehind)
		skipTo(behind)
		n.tick = ticks[len(ticks)-behind]
	case open, t.first && t.s.Missed == Skip:
		skipTo(0)
	default:
		skipTo(1)
		n.tick = newest
	}
	if !n.tick.IsZero() {
		n.event = t.s.Event(n.tick).ID
	}
	return n
}

// publish sends the tick's event, if this process leads still.
func (t *timer) publish(ctx context.Context, n note) error {
	if ctx.Err() != nil || !t.o.Holds() {
		return errOver
	}
	call, done := context.WithTimeout(ctx, sending)
	defer done()
	if err := t.o.Publish(call, t.s.Event(n.tick)); err != nil {
		return fmt.Errorf("publish the event of a tick: %w", err)
	}
	t.o.Observe.Published(t.s.Name, time.Since(t.s.At(n.tick)))
	return nil
}

// write notes what was done, over whatever was written meanwhile. What was sent is written down even if the term ends in this moment:
// whoever leads next need not send it again then.
func (t *timer) write(ctx context.Context, n note) error {
	if !n.tick.IsZero() {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(context.WithoutCancel(ctx), noting)
		defer done()
	}
	for range 5 {
		r, err := t.recall(ctx)
		if err != nil {
			return err
		}
		if !r.At().Before(n.at()) { // an answer was lost, or somebody else leads, and was quicker
			return nil
		}
		switch _, err := t.replace(ctx, n.on(r)); {
		case errors.Is(err, errOvertaken): // by an operator, most likely
			continue
		case err != nil:
			return err
		}
		if n.count > 0 {
			t.o.Observe.Skipped(t.s.Name, n.count)
		}
		return nil
	}
	return errOvertaken
}

// follow asks what became of an open event.
func (t *timer) follow(ctx context.Context, r Record, now time.Time) (Record, error) {
	if r.State != Open {
		return r, nil
	}
	call, done := context.WithTimeout(ctx, asking)
	defer done()
	run, err := t.o.Runs.Find(call, t.s.Source(), r.Event)
	if err != nil {
		return r, fmt.Errorf("ask for the run of the last event: %w", err)
	}
	was := r
	if r = r.after(run, t.s.patience(now), now); r.State == Open {
		return r, nil
	}
	if r, err = t.replace(ctx, r); err != nil {
		return was, err
	}
	t.o.Observe.Ended(t.s.Name, r, max(0, r.Ended.Sub(r.Sent)))
	return r, nil
}

// after is the record once it is known how its event's run stands.
func (r Record) after(run Run, patience time.Duration, now time.Time) Record {
	switch {
	case run.Over && run.Failed:
		r.State = Failed
	case run.Over:
		r.State = OK
	case now.Sub(latest(r.Sent, run.Active)) > patience: // of a run that nobody goes on with, its message is gone
		r.State = Lost
	default:
		return r
	}
	if r.Ended = run.Ended; r.Ended.IsZero() {
		r.Ended = now
	}
	if r.State == OK {
		r.Success = latest(r.Success, r.Ended)
	}
	return r
}

func (t *timer) recall(ctx context.Context) (Record, error) {
	call, done := context.WithTimeout(ctx, asking)
	defer done()
	r, err := t.o.Memory.Recall(call, t.s.Name)
	if err != nil {
		return r, fmt.Errorf("recall what was done: %w", err)
	}
	return r, nil
}

// replace writes a record in place of that which it came from.
func (t *timer) replace(ctx context.Context, r Record) (Record, error) {
	call, done := context.WithTimeout(ctx, asking)
	defer done()
	switch ok, err := t.o.Memory.Write(call, t.s.Name, r); {
	case err != nil:
		return r, fmt.Errorf("write down what was done: %w", err)
	case !ok:
		return r, errOvertaken
	}
	r.Version++
	return r, nil
}
