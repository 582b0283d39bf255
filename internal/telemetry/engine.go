package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
)

type engineMetrics struct {
	runs, resumes, stepRuns, stepRetries, taints, alreadyThere, checks *prometheus.CounterVec
	mappingWrites, mappingLookups                                      *prometheus.CounterVec
	leaseLost, runsAlone                                               prometheus.Counter
	runDuration, stepDuration                                          *prometheus.HistogramVec
	stepEnabled                                                        *prometheus.GaugeVec
}

func (m *Metrics) newEngineMetrics() engineMetrics {
	m.section = sectionPipelines
	e := engineMetrics{
		runs:         m.counter(ScenarioRuns, "Runs that ended for good, by how. What was postponed goes on, and shows in signalbox_messages_total.", LabelScenario, LabelOutcome),
		resumes:      m.counter(ScenarioResumes, "Runs that went on from a checkpoint.", LabelScenario),
		runDuration:  m.histogram(ScenarioDuration, "Duration of the go in which a run ended for good.", scenarioBuckets, LabelScenario),
		stepRuns:     m.counter(StepRuns, "Attempts at a step, by how they ended.", LabelScenario, LabelStep, LabelOutcome),
		stepDuration: m.histogram(StepDuration, "Duration of one attempt at a step; skipped ones are left out.", stepBuckets, LabelScenario, LabelStep),
		stepRetries:  m.counter(StepRetries, "Failures of a step that were tried again within the run, by kind.", LabelScenario, LabelStep, LabelKind),
		taints:       m.counter(Taints, "Keys closed for acting after a write without a definitive answer.", LabelScenario, LabelStep),
		alreadyThere: m.counter(EffectsAlreadyThere, "Looks that found the effect done.", LabelScenario, LabelStep),
		stepEnabled:  m.gauge(StepEnabled, "Whether a step is in force: 0 while its scenario is off.", LabelScenario, LabelStep),
	}
	m.section = sectionOnce
	e.checks = m.counter(IdempotencyChecks, "Answers to claims; error means that the store could not answer.", LabelResult)
	e.leaseLost = m.counter(IdempotencyLeaseLost, "Claims that were no longer ours.").WithLabelValues()
	e.runsAlone = m.counter(RunsAlone, "Runs that had a process for themselves, because processes had died while they worked on their event.").WithLabelValues()
	e.mappingWrites = m.counter(MappingWrites, "Bindings written or refused.", LabelEntity, LabelOutcome)
	e.mappingLookups = m.counter(MappingLookups, "Bindings looked up, with the claim.", LabelEntity, LabelResult)
	start(e.runs, m.scenarios.and(unknown), runOutcomes)
	start(e.resumes, m.scenarios.and(unknown))
	start(e.runDuration, m.scenarios.and(unknown))
	start(e.checks, answers)
	start(e.mappingWrites, m.kinds.and(unknown), writeOutcomes)
	start(e.mappingLookups, m.kinds.and(unknown), lookups)
	m.startSteps(e, unknown, unknown)
	for scenario, steps := range m.steps {
		for step := range steps {
			m.startSteps(e, scenario, step)
			e.stepEnabled.WithLabelValues(scenario, step).Set(1)
		}
	}
	return e
}

// ScenarioSwitched says whether a scenario is on, and with it its steps and those of its parts.
func (m *Metrics) ScenarioSwitched(scenario string, on bool) {
	value := 0.0
	if on {
		value = 1
	}
	for _, name := range m.switches[scenario] {
		for step := range m.steps[name] {
			m.stepEnabled.WithLabelValues(name, step).Set(value)
		}
	}
}

func (m *Metrics) startSteps(e engineMetrics, scenario, step string) {
	one, two := []string{scenario}, []string{step}
	start(e.stepRuns, one, two, stepOutcomes)
	start(e.stepDuration, one, two)
	start(e.taints, one, two)
	start(e.alreadyThere, one, two)
	// Retries are born with the first: with every step and kind they would be a twentieth of all series, and no rule asks for
	// their increase.
	if step == unknown {
		start(e.stepRetries, one, two, []string{fault.Transient.String()})
	}
}

// labelsOf gives a scenario and a step of it as labels.
func (m *Metrics) labelsOf(scenario, step string) (string, string) {
	if !m.steps[scenario][step] {
		return unknown, unknown
	}
	return scenario, step
}

// Engine observes the engine.
func (m *Metrics) Engine(log *zap.Logger) orchestration.Observer {
	return &engineObserver{m: m, log: log.Named("engine"), answers: closedSet(answers), stepOutcomes: closedSet(stepOutcomes), writes: closedSet(writeOutcomes),
		lookups: closedSet(lookups)}
}

