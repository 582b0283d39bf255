package bindings

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Binding is one binding for a person. It does not repeat what was asked for.
type Binding struct {
	Kind        string    `json:"kind"`
	Scope       string    `json:"scope"`
	Source      string    `json:"source"`
	ID          string    `json:"id,omitempty"` // the source's; empty when it looks personal, or was asked for
	D365ID      string    `json:"d365_id"`
	Provisional bool      `json:"provisional,omitempty"` // headquarters has not given the permanent id yet
	Promoted    bool      `json:"promoted,omitempty"`    // the id that was asked for was provisional, and this took its place
	Version     string    `json:"version,omitempty"`
	Applied     time.Time `json:"applied,omitzero"` // the time of the newest state that was applied
}

// Places is where the bindings of a fleet may be: every kind, in every scope that the channels name.
func Places(kinds []string, channels orchestration.Channels) (all []mapping.Place) {
	for _, kind := range kinds {
		for _, scope := range channels.Scopes() {
			all = append(all, mapping.Place{Kind: kind, Scope: scope})
		}
	}
	return all
}

// Get gives what a source's id is bound to, in every scope.
func Get(ctx context.Context, from mapping.Storage, scopes []string, kind, source, id string) ([]Binding, error) {
	found := []Binding{}
	for _, scope := range scopes {
		ref := mapping.Ref{Kind: kind, Scope: scope, Source: source, ID: id}
		e, err := from.Entry(ctx, ref)
		if errors.Is(err, mapping.ErrNotBound) {
			continue
		}
		if err != nil {
			return found, err
		}
		found = append(found, Binding{Kind: ref.Kind, Scope: scope, Source: ref.Source, D365ID: e.Target.ID, Provisional: mapping.Provisional(e.Target.ID),
			Version: e.Version, Applied: orchestration.VersionTime(e.Version)})
	}
	return found, nil
}

// Resolver finds the record that goes on under another id.
type Resolver interface {
	mapping.Finder
	Resolve(ctx context.Context, t mapping.Target) (mapping.Target, error)
}

// Find gives the ids of all sources that are bound to a D365 id, in every scope. A provisional id that was promoted leads to the
// permanent one.
func Find(ctx context.Context, from Resolver, scopes []string, kind, id string) ([]Binding, error) {
	found := []Binding{}
	for _, scope := range scopes {
		asked := mapping.Target{Kind: kind, Scope: scope, ID: id}
		refs, err := from.Sources(ctx, asked)
		if errors.Is(err, mapping.ErrNotBound) {
			continue
		}
		if err != nil {
			return found, err
		}
		is, err := from.Resolve(ctx, asked)
		if err != nil {
			return found, err
		}
		for _, r := range refs {
			found = append(found, Binding{Kind: kind, Scope: scope, Source: r.Source, ID: r.ID, D365ID: is.ID,
				Provisional: mapping.Provisional(is.ID), Promoted: is != asked})
		}
	}
	return found, nil
}

// Print writes bindings as a table.
func Print(w io.Writer, list []Binding) error {
	rows := [][]string{{"KIND", "SCOPE", "SOURCE", "ID", "D365 ID", "NOTE", "NEWEST APPLIED"}}
	for _, b := range list {
		note := ""
		switch {
		case b.Provisional:
			note = "provisional"
		case b.Promoted:
			note = "promoted"
		}
		rows = append(rows, []string{b.Kind, b.Scope, b.Source, render.Or(b.ID), b.D365ID, render.Or(note), render.Time(b.Applied)})
	}
	return render.Rows(w, rows)
}
