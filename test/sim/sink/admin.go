package sink

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// AdminHandler serves what the Go methods do as JSON over HTTP. It asks for no credentials: keep its port to yourself.
func (s *Simulator) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	show := func(pattern string, value func(r *http.Request) any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, value(r)) })
	}
	show("GET /events", func(r *http.Request) any {
		if subject := r.URL.Query().Get("subject"); subject != "" {
			return s.About(subject)
		}
		return s.Events()
	})
	show("GET /stats", func(*http.Request) any { return s.Stats() })
	show("GET /faults", func(*http.Request) any { return s.Faults() })
	show("GET /settings", func(*http.Request) any { return s.settings() })
	show("POST /reset", func(*http.Request) any { s.Reset(); return map[string]bool{"reset": true} })
	show("DELETE /faults", func(*http.Request) any { s.ClearFaults(); return s.Faults() })
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.Clear(r.PathValue("id")) {
			refuse(w, http.StatusNotFound, errors.New("there is no such fault"))
			return
		}
		answer(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		err := decodeStrict(http.MaxBytesReader(w, r.Body, maxBody), &f)
		if err == nil {
			f.ID, err = s.Inject(f)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answer(w, http.StatusCreated, map[string]string{"id": f.ID})
	})
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		var change settings
		err := decodeStrict(http.MaxBytesReader(w, r.Body, maxBody), &change)
		if err == nil {
			err = s.change(change)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answer(w, http.StatusOK, s.settings())
	})
	return mux
}

// settings are the options that can be changed over HTTP; what is absent stays. Secrets are never shown.
type settings struct {
	Secrets   []string  `json:"secrets,omitempty"`
	Tolerance *duration `json:"tolerance,omitempty"`
	Latency   *duration `json:"latency,omitempty"`
}

func (s *Simulator) settings() settings {
	o := s.options()
	return settings{Tolerance: (*duration)(&o.Tolerance), Latency: (*duration)(&o.Latency)}
}

func (s *Simulator) change(c settings) error {
	for _, d := range []*duration{c.Tolerance, c.Latency} {
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

func answer(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // whoever asked has gone
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}