type engineObserver struct {
	m   *Metrics
	log *zap.Logger

	answers, stepOutcomes, writes, lookups closed
}

func (o *engineObserver) Claimed(_ context.Context, _, answer string) {
	if answer == string(orchestration.AnswerAlone) { // it waits for its turn in the process; RunsAlone counts it
		answer = string(orchestration.Held)
	}
	o.m.checks.WithLabelValues(o.answers.or(answer, "error")).Inc()
}

func (o *engineObserver) LeaseLost(ctx context.Context, scenario, step string) {
	o.m.leaseLost.Inc()
	o.log.Warn("the claim is no longer ours; nothing is settled", fieldsOf(ctx, zap.String(fieldScenario, scenario), zap.String(fieldStep, step))...)
}

func (o *engineObserver) StepDone(_ context.Context, scenario, step, outcome string, took time.Duration) {
	if scenario == heartbeat.Name {
		return
	}
	s, t := o.m.labelsOf(scenario, step)
	outcome = o.stepOutcomes.or(outcome, "retryable")
	o.m.stepRuns.WithLabelValues(s, t, outcome).Inc()
	if outcome != "skipped" {
		o.m.stepDuration.WithLabelValues(s, t).Observe(took.Seconds())
	}
}

func (o *engineObserver) StepRetried(_ context.Context, scenario, step string, kind fault.Kind) {
	if kind == fault.Unknown { // the engine never says so; a look without a kind is transient
		kind = fault.Transient
	}
	s, t := o.m.labelsOf(scenario, step)
	o.m.stepRetries.WithLabelValues(s, t, kind.String()).Inc()
}

func (o *engineObserver) AlreadyThere(_ context.Context, scenario, step string) {
	s, t := o.m.labelsOf(scenario, step)
	o.m.alreadyThere.WithLabelValues(s, t).Inc()
}

func (o *engineObserver) Tainted(ctx context.Context, scenario, step string) {
	s, t := o.m.labelsOf(scenario, step)
	o.m.taints.WithLabelValues(s, t).Inc()
	o.log.Warn("a write got no definitive answer; its keys are closed for acting", fieldsOf(ctx, zap.String(fieldScenario, scenario), zap.String(fieldStep, step))...)
}

func (o *engineObserver) Bound(ctx context.Context, kind, outcome string) {
	outcome = o.writes.or(outcome, "conflict")
	o.m.mappingWrites.WithLabelValues(o.m.kinds.or(kind, unknown), outcome).Inc()
	if outcome == "conflict" {
		o.log.Warn("a binding contradicts the one that is there and was refused", fieldsOf(ctx, zap.String(fieldEntity, kind))...)
	}
}

func (o *engineObserver) LookedUp(_ context.Context, scenario, kind, result string) {
	if scenario == heartbeat.Name { // a queue is bound to nothing
		return
	}
	o.m.mappingLookups.WithLabelValues(o.m.kinds.or(kind, unknown), o.lookups.or(result, "error")).Inc()
}

func (o *engineObserver) RunsAlone(ctx context.Context, scenario string) {
	o.m.runsAlone.Inc()
	o.log.Warn("processes died while they worked on this event; it now runs alone in this one", fieldsOf(ctx, zap.String(fieldScenario, scenario))...)
}

func (o *engineObserver) Resumed(_ context.Context, scenario string) {
	if scenario == heartbeat.Name {
		return
	}
	o.m.resumes.WithLabelValues(o.m.scenarios.or(scenario, unknown)).Inc()
}

// Finished counts only what ended for good: a postponed or interrupted run goes on, and shows in the outcomes of its
// messages. The line of the outcome is the worker's.
func (o *engineObserver) Finished(_ context.Context, scenario string, out orchestration.Outcome, took time.Duration) {
	outcome, ended := runOutcomeOf[out.Verdict]
	if !ended || scenario == heartbeat.Name {
		return
	}
	s := o.m.scenarios.or(scenario, unknown)
	o.m.runs.WithLabelValues(s, outcome).Inc()
	o.m.runDuration.WithLabelValues(s).Observe(took.Seconds())
}

func (o *engineObserver) Reported(ctx context.Context, scenario string, reason fault.Reason, detail string) {
	o.log.Warn("the event went through, and a person should look at what was found", fieldsOf(ctx, zap.String(fieldScenario, scenario),
		zap.String(fieldReason, string(reason)), zap.String(fieldDetail, detail))...)
}

func (o *engineObserver) Panicked(ctx context.Context, scenario, step string, stack []byte) {
	o.m.panics.WithLabelValues("engine").Inc()
	o.log.Error("a step panicked", fieldsOf(ctx, zap.String(fieldScenario, scenario), zap.String(fieldStep, step), zap.ByteString(fieldStack, stack))...)
}
