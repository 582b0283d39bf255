// Package trace gathers what is known of an event or of a correlation: its runs from the store, and where its messages
// are now, by peeking into the queues and their dead-letter queues. It changes nothing, and what it gives holds no
// personal data: the runs hold none by construction, and messages are shown as dead letters are, masked.
package trace

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Subject is what is traced: a correlation, or the event of a source.
type Subject struct {
	CorrelationID string
	Source, ID    string
}

// Runs reads the store.
type Runs interface {
	ByCorrelation(ctx context.Context, id string) ([]redisstore.RunTrace, error)
	ByEvent(ctx context.Context, source, id string) (redisstore.RunTrace, bool, error)
}

// Place is a queue or its dead-letter queue.
type Place struct {
	Queue      string
	DeadLetter bool
	Peek       deadletter.Peeker
}

// Message is one message that belongs to the subject.
type Message struct {
	DeadLetter bool `json:"dead_letter"`
	deadletter.Letter
}

// Found is everything that is known.
type Found struct {
	Runs       []redisstore.RunTrace `json:"runs"`
	Messages   []Message             `json:"messages"`
	LookedAt   int                   `json:"looked_at"`          // messages that were looked at
	Unfinished []string              `json:"unfinished"`         // queues that hold more messages than were looked at
	Problems   []string              `json:"problems,omitempty"` // what could not be read
}

// Look reads the store and every place at once, at most depth messages of each. An error says what could not be read;
// the rest is found all the same.
func Look(ctx context.Context, s Subject, runs Runs, places []Place, depth int) (Found, error) {
	found := Found{Runs: []redisstore.RunTrace{}, Messages: []Message{}, Unfinished: []string{}}
	shelves := make([]shelf, len(places))
	problems := make([]error, len(places)+1)
	var parts sync.WaitGroup
	parts.Go(func() { found.Runs, problems[0] = s.runs(ctx, runs) })
	for i, p := range places {
		parts.Go(func() { shelves[i], problems[i+1] = s.search(ctx, p, depth) })
	}
	parts.Wait()
	for i, shelf := range shelves {
		found.Messages = append(found.Messages, shelf.messages...)
		found.LookedAt += shelf.looked
		if shelf.more {
			found.Unfinished = append(found.Unfinished, places[i].name())
		}
	}
	for _, err := range problems {
		if err != nil {
			found.Problems = append(found.Problems, err.Error())
		}
	}
	return found, errors.Join(problems...)
}

func (s Subject) runs(ctx context.Context, runs Runs) ([]redisstore.RunTrace, error) {
	if s.CorrelationID != "" {
		list, err := runs.ByCorrelation(ctx, s.CorrelationID)
		if list == nil {
			list = []redisstore.RunTrace{}
		}
		return list, err
	}
	run, ok, err := runs.ByEvent(ctx, s.Source, s.ID)
	if err != nil || !ok {
		return []redisstore.RunTrace{}, err
	}
	return []redisstore.RunTrace{run}, nil
}

// shelf is what one place holds of the subject.
type shelf struct {
	messages []Message
	looked   int
	more     bool
}

func (p Place) name() string {
	if p.DeadLetter {
		return p.Queue + " (dead letters)"
	}
	return p.Queue
}

func (s Subject) search(ctx context.Context, p Place, depth int) (shelf, error) {
	var found shelf
	for from := int64(0); ; {
		got, err := p.Peek.Peek(ctx, from, min(deadletter.Most, depth-found.looked+1))
		if err != nil {
			return found, fmt.Errorf("look into %s: %w", p.name(), err)
		}
		if len(got) == 0 {
			return found, nil
		}
		for _, m := range got {
			if found.looked == depth {
				found.more = true
				return found, nil
			}
			found.looked++
			if !s.matches(m) {
				continue
			}
			found.messages = append(found.messages, Message{p.DeadLetter, deadletter.Of(m, nil)})
		}
		from = got[len(got)-1].Sequence + 1
	}
}

// matches reads the message as an event, so that it also finds what carries its correlation only by derivation.
func (s Subject) matches(m worker.Message) bool {
	if s.CorrelationID != "" && m.CorrelationID == s.CorrelationID {
		return true
	}
	ev, _ := envelope.Decode(envelope.Parts{ContentType: m.ContentType, Properties: m.Properties, Body: m.Body},
		envelope.Arrival{Origin: orchestration.Origin{Queue: m.Queue, Enqueued: m.Enqueued, Sequence: m.Sequence}},
		envelope.Limits{MaxBytes: len(m.Body) + 1}) // what could be read of a refused message is enough to know it by
	if s.CorrelationID != "" {
		return ev.CorrelationID == s.CorrelationID
	}
	return ev.Source == s.Source && ev.ID == s.ID
}

// one is a queue with one message, for package deadletter to show it.
type one struct{ m worker.Message }

func (o one) Peek(context.Context, int64, int) ([]worker.Message, error) {
	return []worker.Message{o.m}, nil
}
