package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

type sinkMetrics struct {
	sinkNames, sinkResults closed
	sinkDeliveries         *prometheus.CounterVec
	sinkDuration           *prometheus.HistogramVec
	sinkClosed             *sinkCollector
}

func (m *Metrics) newSinkMetrics(k Known) sinkMetrics {
	m.section = sectionSinks
	s := sinkMetrics{sinkNames: closedSet(k.Sinks), sinkResults: closedSet(sinks.Results()),
		sinkDeliveries: m.counter(SinkDeliveries, "Attempts to deliver an event to a sink, by how they went. What its gate holds back counts as throttled.", LabelSink, LabelResult),
		sinkDuration:   m.histogram(SinkDuration, "Duration of the attempts that were not held back.", csuBuckets, LabelSink)}
	start(s.sinkDeliveries, s.sinkNames.list(), sinks.Results())
	start(s.sinkDuration, s.sinkNames.list())
	m.remember(SinkClosedUntil, "gauge", "Until when the sink is left alone, because it refused or did not answer; 0 while it takes deliveries. A moment in the past: the next delivery is a probe.", LabelSink)
	s.sinkClosed = &sinkCollector{desc: prometheus.NewDesc(SinkClosedUntil, m.help(), []string{LabelSink}, nil), closed: map[string]func() time.Time{}}
	m.registry.MustRegister(s.sinkClosed)
	return s
}

// Delivered counts an attempt at a delivery.
func (m *Metrics) Delivered(sink, result string, took time.Duration) {
	sink, result = m.sinkNames.or(sink, other), m.sinkResults.or(result, "network")
	m.sinkDeliveries.WithLabelValues(sink, result).Inc()
	if result != "throttled" {
		m.sinkDuration.WithLabelValues(sink).Observe(took.Seconds())
	}
}

// WatchSink exports until when a sink is left alone. It is called before the first scrape.
func (m *Metrics) WatchSink(name string, closedUntil func() time.Time) {
	m.sinkClosed.closed[m.sinkNames.or(name, other)] = closedUntil
}

type sinkCollector struct {
	desc   *prometheus.Desc
	closed map[string]func() time.Time
}

// Describe implements prometheus.Collector.
func (c *sinkCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *sinkCollector) Collect(ch chan<- prometheus.Metric) {
	for name, until := range c.closed {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, seconds(until()), name)
	}
}
