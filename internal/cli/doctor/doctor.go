// Package doctor looks whether everything that a fleet of this configuration needs is there and set as it must be: the queues
// of the broker, Redis, the CSU, Inventory Visibility, the sinks, and what waits. It explains what it finds: what is wrong, why it matters, what to
// do. It changes nothing that lasts: all it leaves is scripts in the cache of Redis, and what is long overdue is dropped from the
// index of waiting runs, as the fleet's watchman does.
//
// What it has no right to see it calls unknown, and says which right that takes.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Status is how a check came out.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warn    Status = "warn"    // it works, and should be looked at
	Fail    Status = "fail"    // it does not work, or loses events or doubles effects
	Unknown Status = "unknown" // it could not be seen
)

// Finding is one answer of one check, about one queue, channel or sink where there are several.
type Finding struct {
	Check  string `json:"check"` // one of Checks
	About  string `json:"about,omitempty"`
	Status Status `json:"status"`
	What   string `json:"what"`
	Why    string `json:"why,omitempty"` // it matters; of what is not ok
	Do     string `json:"do,omitempty"`  // what to do about it
	Lost   bool   `json:"-"`             // somebody could not be reached
}

// Report is everything that was found.
type Report struct {
	Findings []Finding      `json:"findings"`
	Counts   map[Status]int `json:"counts"`
	Lost     bool           `json:"unreachable"` // the broker, Redis, the CSU or Inventory Visibility could not be reached
}

// Part examines one part of what there is. It must return soon after its context ends.
type Part func(ctx context.Context) []Finding

// timeout bounds each part.
const timeout = 45 * time.Second

// Examine runs the parts at once and orders what they find as Checks are.
func Examine(ctx context.Context, parts ...Part) Report {
	found := make([][]Finding, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() {
			call, done := context.WithTimeout(ctx, timeout)
			defer done()
			found[i] = part(call)
		})
	}
	all.Wait()
	return reportOf(slices.Concat(found...))
}

func reportOf(all []Finding) Report {
	r := Report{Findings: []Finding{}, Counts: map[Status]int{OK: 0, Warn: 0, Fail: 0, Unknown: 0}}
	place := map[string]int{}
	for i, c := range checks {
		place[c.Name] = i
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(place[a.Check], place[b.Check]) })
	for _, f := range all {
		if f.Status != OK && f.Why == "" {
			f.Why = whyOf(f.Check)
		}
		r.Counts[f.Status]++
		r.Lost = r.Lost || f.Lost
		r.Findings = append(r.Findings, f)
	}
	return r
}

// ok, warn, fail and unknown make findings.
func ok(check, about, what string) Finding {
	return Finding{Check: check, About: about, Status: OK, What: what}
}

func warn(check, about, what, do string) Finding {
	return Finding{Check: check, About: about, Status: Warn, What: what, Do: do}
}

func fail(check, about, what, do string) Finding {
	return Finding{Check: check, About: about, Status: Fail, What: what, Do: do}
}

func unknown(check, about, what, do string) Finding {
	return Finding{Check: check, About: about, Status: Unknown, What: what, Do: do}
}
