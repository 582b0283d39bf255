package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/orchestration/schedule"
)

// The outcomes of schedules' runs.
const (
	scheduleOK      = "ok"
	scheduleError   = "error"
	scheduleSkipped = "skipped"
)

var scheduleOutcomes = []string{scheduleOK, scheduleError, scheduleSkipped}

type scheduleMetrics struct {
	scheduleNames    closed
	scheduleRuns     *prometheus.CounterVec
	scheduleDuration *prometheus.HistogramVec
	scheduleSuccess  *prometheus.GaugeVec
}

func (m *Metrics) newScheduleMetrics(k Known) scheduleMetrics {
	m.section = sectionSchedules
	s := scheduleMetrics{scheduleNames: closedSet(k.Schedules),
		scheduleRuns:     m.counter(ScheduleRuns, "Runs of a schedule's events, by how they ended: ok, or error for a dead letter and for an event that was lost; and ticks that were skipped. Counted by the process that leads.", LabelSchedule, LabelOutcome),
		scheduleDuration: m.histogram(ScheduleDuration, "From an event's publication to the end of its run.", scheduleBuckets, LabelSchedule),
		scheduleSuccess:  m.gauge(ScheduleLastSuccess, "When a run of the schedule last ended well; before the first one did, when the schedule was first seen; 0 in a process that has not led yet. Take the greatest.", LabelSchedule)}
	start(s.scheduleRuns, s.scheduleNames.list(), scheduleOutcomes)
	start(s.scheduleDuration, s.scheduleNames.list())
	start(s.scheduleSuccess, s.scheduleNames.list())
	return s
}

// ScheduleState is what a process knows of the schedules without being asked for it.
type ScheduleState interface {
	// LeadsSchedules says whether this process publishes their events.
	LeadsSchedules() bool
	// Interval is the time between two ticks of a schedule around now.
	Interval(name string, now time.Time) time.Duration
}

// WatchSchedules exports the schedules of a process that may lead.
func (m *Metrics) WatchSchedules(s ScheduleState) {
	m.section = sectionSchedules
	c := &scheduleCollector{names: m.scheduleNames.list(), s: s}
	m.remember(ScheduleInterval, "gauge", "Time between two ticks around now: the longer one of that before and that behind the last tick.", LabelSchedule)
	c.interval = prometheus.NewDesc(ScheduleInterval, m.help(), []string{LabelSchedule}, nil)
	m.remember(ScheduleLeader, "gauge", "Whether this process publishes the events of the schedules; one of the fleet does.")
	c.leader = prometheus.NewDesc(ScheduleLeader, m.help(), nil, nil)
	m.registry.MustRegister(c)
}

type scheduleCollector struct {
	names            []string
	s                ScheduleState
	interval, leader *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *scheduleCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.interval
	ch <- c.leader
}

// Collect implements prometheus.Collector.
func (c *scheduleCollector) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, name := range c.names {
		ch <- prometheus.MustNewConstMetric(c.interval, prometheus.GaugeValue, c.s.Interval(name, now).Seconds(), name)
	}
	ch <- prometheus.MustNewConstMetric(c.leader, prometheus.GaugeValue, number(c.s.LeadsSchedules()))
}

// Schedules observes the scheduler. What fails is told when it begins, and again when it is over.
func (m *Metrics) Schedules(log *zap.Logger) schedule.Observer {
	return &scheduleObserver{m: m, log: log.Named("schedule"), failing: map[string]bool{}, skipping: map[string]bool{}}
}

type scheduleObserver struct {
	m   *Metrics
	log *zap.Logger

	mu       sync.Mutex
	failing  map[string]bool
	skipping map[string]bool // ticks since the last event: told once
}

func (o *scheduleObserver) Known(name string, r schedule.Record) {
	at := r.Success
	if at.IsZero() {
		at = r.Since
	}
	o.m.scheduleSuccess.WithLabelValues(o.m.scheduleNames.or(name, other)).Set(seconds(at))
}

func (o *scheduleObserver) Published(name string, late time.Duration) {
	o.first(o.skipping, name, false)
	o.log.Info("a schedule's event is published", zap.String(fieldSchedule, name), zap.Float64(fieldWait, late.Seconds()))
}

func (o *scheduleObserver) Skipped(name string, count int) {
	o.m.scheduleRuns.WithLabelValues(o.m.scheduleNames.or(name, other), scheduleSkipped).Add(float64(count))
	if !o.first(o.skipping, name, true) {
		return
	}
	o.log.Warn("ticks of a schedule are skipped, because the run before is not over or nobody led when they were due; said once until the next event", zap.String(fieldSchedule, name), zap.Int(fieldCount, count))
}

func (o *scheduleObserver) Ended(name string, r schedule.Record, took time.Duration) {
	label, outcome := o.m.scheduleNames.or(name, other), scheduleError
	about := []zap.Field{zap.String(fieldSchedule, name), zap.Float64(fieldDuration, took.Seconds())}
	switch r.State {
	case schedule.OK:
		outcome = scheduleOK
		o.log.Info("the run of a schedule's event ended well", about...)
	case schedule.Lost:
		o.log.Error("a schedule's event was lost, or waits too long behind others: it has no run, or one that nobody goes on with; the schedule goes on", about...)
	default:
		o.log.Error("a schedule's event is a dead letter; the schedule goes on", about...)
	}
	o.m.scheduleRuns.WithLabelValues(label, outcome).Inc()
	o.m.scheduleDuration.WithLabelValues(label).Observe(took.Seconds())
}

func (o *scheduleObserver) Round(name string, err error) {
	if o.first(o.failing, name, err != nil) {
		o.log.Warn("a schedule cannot go on; it is tried again and again", present(text(fieldSchedule, name), text(fieldErrorType, errorType(err)), text(fieldError, describe(err)))...)
	}
}

// first says whether something begins to be so.
func (o *scheduleObserver) first(is map[string]bool, name string, now bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	began := now && !is[name]
	is[name] = now
	return began
}
