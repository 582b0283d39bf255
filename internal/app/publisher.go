package app

import (
	"context"
	"fmt"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
)

// publisher sends events that steps emit to our own queue of their lane; one that is to wait is scheduled there.
type publisher struct{ a *App }

// few is up to how many events are sent one by one: a batch costs more than it saves.
const few = 4

// Publish implements orchestration.Publisher. Events reach the broker in their order; those in a row that go to one queue at once, together.
func (p publisher) Publish(ctx context.Context, events []orchestration.Event) error {
	for len(events) > 0 {
		n := together(events)
		if err := p.send(ctx, events[:n]); err != nil {
			return fmt.Errorf("send an event to our own queue: %w", err)
		}
		events = events[n:]
	}
	return nil
}

// together is how many of the events can be sent in one call: the first alone, if it is to wait.
func together(events []orchestration.Event) int {
	n := 1
	for ; n < len(events); n++ {
		if first, ev := events[0], events[n]; ev.Lane != first.Lane || !ev.NotBefore.IsZero() || !first.NotBefore.IsZero() {
			break
		}
	}
	return n
}

func (p publisher) send(ctx context.Context, events []orchestration.Event) error {
	queue := p.a.ownQueue(events[0].Lane)
	if len(events) <= few {
		for _, ev := range events {
			if err := p.a.outbox().Send(ctx, queue, Message(ev), ev.NotBefore); err != nil {
				return err
			}
		}
		return nil
	}
	messages := make([]worker.Message, len(events))
	for i, ev := range events {
		messages[i] = Message(ev)
	}
	return p.a.outbox().SendAll(ctx, queue, messages)
}

// ownQueue is the one of a lane.
func (a *App) ownQueue(lane string) string {
	if lane == orchestration.LaneBulk {
		return a.cfg.ServiceBus.OwnQueue.Bulk
	}
	return a.cfg.ServiceBus.OwnQueue.Live
}
