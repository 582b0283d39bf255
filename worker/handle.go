package worker

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

// handle takes one message from receive to settlement.
func (p *pump) handle(work context.Context, m Message) {
	start := time.Now()
	said := m.Properties
	m, forged := p.believe(m)
	delivery := deliveryOf(m)
	ctx := p.w.options.Observe.Received(work, delivery)
	run, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	lock := p.keepLock(ctx, m, lose)
	defer lock.stop()

	ev, outcome := p.decide(run, m, said)
	interrupted := work.Err() != nil
	s := settler{pump: p, ctx: context.WithoutCancel(ctx), work: work, m: m, ev: ev, outcome: outcome, lock: lock, forged: forged}
	action, result, err := s.settle()

	wait := time.Duration(0)
	if m.DeliveryCount <= 1 && ev.Generation <= 1 {
		wait = max(0, start.Sub(m.Enqueued))
	}
	ev.Data, ev.AsReceived = nil, nil
	p.w.options.Observe.Settled(s.ctx, Settled{
		Delivery: delivery, Event: ev, Outcome: outcome, Action: action, Result: result,
		Wait: wait, Took: time.Since(start), Drained: interrupted, Err: err,
	})
}

func deliveryOf(m Message) Delivery {
	id := m.ID
	if cardnumber.In(id) { // not even its hash is to be logged
		id = ""
	}
	return Delivery{
		Queue: m.Queue, MessageID: id, Sequence: m.Sequence, DeliveryCount: m.DeliveryCount,
		Enqueued: m.Enqueued, Bytes: len(m.Body), Properties: m.Properties,
	}
}

// decide reads the envelope and asks the engine. said are the properties that the message came with, believed or not.
func (p *pump) decide(ctx context.Context, m Message, said map[string]any) (ev orchestration.Event, outcome orchestration.Outcome) {
	read := false
	defer func() {
		if value := recover(); value != nil {
			p.w.options.Observe.Panicked(ctx, p.name, value, debug.Stack())
			outcome = panicked(ev)
			if refused := p.refuseCards(m, said, errPanicked); refused != nil && !read { // a copy would carry it on
				ev, outcome = withoutCards(ev, poison(refused))
			}
		}
	}()
	o := p.w.options
	if isStub(m) {
		return p.decideStub(ctx, m)
	}
	ev, err := o.Decode(
		envelope.Parts{ContentType: m.ContentType, ReplyTo: m.ReplyTo, Properties: m.Properties, Body: m.Body},
		envelope.Arrival{Origin: orchestration.Origin{Queue: m.Queue, Enqueued: m.Enqueued, Sequence: m.Sequence}, ExpiresAt: m.ExpiresAt},
		envelope.Limits{MaxBytes: o.MaxBodyBytes, MaxDepth: o.MaxDepth})
	if refused := p.refuseCards(m, said, err); refused != nil {
		err = refused
	}
	if err != nil {
		return withoutCards(ev, poison(err))
	}
	read, ev.Lane = true, p.in.Lane
	return withoutCards(ev, o.Handler.Handle(ctx, ev))
}

func poison(err error) orchestration.Outcome {
	f := fault.As(err)
	detail := f.Detail
	if f.Pointer != "" && f.Reason != fault.CardDataRefused { // whose detail begins with the place
		detail = f.Pointer + ": " + detail
	}
	return orchestration.Outcome{Verdict: orchestration.Rejected, Reason: f.Reason, Detail: detail, Err: err}
}

// errPanicked stands for a panic of the handler; its stack went to the Observer.
var errPanicked = errors.New("worker: the handler panicked")

// panicked is the outcome of a panic that the engine itself did not catch: again later, and after ten of them a
// person has to look.
func panicked(ev orchestration.Event) orchestration.Outcome {
	attempt := ev.Attempt + 1
	if attempt >= maxPanics {
		return orchestration.Outcome{
			Verdict: orchestration.Rejected, Reason: fault.Bug, Attempt: attempt, Err: errPanicked,
			Detail: "The handler panicked at every attempt; the log has the stack.",
		}
	}
	after := 5 * time.Second << min(attempt-1, 6)
	return orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseBackoff, After: after, Attempt: attempt, Err: errPanicked}
}
