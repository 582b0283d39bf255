package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox/signalbox/csuclient"
)

// CircuitState is what the breaker says of itself.
type CircuitState interface {
	Open() []csuclient.Circuit
}

// WatchCircuits exports which circuits are open.
func (m *Metrics) WatchCircuits(s CircuitState) {
	m.section = sectionCSU
	c := &circuitCollector{s: s}
	m.remember(CircuitOpen, "gauge", "Whether calls are held back because calls of their kind did not work: 1 open, 0.5 while one call probes, 0 closed. csu is the CSU as a whole; operations share labels as in signalbox_csu_requests_total.", LabelCircuit)
	c.open = prometheus.NewDesc(CircuitOpen, m.help(), []string{LabelCircuit}, nil)
	m.registry.MustRegister(c)
}

// CircuitTurned counts what a circuit turned to.
func (m *Metrics) CircuitTurned(circuit, to string) {
	m.circuitTurns.WithLabelValues(circuitLabels().or(csuclient.LabelOf(circuit), other), closedSet(csuclient.Turns()).or(to, other)).Inc()
}

// circuitLabels are the values of the label circuit: operations that share a label of their own share this one.
func circuitLabels() closed { return closedSet(append(csuclient.Labels(), csuclient.CircuitCSU)) }

type circuitCollector struct {
	s    CircuitState
	open *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *circuitCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.open }

// Collect implements prometheus.Collector.
func (c *circuitCollector) Collect(ch chan<- prometheus.Metric) {
	values := map[string]float64{}
	for _, o := range c.s.Open() {
		label, value := csuclient.LabelOf(o.Name), 1.0
		if o.Probing {
			value = 0.5
		}
		values[label] = max(values[label], value)
	}
	for _, name := range circuitLabels().list() {
		ch <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, values[name], name)
	}
}
