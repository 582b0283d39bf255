package worker

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

// settler carries out the decision about one message.
type settler struct {
	pump    *pump
	ctx     context.Context // never ends; each call gets its own timeout
	work    context.Context // has ended: no time for second tries
	m       Message
	ev      orchestration.Event
	outcome orchestration.Outcome
	lock    *lock
	forged  bool // the message said of itself what only copies may say
}

// settle decides, does it, and says what came of it.
func (s *settler) settle() (Action, Result, error) {
	decided := settlementFor(s.outcome, s.m, s.pump.in.MaxDeliveryCount, time.Now())
	switch {
	case s.lock.lost.Load():
	case decided.Action == Reschedule:
		decided = s.reschedule(decided)
	case decided.Action == DeadLetter && decided.Reason == fault.CardDataRefused && !isStub(s.m):
		decided = s.withhold(decided)
	}
	s.lock.stop()
	if s.lock.lost.Load() {
		return Nothing, ResultLockLost, ErrLockLost
	}
	if decided.Action == Nothing {
		return Nothing, decided.Result, s.outcome.Err
	}
	if err := s.carryOut(decided); err != nil {
		return decided.Action, ResultLockLost, err
	}
	return decided.Action, decided.Result, nil
}

func (s *settler) carryOut(decided Settlement) error {
	queue := s.pump.in.Queue
	switch decided.Action {
	case Abandon:
		return s.call("abandon", func(ctx context.Context) error { return queue.Abandon(ctx, s.m) })
	case DeadLetter:
		properties := map[string]any{}
		if s.forged { // the broker still has what it said: a replay would believe it
			properties = envelope.Mark(nil, s.ev)
		}
		properties[envelope.PropertyDeadLetteredAt] = time.Now().UTC().Format(time.RFC3339Nano)
		if s.outcome.Step != "" {
			properties[envelope.PropertyStep] = s.outcome.Step
		}
		return s.call("dead_letter", func(ctx context.Context) error {
			return queue.DeadLetter(ctx, s.m, string(decided.Reason), decided.Description, properties)
		})
	default: // complete, and reschedule once its copy is with the broker
		return s.call("complete", func(ctx context.Context) error { return queue.Complete(ctx, s.m) })
	}
}

// reschedule sends the copy and only then lets the original be completed: a crash in between leaves two messages,
// of which the lower generation dies; the other order would leave none. Without a copy the message is given back.
func (s *settler) reschedule(decided Settlement) Settlement {
	send := s.send
	if s.outcome.Missing != nil && s.pump.w.options.Waiters != nil && !decided.At.IsZero() {
		send = s.park
	}
	switch err := send(decided.At); {
	case err == nil:
		s.pump.w.options.Observe.Rescheduled(s.ctx, s.pump.name, decided.Why, decided.At)
		return decided
	case errors.Is(err, ErrTooLarge): // no later try will fit either
		return Settlement{
			Action: DeadLetter, Result: ResultDeadLettered, Reason: fault.TooLarge,
			Description: "The message has no room for the properties of a copy, so it could not be rescheduled.",
		}
	default:
		return Settlement{Action: Abandon, Result: ResultAbandoned}
	}
}

// own is the queue for copies: that of the lane where the event belongs, or else that of the queue it came from. A replay stays where it is.
func (s *settler) own() string {
	if queue := s.pump.w.options.Lanes[s.outcome.Lane]; queue != "" && s.ev.Replay == "" {
		return queue
	}
	return s.pump.in.OwnQueue
}

// send tries until the broker takes the copy, for as long as there is patience, lock and time. The message keeps its
// slot meanwhile: an own queue that is away slows the intake down and costs no delivery. Every try counts the
// generation up, because an unanswered one may have arrived.
func (s *settler) send(at time.Time) error {
	operation := "send"
	if !at.IsZero() {
		operation = "schedule"
	}
	_, err := s.until(operation, func(ctx context.Context, duplicate Message) error {
		return s.pump.w.options.Outbox.Send(ctx, s.own(), duplicate, at)
	})
	return err
}

// until sends a copy by do until the broker takes it, and returns the one that it took.
func (s *settler) until(operation string, do func(context.Context, Message) error) (orchestration.Event, error) {
	pauses := rising(faultBackoff, faultCeiling)
	deadline := time.Now().Add(s.pump.w.options.SendPatience)
	ev := s.ev
	for {
		duplicate := copyOf(s.m, ev, s.outcome.Attempt)
		err := s.call(operation, func(ctx context.Context) error { return do(ctx, duplicate) })
		left := time.Until(deadline)
		if err == nil || errors.Is(err, ErrTooLarge) || s.work.Err() != nil || left <= 0 {
			return ev, err
		}
		ev.Generation++
		select {
		case <-s.lock.gone:
			return ev, ErrLockLost
		case <-s.work.Done():
		case <-time.After(min(pauses.NextBackOff(), left)):
		}
	}
}

func (s *settler) call(operation string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.pump.w.options.SettleTimeout)
	defer cancel()
	queue := s.pump.name
	if operation == "send" || operation == "schedule" {
		queue = s.own()
	}
	start := time.Now()
	err := do(ctx)
	s.pump.w.options.Observe.Called(s.ctx, queue, operation, time.Since(start), err)
	return err
}
