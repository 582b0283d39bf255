package worker

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// park sends the copy of an event that waits for a binding, and has it noted who waits and where the copy is, so that it can be
// woken. The copy comes first: whatever is lost after that, it comes by itself when it is due. If the binding came while the copy
// was being sent, nobody else will wake it, so another one is sent at once, and the parked one cancelled.
func (s *settler) park(at time.Time) error {
	var parked orchestration.Parked
	o := s.pump.w.options
	ev, err := s.until("schedule", func(ctx context.Context, duplicate Message) (err error) {
		parked = orchestration.Parked{Queue: s.own(), MessageID: duplicate.ID}
		parked.Sequence, err = o.Outbox.Schedule(ctx, parked.Queue, duplicate, at)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, o.SettleTimeout)
	defer cancel()
	if there, err := o.Waiters.Wait(ctx, s.ev, *s.outcome.Missing, parked); err != nil || !there {
		return nil //nolint:nilerr // it comes when it is due
	}
	ev.Generation++
	awake := copyOf(s.m, ev, s.outcome.Attempt)
	if s.call("send", func(ctx context.Context) error { return o.Outbox.Send(ctx, parked.Queue, awake, time.Time{}) }) == nil {
		_ = o.Outbox.Cancel(ctx, parked.Queue, parked.Sequence) // else it is surplus when it comes
	}
	return nil
}
