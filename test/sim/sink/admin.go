package sink

import (
	"errors"
	"net/http"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// AdminHandler serves what the Go methods do as JSON over HTTP. It asks for no credentials: keep its port to yourself.
func (s *Simulator) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	show := func(pattern string, value func(r *http.Request) any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { misbehave.Answer(w, http.StatusOK, value(r)) })
	}
	show("GET /events", func(r *http.Request) any {
		if subject := r.URL.Query().Get("subject"); subject != "" {
			return s.About(subject)
		}
		return s.Events()
	})
	show("GET /stats", func(*http.Request) any { return s.Stats() })
	show("GET /settings", func(*http.Request) any { return s.settings() })
	show("POST /reset", func(*http.Request) any { s.Reset(); return map[string]bool{"reset": true} })
	s.faults.Serve(mux)
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		var change settings
		if misbehave.Change(w, r, &change, func() error { return s.change(change) }) {
			misbehave.Answer(w, http.StatusOK, s.settings())
		}
	})
	return mux
}

// settings are the options that can be changed over HTTP; what is absent stays. Secrets are never shown.
type settings struct {
	Secrets   []string            `json:"secrets,omitempty"`
	Tolerance *misbehave.Duration `json:"tolerance,omitempty"`
	Latency   *misbehave.Duration `json:"latency,omitempty"`
}

func (s *Simulator) settings() settings {
	o := s.options()
	return settings{Tolerance: (*misbehave.Duration)(&o.Tolerance), Latency: (*misbehave.Duration)(&o.Latency)}
}

func (s *Simulator) change(c settings) error {
	for _, d := range []*misbehave.Duration{c.Tolerance, c.Latency} {
		if d != nil && *d < 0 {
			return errors.New("a duration is not negative")
		}
	}
	return s.Configure(func(o *Options) {
		if c.Secrets != nil {
			o.Secrets = c.Secrets
		}
		if c.Tolerance != nil {
			o.Tolerance = time.Duration(*c.Tolerance)
		}
		if c.Latency != nil {
			o.Latency = time.Duration(*c.Latency)
		}
	})
}
