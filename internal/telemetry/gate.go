package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox/signalbox/csuclient"
)

// GateState is what the gate says of itself.
type GateState interface {
	Limit() int
	Rate() float64
	ClosedUntil() time.Time
}

var lanes = []string{csuclient.LaneLive, csuclient.LaneBulk, csuclient.LaneReplay}

// WatchGate exports the limits in force and until when the gate is closed.
func (m *Metrics) WatchGate(g GateState) {
	m.section = sectionCSU
	c := &gateCollector{g: g}
	m.remember(GateConcurrencyLimit, "gauge", "Calls that may be under way at once, now. The lanes share one limit, the more urgent first.", LabelLane)
	c.limit = prometheus.NewDesc(GateConcurrencyLimit, m.help(), []string{LabelLane}, nil)
	m.remember(GateRateLimit, "gauge", "Calls a second that the whole fleet may make, now; 0 while nothing limits them. Of it a lane has at least its floor: bulk a fifth, replay a tenth.", LabelLane)
	c.rate = prometheus.NewDesc(GateRateLimit, m.help(), []string{LabelLane}, nil)
	m.remember(GateClosedUntil, "gauge", "Until when the gate lets no call through, because the CSU asked for a pause; 0 while it is open.")
	c.closed = prometheus.NewDesc(GateClosedUntil, m.help(), nil, nil)
	m.registry.MustRegister(c)
}

type gateCollector struct {
	g                   GateState
	limit, rate, closed *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *gateCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.limit
	ch <- c.rate
	ch <- c.closed
}

// Collect implements prometheus.Collector.
func (c *gateCollector) Collect(ch chan<- prometheus.Metric) {
	limit, rate := float64(c.g.Limit()), c.g.Rate()
	for _, lane := range lanes {
		ch <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, limit, lane)
		ch <- prometheus.MustNewConstMetric(c.rate, prometheus.GaugeValue, rate, lane)
	}
	ch <- prometheus.MustNewConstMetric(c.closed, prometheus.GaugeValue, seconds(c.g.ClosedUntil()))
}
