package health

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// answer is what a probe is told.
type answer struct {
	ok     bool
	status string
	checks []result
}

type result struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	code, kind, body := http.StatusOK, "text/plain; charset=utf-8", a.text()
	if !a.ok {
		code = http.StatusServiceUnavailable
	}
	if r.URL.Query().Get("format") == "json" {
		kind, body = "application/json", a.json()
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(body) // a probe that went away is nobody's trouble
}

func (a answer) text() []byte {
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, c := range a.checks {
		fmt.Fprintf(&b, "%s %s\n", c.Name, map[bool]string{true: "ok", false: "failed"}[c.OK])
	}
	return []byte(b.String())
}

func (a answer) json() []byte {
	b, _ := json.Marshal(struct { // names and flags cannot fail to marshal
		Status string   `json:"status"`
		Checks []result `json:"checks"`
	}{a.status, append([]result{}, a.checks...)})
	return append(b, '\n')
}

func (s *Server) liveness() answer {
	a := answer{ok: true, status: "alive"}
	for _, state := range s.opts.Live {
		ok := state.OK()
		a.checks = append(a.checks, result{state.Name, ok})
		if !ok {
			a.ok, a.status = false, "stuck"
		}
	}
	return a
}

// startup asks until every check passed once.
func (s *Server) startup(ctx context.Context) answer {
	if s.started.Load() {
		return answer{ok: true, status: "started"}
	}
	checks, all := s.ask(ctx, "started", s.opts.Started)
	if !all {
		return answer{status: "starting", checks: checks}
	}
	s.started.Store(true)
	return answer{ok: true, status: "started", checks: checks}
}

func (s *Server) readiness(ctx context.Context) answer {
	if s.draining.Load() {
		return answer{status: "draining"}
	}
	if a := s.startup(ctx); !a.ok {
		return a
	}
	checks, all := s.ask(ctx, "ready", s.opts.Ready)
	a := answer{ok: all, status: "ready", checks: checks}
	for _, state := range s.opts.Degraded {
		ok := state.OK()
		a.checks = append(a.checks, result{state.Name, ok})
		if !ok {
			a.status = "degraded"
		}
	}
	if !all {
		a.status = "not ready"
	}
	return a
}

// ask runs one round of checks, at most one of a kind at a time. The round has a time limit of its own, so that one
// probe that goes away does not spoil it for the others.
func (s *Server) ask(ctx context.Context, round string, checks []Check) (results []result, all bool) {
	done, _, _ := s.rounds.Do(round, func() (any, error) {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Timeout)
		defer cancel()
		errs := make([]error, len(checks))
		var asked sync.WaitGroup
		for i, c := range checks {
			asked.Go(func() { errs[i] = c.safely(limited) })
		}
		asked.Wait()
		for i, c := range checks {
			s.note(c.Name, errs[i])
		}
		return errs, nil
	})
	all = true
	for i, err := range done.([]error) {
		results = append(results, result{checks[i].Name, err == nil})
		all = all && err == nil
	}
	return results, all
}

// safely asks, and takes a panic for a no: it must not end the process.
func (c Check) safely(ctx context.Context) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("the check %s panicked", c.Name)
		}
	}()
	return c.Ask(ctx)
}

// note tells of changes only, or a probe every few seconds would fill the log.
func (s *Server) note(check string, err error) {
	s.mu.Lock()
	changed := s.failing[check] != (err != nil)
	s.failing[check] = err != nil
	s.mu.Unlock()
	if changed {
		s.opts.Changed(check, err)
	}
}
