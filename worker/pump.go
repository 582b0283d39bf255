package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	earlyEmpties  = 3                // quick empty returns before the receiver is suspected dead
	caution       = 10 * time.Minute // how long messages are taken singly after the broker's client panicked
	emptyBackoff  = 100 * time.Millisecond
	emptyCeiling  = 5 * time.Second
	faultBackoff  = time.Second // after a receive error
	faultCeiling  = 30 * time.Second
	longestLock   = 5 * time.Minute // the broker's own maximum
	shortestLock  = 5 * time.Second // the broker's own minimum
	renewDeadline = 10 * time.Second
)

// pump is the receive loop of one queue with its slots.
type pump struct {
	w     *Worker
	in    Intake
	name  string
	slots chan struct{} // a token per free slot
	valve *valve

	round    atomic.Int64 // when the loop last went round, Unix nanoseconds
	answered atomic.Bool
	inHand   atomic.Int64
	trouble  atomic.Value // string

	// Used by the loop alone.
	empties  int // quick empty returns in a row
	rests    backoff.BackOff
	relapses backoff.BackOff
	singly   time.Time // until when messages are taken one by one
	dog      *watchdog

	held sync.Map // sequence numbers of the messages in hand
}

func newPump(w *Worker, in Intake) *pump {
	p := &pump{w: w, in: in, name: in.Queue.Name(), slots: make(chan struct{}, in.Slots), valve: newValve()}
	p.rests, p.relapses = rising(emptyBackoff, emptyCeiling), rising(faultBackoff, faultCeiling)
	p.dog = newWatchdog(in.Peek, w.options.StuckAfter)
	p.release(in.Slots)
	p.beat()
	return p
}

func rising(from, to time.Duration) backoff.BackOff {
	return backoff.NewExponentialBackOff(backoff.WithInitialInterval(from), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.2), backoff.WithMaxInterval(to), backoff.WithMaxElapsedTime(0))
}

func (p *pump) beat()                { p.round.Store(time.Now().UnixNano()) }
func (p *pump) lastRound() time.Time { return time.Unix(0, p.round.Load()) }

// run takes messages until intake ends and gives each to one of as many goroutines as there are slots, counted in hands. They stay:
// a goroutine for each message would grow its stack anew each time.
func (p *pump) run(intake, work context.Context, hands *sync.WaitGroup) {
	given := make(chan Message)
	defer close(given)
	for range p.in.Slots {
		hands.Go(func() {
			for m := range given {
				p.take(work, m)
			}
		})
	}
	for p.waitOpen(intake) {
		n := p.acquire(intake)
		if n == 0 {
			return
		}
		messages := p.receive(intake, n)
		p.release(n - len(messages))
		for _, m := range messages {
			p.inHand.Add(1)
			p.held.Store(m.Sequence, true)
			given <- m // a slot is free, so one is waiting, or about to
		}
		p.restIfNeeded(intake)
	}
}

// take handles a message and gives its slot back.
func (p *pump) take(work context.Context, m Message) {
	defer p.release(1)
	defer p.inHand.Add(-1)
	defer p.held.Delete(m.Sequence)
	p.handle(work, m)
}

// waitOpen waits while the intake is paused; false when it has ended.
func (p *pump) waitOpen(intake context.Context) bool {
	for {
		p.beat()
		flow, resumed := p.valve.state()
		if intake.Err() != nil {
			return false
		}
		if flow.Err() == nil {
			return true
		}
		select {
		case <-intake.Done():
		case <-resumed:
		case <-time.After(p.w.options.ReceiveWait):
		}
	}
}

// acquire waits for a free slot and takes as many as there are: a message that waits here for a slot would use up
// its lock. It is zero when intake has ended.
func (p *pump) acquire(intake context.Context) int {
	most := min(p.in.Slots, p.w.options.MaxReceive)
	if time.Now().Before(p.singly) {
		most = 1
	}
	n := 0
	for n == 0 {
		select {
		case <-intake.Done():
			return 0
		case <-p.slots:
			n = 1
		case <-time.After(p.w.options.ReceiveWait):
			p.beat()
		}
	}
	for n < most {
		select {
		case <-p.slots:
			n++
		default:
			return n
		}
	}
	return n
}

