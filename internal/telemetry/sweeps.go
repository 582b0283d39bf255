package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sweep says which feed is compared with which sink.
type Sweep struct {
	Channel string // of the channel table
	Feed    string // such as products/0
	Sink    string // of the sink table
}

// The outcomes of sweeps, and how a record may be wrong.
const (
	sweptWhole   = "whole"
	sweptPartial = "partial"
)

var (
	sweepOutcomes = []string{sweptWhole, sweptPartial}
	mismatches    = []string{"missing", "differs", "extra", "outdated"}
)

type sweepMetrics struct {
	sweeps        map[Sweep]bool
	sweepMistakes closed
	sweepRuns     *prometheus.CounterVec
	sweepWrong    *prometheus.CounterVec
	sweepLast     *prometheus.GaugeVec
}

func (m *Metrics) newSweepMetrics(k Known) sweepMetrics {
	m.section = sectionSinks
	s := sweepMetrics{sweeps: map[Sweep]bool{}, sweepMistakes: closedSet(mismatches),
		sweepRuns:  m.counter(Sweeps, "Sweeps that ended, by whether they compared the whole feed with the sink. What failed is in signalbox_scenario_runs_total.", LabelChannel, LabelFeed, LabelSink, LabelOutcome),
		sweepWrong: m.counter(SweepWrong, "Records that sweeps found wrong, by how; each is told again. Outdated: the sink has what it was told, and the CSU has changed since.", LabelChannel, LabelFeed, LabelSink, LabelMismatch),
		sweepLast:  m.gauge(SweepLastWhole, "When a sweep that ended in this process last compared the whole feed with the sink; 0 for never. Take the greatest of all processes, and over time, since a new one begins at 0.", LabelChannel, LabelFeed, LabelSink)}
	for _, known := range k.Sweeps {
		s.sweeps[known] = true
		start(s.sweepRuns, []string{known.Channel}, []string{known.Feed}, []string{known.Sink}, sweepOutcomes)
		start(s.sweepWrong, []string{known.Channel}, []string{known.Feed}, []string{known.Sink}, mismatches)
		s.sweepLast.WithLabelValues(known.Channel, known.Feed, known.Sink)
	}
	return s
}

// Swept counts a sweep that has ended, and what it found: numbers of records by how they were wrong. One that no schedule asks for counts as
// other.
func (m *Metrics) Swept(what Sweep, partial bool, wrong map[string]int) {
	if !m.sweeps[what] {
		what = Sweep{other, other, other}
	}
	outcome := sweptWhole
	if partial {
		outcome = sweptPartial
	} else {
		m.sweepLast.WithLabelValues(what.Channel, what.Feed, what.Sink).Set(seconds(time.Now()))
	}
	m.sweepRuns.WithLabelValues(what.Channel, what.Feed, what.Sink, outcome).Inc()
	for how, records := range wrong {
		if records > 0 {
			m.sweepWrong.WithLabelValues(what.Channel, what.Feed, what.Sink, m.sweepMistakes.or(how, "differs")).Add(float64(records))
		}
	}
}
