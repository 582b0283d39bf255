package app

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/steps"
)

// Scenarios lists every scenario as a configuration has it, to be looked at: what it is made from is not there.
func Scenarios(cfg *config.Config) ([]orchestration.Scenario, error) {
	return extended(scenarios.All(scenarios.Parts{Emitted: cfg.Emitted()}), cfg, func(config.StepRow) steps.Web { return steps.Web{} }, func(steps.Step) {})
}

// extended puts the steps of the configuration into scenarios, with their connections.
func (a *App) extended(list []orchestration.Scenario) ([]orchestration.Scenario, error) {
	web := func(row config.StepRow) steps.Web {
		return steps.Web{DialContext: a.parts.DialStep, Changed: func(until time.Time, class string) { a.stepChanged(row, until, class) }}
	}
	return extended(list, a.cfg, web, func(s steps.Step) {
		if s.Close != nil {
			a.closers = append(a.closers, func() error { s.Close(); return nil })
		}
	})
}

// stepChanged says of a system that a step calls that it is left alone, or asked again.
func (a *App) stepChanged(row config.StepRow, until time.Time, class string) {
	log := a.log.Named("steps").With(zap.String("scenario", row.Scenario), zap.String("step", row.Name))
	if until.IsZero() {
		log.Info("the system that a configured step calls takes requests again")
		return
	}
	log.Warn("the system that a configured step calls refused or did not answer; it is left alone for a while, and events wait",
		zap.String("error_type", class), zap.Float64("retry_after_s", time.Until(until).Seconds()))
}

// extended puts the rows of the step table into their scenarios. made is told of each step.
func extended(list []orchestration.Scenario, cfg *config.Config, web func(config.StepRow) steps.Web, made func(steps.Step)) ([]orchestration.Scenario, error) {
	var problems []error
	out := make([]orchestration.Scenario, len(list))
	for i, s := range list {
		rows, off := cfg.StepsOf(s.Outline().Name)
		out[i] = s
		if len(rows)+len(off) == 0 {
			continue
		}
		var extras []orchestration.Extra
		for _, row := range rows {
			step, wrong := steps.New(steps.Options(row), web(row))
			for _, w := range wrong { // Load has said so; a program may have changed the configuration since
				problems = append(problems, fmt.Errorf("the step %s of %s: %s %s; %s", row.Name, row.Scenario, w.Column, w.What, w.Do))
			}
			made(step)
			extras = append(extras, step.Extra)
		}
		out[i] = orchestration.With(s, extras, off)
	}
	return out, errors.Join(problems...)
}
