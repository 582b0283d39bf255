package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// dependencyState remembers how the last try with each dependency went. Nothing is asked for its sake, so a dependency that
// nobody has needed yet is not known, and not exported.
type dependencyState struct {
	desc *prometheus.Desc

	mu   sync.Mutex
	up   map[string]bool
	asks map[string]func() bool // of what says by itself how it is
}

func (m *Metrics) newDependencyState() *dependencyState {
	m.section = sectionProcess
	m.remember(DependencyUp, "gauge", "Whether the last try with it went well; missing before the first. For a person: alerts look at errors.", LabelDependency)
	d := &dependencyState{desc: prometheus.NewDesc(DependencyUp, m.help(), []string{LabelDependency}, nil), up: map[string]bool{}, asks: map[string]func() bool{}}
	m.registry.MustRegister(d)
	return d
}

func (d *dependencyState) is(name string, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up[name] = up
}

// ask has a dependency's state asked for at each scrape.
func (d *dependencyState) ask(name string, up func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asks[name] = up
}

// Describe implements prometheus.Collector.
func (d *dependencyState) Describe(ch chan<- *prometheus.Desc) { ch <- d.desc }

// Collect implements prometheus.Collector.
func (d *dependencyState) Collect(ch chan<- prometheus.Metric) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, ask := range d.asks {
		d.up[name] = ask()
	}
	for name, up := range d.up {
		ch <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, number(up), name)
	}
}
