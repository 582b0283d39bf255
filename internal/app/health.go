package app

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/internal/health"
)

var (
	errNotConnected = errors.New("a queue has not answered yet")
	errStarting     = errors.New("the worker has not begun yet")
)

// serveHealth opens the admin port and serves it until stop is called.
func (a *App) serveHealth() (stop func(), err error) {
	if a.parts.NoHealth {
		return func() {}, nil
	}
	s, err := health.New(health.Options{
		Listen: a.cfg.Admin.Listen, Listener: a.parts.Admin, Metrics: a.metrics.Registry(), Observe: a.metrics.HTTP, Errors: zap.NewStdLog(a.log.Named("health")),
		Live: a.live(),
		Started: []health.Check{
			{Name: "redis", Ask: func(ctx context.Context) error { return a.redis.Ping(ctx).Err() }},
			{Name: "servicebus", Ask: a.connected},
		},
		Ready:    []health.Check{{Name: "redis", Ask: func(ctx context.Context) error { return a.redis.Ping(ctx).Err() }}},
		Degraded: []health.State{{Name: "gate", OK: a.gateOpen}, {Name: "intake", OK: func() bool { return len(a.worker.Paused()) == 0 }}},
		Changed: func(check string, err error) {
			if err != nil {
				a.log.Warn("a health check fails", zap.String("check", check), zap.Error(err))
				return
			}
			a.log.Info("a health check passes again", zap.String("check", check))
		},
	})
	if err != nil {
		return nil, err
	}
	a.metrics.WatchReady(func() bool { return a.started.Load() && !a.worker.Draining() })
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := s.Run(ctx); err != nil {
			a.log.Error("the admin port ended", zap.Error(err))
		}
	}()
	a.admin = s
	return func() {
		cancel()
		<-served
	}, nil
}

// live is what a restart of this process would mend.
func (a *App) live() []health.State {
	states := []health.State{{Name: "receive", OK: a.worker.Alive}}
	if a.timers != nil {
		states = append(states, health.State{Name: "schedule", OK: a.timers.Alive})
	}
	return states
}

// connected says whether every queue has answered since the start.
func (a *App) connected(context.Context) error {
	if !a.started.Load() {
		return errStarting
	}
	for _, q := range a.worker.Queues() {
		if !q.Answered {
			return errNotConnected
		}
	}
	return nil
}

func (a *App) gateOpen() bool { return !a.gate.ClosedUntil().After(time.Now()) }

// Admin is the address of the admin port, once Run has opened it.
func (a *App) Admin() string {
	if a.admin == nil {
		return ""
	}
	return a.admin.Addr()
}
