package telemetry

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
)

// Known is what code and configuration know at the start: the closed sets of label values.
type Known struct {
	Version, Revision string
	Queues            []string                // sources of messages, our own queues among them
	OwnQueues         []string                // those that we send to
	Scenarios         []orchestration.Outline // as the engine lists them
	Heartbeats        []string                // queues that get a heartbeat; none when it is off
	Kinds             []string                // of business objects that are bound: customer, order, …
	Operations        []string                // of the CSU client
	Scripts           map[string]string       // Redis scripts: name by hash
	Sources           []string                // of rows: what operators call them
	Sinks             []string                // names of the sinks
	Sweeps            []Sweep                 // that schedules ask for
	Schedules         []string                // names of the schedules that this process may publish the events of
}

// Family describes one metric, for the reference and for the tests of dashboards and rules.
type Family struct {
	Section, Name, Type, Help string
	Labels                    []string
}

// Metrics is the registry of one process and everything on it. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	families []Family
	section  string // of the reference, to which the next family belongs

	queues, types, scenarios, kinds, operations, codes, sources, rules closed
	steps                                                              map[string]closed   // by scenario
	switches                                                           map[string][]string // scenarios by their switch
	scripts                                                            map[string]string

	engineMetrics
	workerMetrics
	csuMetrics
	redisMetrics
	processMetrics
	fleetMetrics
	sinkMetrics
	sweepMetrics
	scheduleMetrics
	up *dependencyState
}

// NewMetrics makes the registry with every series that is known already.
func NewMetrics(k Known) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), steps: map[string]closed{}, switches: map[string][]string{}, scripts: k.Scripts,
		queues: closedSet(k.Queues, k.OwnQueues), kinds: closedSet(k.Kinds), operations: closedSet(k.Operations),
		sources: closedSet(k.Sources), rules: closedSet(fieldmap.WarningRules()),
		types: closed{}, scenarios: closed{}}
	for _, o := range k.Scenarios {
		if o.Name == heartbeat.Name { // it is no business: it counts nowhere, and has gauges of its own
			continue
		}
		m.switches[o.Switch()] = append(m.switches[o.Switch()], o.Name)
		m.scenarios[o.Name], m.types[o.Handles], m.steps[o.Name] = true, true, closed{}
		for _, s := range o.Steps {
			m.steps[o.Name][s.Name] = true
		}
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.up = m.newDependencyState()
	m.engineMetrics = m.newEngineMetrics()
	m.workerMetrics = m.newWorkerMetrics(k)
	m.csuMetrics = m.newCSUMetrics()
	m.sinkMetrics = m.newSinkMetrics(k)
	m.sweepMetrics = m.newSweepMetrics(k)
	m.scheduleMetrics = m.newScheduleMetrics(k)
	m.redisMetrics = m.newRedisMetrics()
	m.fleetMetrics = m.newFleetMetrics(k)
	m.processMetrics = m.newProcessMetrics(k)
	return m
}

// Registry is where everything is exported from.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Families lists every metric of ours: not those of the Go and process collectors.
func (m *Metrics) Families() []Family { return m.families }

// processMetrics are about the process itself.
type processMetrics struct {
	logMessages, panics, redactions, mapWarnings *prometheus.CounterVec
	http                                         *prometheus.HistogramVec
}

func (m *Metrics) newProcessMetrics(k Known) processMetrics {
	m.section = sectionProcess
	p := processMetrics{
		logMessages: m.counter(LogMessages, "Log lines written.", LabelLevel),
		panics:      m.counter(PanicsRecovered, "Panics that were recovered from.", LabelComponent),
		http:        m.histogram(HTTPRequestDuration, "Requests to the admin port, by route template.", semconvBuckets, LabelRoute, LabelMethod, LabelStatus),
		mapWarnings: m.counter(FieldMapWarnings, "Fields of rows that went through, but not as their map would have it; counted on every delivery.", LabelSource, LabelRule),
		redactions:  m.counter(Redactions, "Values in log lines that the safety net masked; each is a defect to mend.", LabelClass),
	}
	start(p.http, []string{"/metrics", "/livez", "/readyz", "/startupz"}, []string{"GET"}, []string{"200"})
	start(p.logMessages, levels)
	start(p.panics, components)
	start(p.redactions, redactionClasses)
	start(p.mapWarnings, m.sources.list(), m.rules.list())
	m.gauge(BuildInfo, "Always 1; the labels say what is running.", LabelVersion, LabelRevision, LabelGoVersion).
		WithLabelValues(k.Version, k.Revision, runtime.Version()).Set(1)
	return p
}

// HTTP counts a request to the admin port. route is its template, empty for none of ours.
func (m *Metrics) HTTP(route, method string, status int, took time.Duration) {
	m.http.WithLabelValues(route, closedSet(methods).or(method, otherType), strconv.Itoa(status)).Observe(took.Seconds())
}

// WatchReady exports signalbox_ready.
func (m *Metrics) WatchReady(ready func() bool) {
	m.section = sectionProcess
	m.remember(Ready, "gauge", "Whether this process says that it is ready.")
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: Ready, Help: m.help()}, func() float64 { return number(ready()) }))
}

// WarnedOfRow counts the warnings of a field map.
func (m *Metrics) WarnedOfRow(source string, warnings []fieldmap.Warning) {
	for _, w := range warnings {
		m.mapWarnings.WithLabelValues(m.sources.or(source, other), m.rules.or(w.Rule, other)).Inc()
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *Metrics) remember(name, kind, help string, labels ...string) {
	m.families = append(m.families, Family{m.section, name, kind, help, labels})
}

// help is that of the family remembered last.
func (m *Metrics) help() string { return m.families[len(m.families)-1].Help }

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	m.remember(name, "counter", help, labels...)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	m.remember(name, "gauge", help, labels...)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

// histogram is classic, for rules that work everywhere, and native, for whoever scrapes those.
func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	m.remember(name, "histogram", help, labels...)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour}, labels)
	m.registry.MustRegister(v)
	return v
}
