package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
)

// openSwitches makes this process's view of which scenarios are off.
func (a *App) openSwitches() error {
	a.view = redisswitch.NewView(redisswitch.New(a.redis, a.keys()), a.cfg.Scenarios.Off, a.switched)
	for _, name := range a.cfg.Scenarios.Off {
		a.metrics.ScenarioSwitched(name, false)
		a.log.Info("the scenario is off by the configuration; its events wait", zap.String("scenario", name))
	}
	return nil
}

// HearSwitches asks which scenarios are off: before the first event, for one that comes a moment too early would be worked on.
func (a *App) HearSwitches(ctx context.Context) error {
	if err := a.view.Refresh(ctx); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// switched is told when an operator's word is heard, or its time is over. What was said of one that the configuration has off
// changes nothing.
func (a *App) switched(scenario string, s redisswitch.Said) {
	if slices.Contains(a.cfg.Scenarios.Off, scenario) {
		return
	}
	a.metrics.ScenarioSwitched(scenario, !s.Off)
	about := []zap.Field{zap.String("scenario", scenario), zap.String("audit_entry", s.Audit)}
	if s.Off {
		a.log.Warn("the scenario is off by an operator's word; its events wait", append(about, zap.Float64("wait_s", s.Left.Seconds()))...)
		return
	}
	a.log.Info("the scenario is on again", about...)
}

// off says whether what a switch is of is off.
func (a *App) off(name string) bool {
	_, off := a.view.Off(name)
	return off
}

// followSwitches asks again and again; stop waits for its end. It goes on through a drain, as runs do.
func (a *App) followSwitches() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.view.Run(ctx, func(err error) {
			a.log.Warn("whether a scenario was switched cannot be asked; what is known holds until it can", zap.Error(err))
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

// waiting hands over every run that waits. Those of a scenario that is off have a place of their own; one that waited for something
// else before and was due since has moved there.
func (a *App) waiting(ctx context.Context, use func(redisstore.Waiting) error) error {
	now, switches := time.Now(), map[string]string{}
	for _, o := range a.engine.Outlines() {
		switches[o.Name] = o.Switch()
	}
	err := redisstore.NewTracer(a.redis, a.keys()).Waiting(ctx, func(w redisstore.Waiting) error {
		if a.off(switches[w.Scenario]) && w.Due.Before(now) {
			return nil
		}
		return use(w)
	})
	if err != nil {
		return err
	}
	counts, err := a.waiters().Off(ctx, config.Switchable())
	if err != nil {
		return err
	}
	for name, n := range counts {
		for range n {
			if err := use(redisstore.Waiting{Scenario: name, Cause: string(orchestration.CauseSwitchedOff)}); err != nil {
				return err
			}
		}
	}
	return nil
}
