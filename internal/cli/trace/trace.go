// Package trace gathers what is known of an event, of a correlation, or of a business object: its runs from the store, what
// it is bound to and who holds it, and where its messages are now, by peeking into the queues and their dead-letter queues.
// It changes nothing, and what it gives holds no personal data: the runs hold none by construction, messages are shown as
// dead letters are, masked, and what was asked for is never repeated.
package trace

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
)

// Subject is what is traced. One of the four is given.
type Subject struct {
	CorrelationID string
	Source, ID    string        // an event
	Objects       []mapping.Ref // a business object, in every scope that it may be in
	Keys          []Key         // a natural key, likewise
}

// Key is a natural key in one scope.
type Key struct {
	Scope string
	orchestration.Key
}

// Store reads what the fleet remembers.
type Store interface {
	ByCorrelation(ctx context.Context, id string) ([]redisstore.RunTrace, error)
	ByEvent(ctx context.Context, source, id string) (redisstore.RunTrace, bool, error)
	ByEntity(ctx context.Context, r mapping.Ref) (redisstore.EntityTrace, bool, error)
	ByKey(ctx context.Context, scope string, k orchestration.Key) (redisstore.EntityTrace, bool, error)
	Entity(ctx context.Context, name string) (redisstore.EntityTrace, bool, error)
	Runs(ctx context.Context, names []string) ([]redisstore.RunTrace, error)
	Memory(ctx context.Context) (redisstore.Memory, bool, error)
	RunName(source, id string) string
}

// Identifier says what an event is about.
type Identifier interface {
	Identify(ev orchestration.Event) (orchestration.Identity, error)
}

// Looker looks for subjects.
type Looker struct {
	Store    Store
	Identify Identifier
	Decode   worker.Decoder // reads messages as events
	Places   []Place
	Depth    int // messages of each place that are looked at
	// Needed says of a place, once the store has answered, whether it need be looked into; nil: every place.
	Needed func(Found, Place) bool
}

// Object is a business object, or a natural key, that the subject is about.
type Object struct {
	redisstore.EntityTrace
	Provisional bool `json:"provisional,omitempty"` // headquarters has not given the permanent id yet
}

// Found is everything that is known.
type Found struct {
	Objects    []Object              `json:"objects"`
	Runs       []redisstore.RunTrace `json:"runs"`          // those of the same correlation, too, oldest first
	Own        string                `json:"own,omitempty"` // short name of the run of the event that was asked for; empty: something else was
	Messages   []Message             `json:"messages"`
	Memory     *redisstore.Memory    `json:"memory,omitempty"`   // of the store, while claims are for looking only
	Off        []Off                 `json:"off,omitempty"`      // scenarios that are off
	LookedAt   int                   `json:"looked_at"`          // messages that were looked at
	Unfinished []string              `json:"unfinished"`         // queues that hold more messages than were looked at
	Problems   []string              `json:"problems,omitempty"` // what could not be read
}

// Nothing says that neither the store nor a queue knows the subject.
func (f Found) Nothing() bool { return len(f.Runs) == 0 && len(f.Messages) == 0 && len(f.Objects) == 0 }

// Look reads the store, then every place at once. An error says what could not be read; the rest is found all the same.
func (l Looker) Look(ctx context.Context, s Subject) (Found, error) {
	g := &gathering{Looker: l, subject: s, correlations: map[string]bool{},
		found: Found{Objects: []Object{}, Runs: []redisstore.RunTrace{}, Messages: []Message{}, Unfinished: []string{}}}
	err := g.remembered(ctx)
	g.note(err)
	g.search(ctx)
	if err == nil {
		g.note(g.heldMessages(ctx))
	}
	for _, err := range g.problems {
		g.found.Problems = append(g.found.Problems, err.Error())
	}
	return g.found, errors.Join(g.problems...)
}

// gathering is one look under way.
type gathering struct {
	Looker
	subject      Subject
	correlations map[string]bool
	found        Found
	problems     []error
}

func (g *gathering) note(err error) {
	if err != nil {
		g.problems = append(g.problems, err)
	}
}

// search looks into every place that is needed.
func (g *gathering) search(ctx context.Context) {
	var places []Place
	for _, p := range g.Places {
		if g.Needed == nil || g.Needed(g.found, p) {
			places = append(places, p)
		}
	}
	shelves, problems := make([]shelf, len(places)), make([]error, len(places))
	var parts sync.WaitGroup
	for i, p := range places {
		parts.Go(func() { shelves[i], problems[i] = g.searchPlace(ctx, p) })
	}
	parts.Wait()
	for i, s := range shelves {
		g.found.Messages = append(g.found.Messages, s.messages...)
		g.found.LookedAt += s.looked
		if s.more {
			g.found.Unfinished = append(g.found.Unfinished, places[i].name())
		}
		g.note(problems[i])
	}
}

// ObjectOf finds the object that a run is about.
func (f Found) ObjectOf(r redisstore.RunTrace) (Object, bool) {
	i := slices.IndexFunc(f.Objects, func(o Object) bool { return o.Entity != "" && o.Entity == r.Entity })
	if i < 0 {
		return Object{}, false
	}
	return f.Objects[i], true
}