func (p *pump) release(n int) {
	for range n {
		p.slots <- struct{}{}
	}
}

// receive makes one call and draws its conclusions from how it ended.
func (p *pump) receive(intake context.Context, n int) []Message {
	call, cancel := context.WithTimeout(intake, p.w.options.ReceiveWait)
	defer cancel()
	flow, _ := p.valve.state()
	defer context.AfterFunc(flow, cancel)()

	start := time.Now()
	if err := p.open(call); err != nil {
		p.w.options.Observe.Called(intake, p.name, "receive", time.Since(start), err)
		if !errors.Is(call.Err(), context.Canceled) { // by a pause or a drain: says nothing
			p.failed(intake, err)
		}
		return nil
	}
	messages, err := p.receiveSafely(call, n)
	if err != nil && call.Err() != nil && errors.Is(err, call.Err()) {
		err = nil // it waited as long as it was told to
	}
	p.w.options.Observe.Called(intake, p.name, "receive", time.Since(start), err)
	switch {
	case err != nil:
		p.failed(intake, err)
	case len(messages) == 0 && errors.Is(call.Err(), context.Canceled):
		p.dog.excused() // cut short by a pause or a drain: says nothing
	case len(messages) > 0, call.Err() != nil:
		p.empties = 0
		p.rests.Reset()
		p.relapses.Reset()
		p.trouble.Store("")
		p.answered.Store(true)
		p.watch(intake, len(messages))
	default:
		p.empties++ // nothing, and much too soon: the link is gone, or dead
	}
	return messages
}

// watch replaces a receiver that has got nothing for long although there is something.
func (p *pump) watch(intake context.Context, got int) {
	if got > 0 {
		p.dog.fed()
		return
	}
	ours := func(sequence int64) bool { _, is := p.held.Load(sequence); return is }
	if p.dog.starved(intake, ours) {
		p.w.options.Observe.Reconnected(intake, p.name, ReasonStuck, nil)
		p.in.Queue.Reopen(intake)
	}
}

// open has the broker answer for the queue before anything is received: readiness does not wait for a message, or for its absence.
func (p *pump) open(ctx context.Context) error {
	if p.answered.Load() {
		return nil
	}
	err := p.in.Queue.Open(ctx)
	if err == nil {
		p.trouble.Store("")
		p.answered.Store(true)
	}
	return err
}

// receiveSafely turns a panic of the broker's client into an error. The client panics on annotations of a type it
// does not expect, which a single message can bring about; taken one by one it harms only itself.
func (p *pump) receiveSafely(ctx context.Context, n int) (messages []Message, err error) {
	defer func() {
		if value := recover(); value != nil {
			p.w.options.Observe.Panicked(ctx, p.name, value, debug.Stack())
			p.singly = time.Now().Add(caution)
			messages, err = nil, fmt.Errorf("worker: the broker's client panicked on a message: %T", value)
		}
	}()
	return p.in.Queue.Receive(ctx, n)
}

func (p *pump) failed(intake context.Context, err error) {
	reason := ReasonOf(err)
	p.trouble.Store(reason)
	p.w.options.Observe.Reconnected(intake, p.name, reason, err)
	p.in.Queue.Reopen(intake)
	p.rest(intake, p.relapses.NextBackOff())
}

// restIfNeeded keeps a receiver that returns at once, for ever, from spinning, and replaces it when it goes on: a link that
// the broker detached with server-busy, timeout or operation-cancelled is never rebuilt by the SDK.
func (p *pump) restIfNeeded(intake context.Context) {
	if p.empties == 0 || intake.Err() != nil {
		return
	}
	if p.empties%earlyEmpties == 0 {
		p.trouble.Store("connlost")
		p.w.options.Observe.Reconnected(intake, p.name, "connlost", nil)
		p.in.Queue.Reopen(intake)
	}
	p.rest(intake, p.rests.NextBackOff())
}

// rest sleeps and keeps the loop alive meanwhile.
func (p *pump) rest(intake context.Context, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && intake.Err() == nil; p.beat() {
		select {
		case <-intake.Done():
		case <-time.After(min(time.Until(end), p.w.options.ReceiveWait)):
		}
	}
}
