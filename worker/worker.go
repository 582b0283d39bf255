package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrDrained is the cause with which runs are interrupted when the drain time is over.
var ErrDrained = errors.New("worker: drain time over")

// Worker takes messages from its queues until its Run ends.
type Worker struct {
	options  Options
	pumps    []*pump
	draining atomic.Bool
}

// New checks the options and makes a worker. Nothing is dialled before Run.
func New(o Options) (*Worker, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	w := &Worker{options: o.withDefaults()}
	for _, in := range w.options.Intakes {
		w.pumps = append(w.pumps, newPump(w, in))
	}
	return w, nil
}

// Run takes messages until ctx ends, lets the runs in hand go on for the drain time, gives the rest back and returns
// when everything is settled. Call it once.
func (w *Worker) Run(ctx context.Context) error {
	work, interrupt := context.WithCancelCause(context.WithoutCancel(ctx))
	defer interrupt(nil)
	var pumps, hands sync.WaitGroup
	for _, p := range w.pumps {
		pumps.Go(func() { p.run(ctx, work, &hands) })
	}
	settled := make(chan struct{})
	go func() {
		pumps.Wait() // no pump, no new hands
		hands.Wait()
		close(settled)
	}()

	<-ctx.Done()
	w.draining.Store(true)
	overdue := time.AfterFunc(w.options.Drain, func() { interrupt(ErrDrained) })
	defer overdue.Stop()
	select {
	case <-settled:
		return nil
	case <-work.Done():
	}
	select {
	case <-settled:
		return nil
	case <-time.After(2 * w.options.SettleTimeout): // a send and a settlement
		return fmt.Errorf("worker: %d runs did not end when interrupted; their locks run out", w.InFlight())
	}
}

// Pause stops the intake of every queue but those that are excepted, until Resume is called with the same reason. What is in
// hand goes on.
func (w *Worker) Pause(reason string, except ...string) {
	for _, p := range w.pumps {
		if !slices.Contains(except, p.name) {
			p.valve.shut(reason)
		}
	}
}

// Resume takes back a Pause.
func (w *Worker) Resume(reason string) {
	for _, p := range w.pumps {
		p.valve.open(reason)
	}
}

// Paused lists the reasons for which the intake of any queue stands still.
func (w *Worker) Paused() []string {
	var all []string
	for _, p := range w.pumps {
		all = append(all, p.valve.reasons()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Draining says whether Run's context has ended.
func (w *Worker) Draining() bool { return w.draining.Load() }

// Alive says whether every receive loop went round lately: within three times the receive wait. Paused loops and
// loops that wait for a slot or for the broker go round as well; only a loop that is stuck does not.
func (w *Worker) Alive() bool {
	for _, p := range w.pumps {
		if !w.Draining() && time.Since(p.lastRound()) > 3*w.options.ReceiveWait {
			return false
		}
	}
	return true
}

// Ready says whether the broker has answered for every queue and the worker is not draining.
func (w *Worker) Ready() bool {
	for _, p := range w.pumps {
		if !p.answered.Load() {
			return false
		}
	}
	return !w.Draining()
}

// InFlight is the number of messages in hand.
func (w *Worker) InFlight() int {
	n := 0
	for _, p := range w.pumps {
		n += int(p.inHand.Load())
	}
	return n
}

// QueueStatus is what health endpoints show of a queue.
type QueueStatus struct {
	Queue     string
	Slots     int
	InFlight  int
	Answered  bool      // the broker has answered a receive since the start
	LastRound time.Time // when the receive loop last went round
	Trouble   string    // ReasonOf the last receive, empty when it went well
	Paused    []string  // why its intake stands still; none: it does not
}

// Queues shows every queue, in the order of the options.
func (w *Worker) Queues() []QueueStatus {
	all := make([]QueueStatus, len(w.pumps))
	for i, p := range w.pumps {
		trouble, _ := p.trouble.Load().(string)
		all[i] = QueueStatus{
			Queue: p.name, Slots: p.in.Slots, InFlight: int(p.inHand.Load()),
			Answered: p.answered.Load(), LastRound: p.lastRound(), Trouble: trouble, Paused: p.valve.reasons(),
		}
	}
	return all
}
