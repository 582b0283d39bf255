// Package health serves the admin port: /metrics, /livez, /readyz and /startupz.
//
// /livez is about this process alone: its states answer from memory, because a restart mends no outage of Redis, of the
// CSU or of Service Bus. /startupz is 503 until every startup check passed once. /readyz is 503 before that, while
// draining, and while a readiness check fails; what is merely degraded shows in its body and stays 200.
//
// Bodies are plain text, or JSON with ?format=json. They name checks and say ok or failed; why a check failed goes to
// Options.Changed, since error texts may name hosts.
package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/singleflight"
)

// State answers at once, from memory.
type State struct {
	Name string
	OK   func() bool
}

// Check may ask a dependency. It must end when its context does.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error
}

// Options of a Server.
type Options struct {
	Listen   string              // host:port; port 0 takes a free one
	Listener net.Listener        // instead of Listen; the server closes it
	Metrics  prometheus.Gatherer // what /metrics shows
	Live     []State             // /livez: all must hold
	Started  []Check             // /startupz: each must pass, then never again
	Ready    []Check             // /readyz: all must pass
	Degraded []State             // /readyz: shown when they do not hold, still 200

	Timeout time.Duration                 // of one round of checks; default 2 s
	Changed func(check string, err error) // told when a check begins to fail, and with nil when it passes again; may be nil
	Observe Observe                       // told of each request; may be nil
	Errors  *log.Logger                   // what net/http and the exporter complain of; nil: nowhere
}

// Observe is told of a request once it is answered: its route's template, empty for none of ours, method, status and time.
type Observe func(route, method string, status int, took time.Duration)

// Server is the admin port. Safe for concurrent use.
type Server struct {
	opts     Options
	listener net.Listener
	started  atomic.Bool
	draining atomic.Bool
	rounds   singleflight.Group // probes that come together share one round of checks

	mu      sync.Mutex
	failing map[string]bool
}

const (
	defaultTimeout = 2 * time.Second
	closing        = 5 * time.Second // how long requests under way may take at the end
)

// New takes the address, so that one in use is known at once. Run serves it and gives it back.
func New(o Options) (*Server, error) {
	if o.Metrics == nil {
		return nil, errors.New("health: no metrics to show")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Changed == nil {
		o.Changed = func(string, error) {}
	}
	if o.Observe == nil {
		o.Observe = func(string, string, int, time.Duration) {}
	}
	if o.Errors == nil {
		o.Errors = log.New(io.Discard, "", 0)
	}
	l := o.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", o.Listen); err != nil {
			return nil, fmt.Errorf("health: listen on the admin address: %w", err)
		}
	}
	return &Server{opts: o, listener: l, failing: map[string]bool{}}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Drain makes /readyz say no from now on.
func (s *Server) Drain() { s.draining.Store(true) }

// Ready asks the checks of /readyz.
func (s *Server) Ready(ctx context.Context) bool { return s.readiness(ctx).ok }

// Run serves until ctx ends, lets requests under way end, and returns when nothing is left running.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: s.handler(), ErrorLog: s.opts.Errors,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("health: serve: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	err := server.Shutdown(end)
	if err != nil {
		err = errors.Join(fmt.Errorf("health: shut down: %w", err), server.Close())
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.opts.Metrics, promhttp.HandlerOpts{
		EnableOpenMetrics: true, CoalesceGather: true, MaxRequestsInFlight: 4, ErrorLog: s.opts.Errors,
	}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { s.liveness().write(w, r) })
	mux.HandleFunc("GET /startupz", func(w http.ResponseWriter, r *http.Request) { s.startup(r.Context()).write(w, r) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.readiness(r.Context()).write(w, r) })
	return s.observed(headers(mux))
}

// observed reports every request with the route that took it.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, told := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(told, r)
		_, route, _ := strings.Cut(r.Pattern, " ") // set by the mux that took it
		s.opts.Observe(route, r.Method, told.status, time.Since(began))
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
