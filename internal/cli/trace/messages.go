package trace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Place is a queue or its dead-letter queue.
type Place struct {
	Queue      string
	DeadLetter bool
	Peek       deadletter.Peeker
}

func (p Place) name() string {
	if p.DeadLetter {
		return p.Queue + " (dead letters)"
	}
	return p.Queue
}

// Message is one message that belongs to the subject.
type Message struct {
	Run        string       `json:"run,omitempty"` // short name of its event's run, whether or not one has begun
	DeadLetter bool         `json:"dead_letter"`
	State      worker.State `json:"state,omitempty"`
	Due        time.Time    `json:"due,omitzero"` // of a scheduled one
	deadletter.Letter

	about *orchestration.Identity // nil if it cannot be told
}

// shelf is what one place holds of the subject.
type shelf struct {
	messages []Message
	looked   int
	more     bool
}

func (g *gathering) searchPlace(ctx context.Context, p Place) (shelf, error) {
	var found shelf
	for from := int64(0); ; {
		got, err := p.Peek.Peek(ctx, from, min(deadletter.Most, g.Depth-found.looked+1))
		if err != nil {
			return found, fmt.Errorf("look into %s: %w", p.name(), err)
		}
		if len(got) == 0 {
			return found, nil
		}
		for _, m := range got {
			if found.looked == g.Depth {
				found.more = true
				return found, nil
			}
			found.looked++
			run, about, belongs := g.belongs(m)
			if !belongs {
				continue
			}
			found.messages = append(found.messages, Message{run, p.DeadLetter, m.State, m.Due, deadletter.Of(m, g.Decode), about})
		}
		from = got[len(got)-1].Sequence + 1
	}
}

// belongs says whether a message is of the subject, whose run it is, and what it is about if that can be told. It reads the
// message as an event, so that it also finds what carries its correlation only by derivation.
func (g *gathering) belongs(m worker.Message) (run string, about *orchestration.Identity, belongs bool) {
	ev, _ := g.Decode(envelope.Parts{ContentType: m.ContentType, Properties: m.Properties, Body: m.Body},
		envelope.Arrival{Origin: orchestration.Origin{Queue: m.Queue, Enqueued: m.Enqueued, Sequence: m.Sequence}},
		envelope.Limits{MaxBytes: len(m.Body) + 1}) // what could be read of a refused message is enough to know it by
	s := g.subject
	named := g.correlations[m.CorrelationID] || g.correlations[ev.CorrelationID] || s.ID != "" && ev.Source == s.Source && ev.ID == s.ID
	if !named && len(s.Objects) == 0 && len(s.Keys) == 0 {
		return "", nil, false
	}
	if ev.ID != "" {
		run = g.Store.RunName(ev.Source, ev.ID)
	}
	is, err := g.Identify.Identify(ev)
	if err != nil {
		return run, nil, named
	}
	return run, &is, named || s.isAbout(is)
}

// isAbout says whether an event is about one of the objects, or has one of the natural keys.
func (s Subject) isAbout(about orchestration.Identity) bool {
	return slices.Contains(s.Objects, about.Entity) || slices.ContainsFunc(s.Keys, func(k Key) bool {
		return k.Scope == about.Entity.Scope && slices.ContainsFunc(about.Keys, func(has orchestration.Key) bool {
			return has.Kind == k.Kind && has.Value.Equal(k.Value)
		})
	})
}
