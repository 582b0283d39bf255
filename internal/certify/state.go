package certify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
)

// look sees what a story left behind.
func (c *certifier) look(ctx context.Context, w *world, s story) (orchestration.End, error) {
	end := orchestration.End{Bound: map[mapping.Ref]string{}}
	w.csu.CatchUp() // what headquarters is about to do anyway must not depend on how long the story took
	for _, is := range w.csu.Customers() {
		end.Records = append(end.Records, orchestration.Record{Kind: "customer", ID: is.AccountNumber(), Key: fold(is.Email()), Fields: is})
	}
	for _, is := range w.csu.SalesOrders() {
		end.Records = append(end.Records, orchestration.Record{Kind: "order", ID: cmp.Or(is.SalesID(), is.ID()), Key: is.ChannelReferenceID(), Fields: is})
	}
	for _, e := range w.csu.Ledger() {
		end.Writes = append(end.Writes, orchestration.Write{Operation: e.Operation, ID: cmp.Or(e.Order, e.Account), Key: cmp.Or(e.Order, e.Email)})
	}
	for _, e := range w.sink.Events() {
		end.Told = append(end.Told, orchestration.Told{ID: e.ID, Type: e.Type, Subject: e.Subject, CorrelationID: e.CorrelationID, Data: e.Data,
			Deliveries: len(e.Deliveries), Changed: e.Changed, Overtaken: e.Overtaken})
	}
	var err error
	if end.DeadLetters, err = w.letters(ctx); err != nil {
		return end, err
	}
	checker, err := orchestration.NewChecker(c.list, w.cfg.Channels)
	if err != nil {
		return end, err
	}
	for _, ev := range s.events {
		about, err := checker.Identify(ev)
		if err != nil {
			continue // nobody can read it, so it is about nothing
		}
		target, err := redistable.New(c.ground.client, w.keys()).Find(ctx, about.Entity)
		switch {
		case err == nil:
			end.Bound[about.Entity] = target.ID
		case !errors.Is(err, mapping.ErrNotBound):
			return end, fmt.Errorf("read a binding: %w", err)
		}
	}
	return end, nil
}

func (w *world) letters(ctx context.Context) ([]orchestration.DeadLetter, error) {
	var out []orchestration.DeadLetter
	for _, name := range queues {
		if n, err := w.broker.Counts(name); err != nil || n.DeadLetter == 0 {
			continue
		}
		shelf := w.bus.Queue(name).DeadLetters()
		got, err := shelf.Peek(ctx, 0, 250)
		shelf.Close(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at the dead letters: %w", err)
		}
		for _, m := range got {
			id, _ := m.Properties["cloudEvents_id"].(string)
			typ, _ := m.Properties["cloudEvents_type"].(string)
			out = append(out, orchestration.DeadLetter{Queue: name, EventID: id, Type: typ, Reason: m.DeadLetterReason, Description: m.DeadLetterDescription})
		}
	}
	return out, nil
}

func fold(address string) string { return strings.ToLower(strings.TrimSpace(address)) }
