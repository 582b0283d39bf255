package orchestration

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Observer is told what the engine does. Implementations count and log; they must be quick and safe for concurrent
// use. Embed NoObserver to take only some of the calls.
type Observer interface {
	// Claimed reports the answer to a claim, one of Answer's names, or "error".
	Claimed(ctx context.Context, scenario, answer string)
	// LeaseLost reports a claim that was no longer ours.
	LeaseLost(ctx context.Context, scenario, step string)
	// StepDone reports one attempt at a step: ok, skipped, retryable, permanent, timeout or cancelled.
	StepDone(ctx context.Context, scenario, step, outcome string, took time.Duration)
	// StepRetried reports a failure that is tried again within the run.
	StepRetried(ctx context.Context, scenario, step string, kind fault.Kind)
	// AlreadyThere reports a look that found the effect done.
	AlreadyThere(ctx context.Context, scenario, step string)
	// Tainted reports keys closed for acting.
	Tainted(ctx context.Context, scenario, step string)
	// Bound reports a binding written (created) or refused (conflict).
	Bound(ctx context.Context, kind, outcome string)
	// LookedUp reports what the claim found of the entity's binding: hit, miss or error.
	LookedUp(ctx context.Context, scenario, kind, result string)
	// RunsAlone reports a run that processes died of, now with its process for itself.
	RunsAlone(ctx context.Context, scenario string)
	// Resumed reports a run that went on from a checkpoint.
	Resumed(ctx context.Context, scenario string)
	// Finished reports the end of one go.
	Finished(ctx context.Context, scenario string, o Outcome, took time.Duration)
	// Reported hands on what a person should see although the event itself went through, such as a second account.
	Reported(ctx context.Context, scenario string, reason fault.Reason, detail string)
	// Panicked reports a recovered panic with its stack.
	Panicked(ctx context.Context, scenario, step string, stack []byte)
}

// NoObserver ignores everything.
type NoObserver struct{}

var _ Observer = NoObserver{}

func (NoObserver) Claimed(context.Context, string, string)                         {}
func (NoObserver) LeaseLost(context.Context, string, string)                       {}
func (NoObserver) StepDone(context.Context, string, string, string, time.Duration) {}
func (NoObserver) StepRetried(context.Context, string, string, fault.Kind)         {}
func (NoObserver) AlreadyThere(context.Context, string, string)                    {}
func (NoObserver) Tainted(context.Context, string, string)                         {}
func (NoObserver) Bound(context.Context, string, string)                           {}
func (NoObserver) LookedUp(context.Context, string, string, string)                {}
func (NoObserver) RunsAlone(context.Context, string)                               {}
func (NoObserver) Resumed(context.Context, string)                                 {}
func (NoObserver) Finished(context.Context, string, Outcome, time.Duration)        {}
func (NoObserver) Reported(context.Context, string, fault.Reason, string)          {}
func (NoObserver) Panicked(context.Context, string, string, []byte)                {}
