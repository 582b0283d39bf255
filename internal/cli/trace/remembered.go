package trace

import (
	"context"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

const (
	mostCorrelations = 20 // of an object's runs, that are followed
	mostObjects      = 20 // that are looked up
)

// remembered reads what the store knows: the subject's own runs, those that share their correlations (follow-ups, and events
// that tell others of the outcome), and the objects that they are about.
func (g *gathering) remembered(ctx context.Context) error {
	own, err := g.own(ctx)
	if err != nil {
		return err
	}
	if err := g.follow(ctx, own); err != nil {
		return err
	}
	for _, r := range g.found.Runs {
		if err := g.object(ctx, r.Entity); err != nil {
			return err
		}
	}
	m, known, err := g.Store.Memory(ctx)
	if known && len(g.found.Runs) > 0 && m.LookOnlyUntil.After(g.found.Runs[0].ServerTime) {
		g.found.Memory = &m
	}
	return err
}

// own gives the runs of the subject itself.
func (g *gathering) own(ctx context.Context) ([]redisstore.RunTrace, error) {
	s := g.subject
	switch {
	case s.CorrelationID != "":
		g.correlations[s.CorrelationID] = true
		return nil, nil // follow reads them
	case s.ID != "":
		g.correlations[orchestration.DeriveCorrelationID(s.Source, s.ID)] = true
		run, ok, err := g.Store.ByEvent(ctx, s.Source, s.ID)
		if err != nil || !ok {
			return nil, err
		}
		g.found.Own = run.Run
		return []redisstore.RunTrace{run}, nil
	}
	var names []string
	for _, ref := range s.Objects {
		e, known, err := g.Store.ByEntity(ctx, ref)
		if err != nil {
			return nil, err
		}
		if known {
			names = append(names, g.add(e)...)
		}
	}
	for _, k := range s.Keys {
		e, known, err := g.Store.ByKey(ctx, k.Scope, k.Key)
		if err != nil {
			return nil, err
		}
		if known {
			names = append(names, g.add(e)...)
		}
	}
	return g.Store.Runs(ctx, names)
}

// add notes an object and gives the names of its runs: the last ones, and its holder's.
func (g *gathering) add(e redisstore.EntityTrace) []string {
	g.found.Objects = append(g.found.Objects, Object{e, csuclient.Provisional(e.D365ID)})
	names := e.Runs
	if e.Holder != nil && !slices.Contains(names, e.Holder.Run) {
		names = append(slices.Clone(names), e.Holder.Run)
	}
	return names
}

// follow adds the runs and all those of their correlations.
func (g *gathering) follow(ctx context.Context, own []redisstore.RunTrace) error {
	for _, r := range own {
		if r.CorrelationID != "" && len(g.correlations) < mostCorrelations {
			g.correlations[r.CorrelationID] = true
		}
	}
	runs := own
	for id := range g.correlations {
		more, err := g.Store.ByCorrelation(ctx, id)
		if err != nil {
			return err
		}
		runs = append(runs, more...)
	}
	seen := map[string]bool{}
	for _, r := range runs {
		if !seen[r.Run] {
			g.found.Runs = append(g.found.Runs, r)
			seen[r.Run] = true
		}
	}
	slices.SortStableFunc(g.found.Runs, func(a, b redisstore.RunTrace) int { return a.Began.Compare(b.Began) })
	return nil
}

// object looks an object up by its short name, once.
func (g *gathering) object(ctx context.Context, name string) error {
	if name == "" || len(g.found.Objects) >= mostObjects || slices.ContainsFunc(g.found.Objects, func(o Object) bool { return o.Entity == name }) {
		return nil
	}
	e, known, err := g.Store.Entity(ctx, name)
	if err != nil || !known {
		return err
	}
	g.add(e)
	return nil
}

// heldMessages looks up the objects of messages that no run has begun for: what they wait for may be another run of theirs.
func (g *gathering) heldMessages(ctx context.Context) error {
	for _, m := range g.found.Messages {
		if m.about == nil || len(g.found.Objects) >= mostObjects {
			continue
		}
		e, known, err := g.Store.ByEntity(ctx, m.about.Entity)
		if err != nil {
			return err
		}
		if known && !slices.ContainsFunc(g.found.Objects, func(o Object) bool { return o.Entity == e.Entity }) {
			g.add(e)
		}
	}
	return nil
}
