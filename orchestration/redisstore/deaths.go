package redisstore

import (
	"context"
	"slices"
	"strings"
)

// suspectAt is how many deaths make a run go alone; claim.lua has the same.
const suspectAt = 3

// RunDeath is a process that let a run go with nothing of it saved since, and has died, or is away for long.
type RunDeath struct {
	Process string `json:"process"`
	Alone   bool   `json:"alone,omitempty"` // it worked on nothing else
}

// Suspect says whether the run goes alone in a process, because so many died while they worked on it.
func (r RunTrace) Suspect() bool { return len(r.Deaths) >= suspectAt }

// letGo reads who let a run go, as claim.lua writes it and as it would write it now.
func (r *RunTrace) letGo(h map[string]string) {
	entries := strings.Fields(strings.ReplaceAll(h["died"], "\n", " "))
	if r.State == RunAbandoned && h["begun"] != "" {
		last := h["owner"]
		if h["begun"] == "alone" {
			last = "*" + last
		}
		if !slices.Contains(entries, last) {
			entries = append(entries, last)
		}
	}
	for _, e := range entries {
		name, alone := strings.CutPrefix(e, "*")
		r.Deaths = append(r.Deaths, RunDeath{name, alone})
	}
}

// buried leaves out of every run who has not died: it was only away, or has left.
func (t *Tracer) buried(ctx context.Context, runs []RunTrace) error {
	if !slices.ContainsFunc(runs, func(r RunTrace) bool { return len(r.Deaths) > 0 }) {
		return nil
	}
	all, err := NewMembers(t.client, t.keys).List(ctx)
	if err != nil {
		return err
	}
	dead := map[string]bool{}
	for _, m := range all {
		dead[m.Name] = m.Dead
	}
	for i := range runs {
		runs[i].Deaths = slices.DeleteFunc(runs[i].Deaths, func(d RunDeath) bool { return !dead[d.Process] })
	}
	return nil
}
