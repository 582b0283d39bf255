package trace

import (
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
)

// Asked is a subject in the words of whoever asks: a correlation; a source and an event; a source, a kind and a number; or an
// e-mail address.
type Asked struct {
	CorrelationID string
	Source, Event string
	Kind, ID      string
	Email         string
}

// Subject is what to look for. An object is looked for in every scope that the channels name: the same number in two legal
// entities is two objects.
func (a Asked) Subject(channels orchestration.Channels) Subject {
	s := Subject{CorrelationID: a.CorrelationID}
	if a.Event != "" {
		s.Source, s.ID = a.Source, a.Event
	}
	for _, scope := range channels.Scopes() {
		if a.ID != "" {
			s.Objects = append(s.Objects, mapping.Ref{Kind: a.Kind, Scope: scope, Source: a.Source, ID: a.ID})
		}
		if a.Email != "" {
			s.Keys = append(s.Keys, Key{scope, customers.EmailKey(pii.NewEmail(a.Email))})
		}
	}
	return s
}
