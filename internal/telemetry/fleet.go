package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/orchestration"
)

// fleetMetrics are what every process exports of the fleet's watchman: what failed, and the heartbeats it has seen itself.
type fleetMetrics struct {
	sampleFailures *prometheus.CounterVec
	heartbeatSeen  *prometheus.GaugeVec
	beats          closed
}

func (m *Metrics) newFleetMetrics(k Known) fleetMetrics {
	m.section = sectionTransport
	f := fleetMetrics{beats: closedSet(k.Heartbeats),
		sampleFailures: m.counter(QueueSampleFailures, "Looks at a queue that failed in part or in whole.", LabelQueue),
		heartbeatSeen:  m.gauge(HeartbeatSeen, "When this process last saw a heartbeat of the queue come through; 0 for never.", LabelQueue)}
	start(f.sampleFailures, m.queues.list())
	start(f.heartbeatSeen, f.beats.list())
	return f
}

func (m *Metrics) seen(queue string, at time.Time) {
	if m.beats[queue] {
		m.heartbeatSeen.WithLabelValues(queue).Set(seconds(at))
	}
}

// seconds is a moment; 0 for none.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

// WatchState is what the watchman of this process has seen; false when another process is the elected one.
type WatchState interface {
	Sight() (watch.Sight, bool)
}

// WatchFleet exports what the watchman sees, while it is this process's.
func (m *Metrics) WatchFleet(w WatchState) {
	c := &fleetCollector{m: m, w: w}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		m.remember(name, "gauge", help, labels...)
		d := prometheus.NewDesc(name, help, labels, nil)
		c.all = append(c.all, d)
		return d
	}
	m.section = sectionTransport
	c.messages = desc(QueueMessages, "Messages in the queue by state, as the broker counts them; only the elected process knows.", LabelQueue, LabelState)
	c.oldest = desc(QueueOldest, "When the oldest message was enqueued, or became a dead letter; 0 when there is none.", LabelQueue, LabelState)
	c.size = desc(QueueSize, "Size of the queue, dead letters included.", LabelQueue)
	c.maxSize = desc(QueueMaxSize, "Size at which the broker refuses messages.", LabelQueue)
	c.took = desc(QueueSampleDuration, "How long the last look at the queue took.", LabelQueue)
	c.last = desc(QueueLastSample, "When everything about the queue was last read; 0 for never since this process was elected.", LabelQueue)
	c.sent = desc(HeartbeatSent, "When a heartbeat was last sent to the queue; only the elected process knows.", LabelQueue)
	m.section = sectionPipelines
	c.waiting = desc(Waiting, "Runs that wait now, by what for; of a scenario that is off, all of them for that. Only causes that something waits for, and only from the elected process.", LabelScenario, LabelCause)
	m.section = sectionOnce
	c.risk = desc(RedisEvictionRisk, "1 unless Redis has the policy noeviction; missing if it does not tell. Only from the elected process.")
	c.kept = desc(RedisPersistenceOK, "Whether Redis keeps its data on disk; missing if it does not tell. Only from the elected process.")
	c.members = desc(Members, "Processes of the fleet that live. Only from the elected process.")
	m.registry.MustRegister(c)
}

type fleetCollector struct {
	m   *Metrics
	w   WatchState
	all []*prometheus.Desc

	messages, oldest, size, maxSize, took, last, sent, waiting, risk, kept, members *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.all {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *fleetCollector) Collect(ch chan<- prometheus.Metric) {
	s, leads := c.w.Sight()
	if !leads {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, q := range s.Queues {
		c.queue(gauge, q)
	}
	for queue, at := range s.Beats {
		gauge(c.sent, seconds(at), queue)
	}
	c.waits(gauge, s.Waits)
	if s.Members > 0 { // it is one itself: none means that nobody could say
		gauge(c.members, float64(s.Members))
	}
	if risk, known := s.Safety.EvictionRisk(); known {
		gauge(c.risk, number(risk))
	}
	if ok, known := s.Safety.Persistent(); known {
		gauge(c.kept, number(ok))
	}
}

type gaugeOf func(d *prometheus.Desc, v float64, labels ...string)

func (c *fleetCollector) queue(gauge gaugeOf, q watch.Sample) {
	if n := q.Counts; q.Counted {
		for i, count := range []int64{n.Active, n.Scheduled, n.DeadLetter, n.Transfer, n.TransferDeadLetter} {
			gauge(c.messages, float64(count), q.Queue, queueStates[i])
		}
		gauge(c.size, float64(n.Size), q.Queue)
		if n.MaxSize > 0 {
			gauge(c.maxSize, float64(n.MaxSize), q.Queue)
		}
	}
	if q.Found {
		gauge(c.oldest, seconds(q.Oldest), q.Queue, queueStates[0])
	}
	if q.FoundDead {
		gauge(c.oldest, seconds(q.OldestDead), q.Queue, queueStates[2])
	}
	gauge(c.took, q.Took.Seconds(), q.Queue)
	gauge(c.last, seconds(q.At), q.Queue)
}

func (c *fleetCollector) waits(gauge gaugeOf, waits map[watch.Wait]int) {
	causes := closedSet(texts(orchestration.Causes()))
	sums := map[watch.Wait]int{} // what an older or newer version has left adds up
	for w, n := range waits {
		sums[watch.Wait{Scenario: c.m.scenarios.or(w.Scenario, unknown), Cause: causes.or(w.Cause, other)}] += n
	}
	for w, n := range sums {
		if off := (watch.Wait{Scenario: w.Scenario, Cause: string(orchestration.CauseSwitchedOff)}); w != off && sums[off] > 0 {
			sums[off] += n // whatever else they wait for, they wait for that first
			delete(sums, w)
		}
	}
	for w, n := range sums {
		gauge(c.waiting, float64(n), w.Scenario, w.Cause)
	}
}

// Watch observes the watchman. What fails is told when it begins, and again when it is over.
func (m *Metrics) Watch(log *zap.Logger) watch.Observer {
	return &watchObserver{m: m, log: log.Named("watch"), failing: map[string]bool{}}
}

type watchObserver struct {
	m       *Metrics
	log     *zap.Logger
	failing map[string]bool // by what; the watchman does one thing after the other, and asks the store beside
	asking  bool
}

func (o *watchObserver) Sampled(queue string, err error) {
	if err != nil {
		o.m.sampleFailures.WithLabelValues(o.m.queues.or(queue, other)).Inc()
	}
	if o.changed("sample "+queue, err) {
		o.log.Warn("a queue cannot be sampled; what is exported of it is old or missing", present(zap.String(fieldQueue, queue), text(fieldErrorType, errorType(err)), text(fieldError, describe(err)))...)
	}
}

func (o *watchObserver) Asked(err error) {
	began := err != nil && !o.asking
	o.asking = err != nil
	if began {
		o.log.Warn("Redis does not say what waits in it, or how it keeps its data", present(text(fieldError, describe(err)))...)
	}
}

func (o *watchObserver) Beaten(queue string, err error) {
	if o.changed("beat "+queue, err) {
		o.log.Warn("a heartbeat cannot be sent", present(zap.String(fieldQueue, queue), text(fieldErrorType, errorType(err)), text(fieldError, describe(err)))...)
	}
}

// changed says whether something begins to fail.
func (o *watchObserver) changed(what string, err error) bool {
	began := err != nil && !o.failing[what]
	o.failing[what] = err != nil
	return began
}
