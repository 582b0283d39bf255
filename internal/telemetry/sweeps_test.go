package telemetry

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSweepsSayWhenAFeedWasComparedWholeAndWhatWasWrong(t *testing.T) {
	t.Parallel()
	k := known(2, 1, 1, 1)
	k.Sweeps = []Sweep{{"web", "products/0", "crm"}, {"web", "prices/0", "crm"}}
	m := NewMetrics(k)
	has(t, exposition(t, m), `signalbox_sweep_last_whole_timestamp_seconds{channel="web",feed="products/0",sink="crm"} 0`+"\n")
	before := seconds(time.Now())
	m.Swept(k.Sweeps[0], false, map[string]int{"missing": 2, "differs": 1})
	m.Swept(k.Sweeps[0], true, map[string]int{"outdated": 3})
	m.Swept(Sweep{"web", "prices/0/on/2026-01-01T00:00:00Z", "crm"}, true, map[string]int{"extra": 1})
	text := exposition(t, m)
	for _, line := range []string{
		`signalbox_sweeps_total{channel="web",feed="products/0",outcome="whole",sink="crm"} 1`,
		`signalbox_sweeps_total{channel="web",feed="products/0",outcome="partial",sink="crm"} 1`,
		`signalbox_sweeps_total{channel="web",feed="prices/0",outcome="whole",sink="crm"} 0`,
		`signalbox_sweeps_total{channel="other",feed="other",outcome="partial",sink="other"} 1`,
		`signalbox_sweep_wrong_records_total{channel="web",feed="products/0",mismatch="missing",sink="crm"} 2`,
		`signalbox_sweep_wrong_records_total{channel="web",feed="products/0",mismatch="outdated",sink="crm"} 3`,
		`signalbox_sweep_wrong_records_total{channel="web",feed="products/0",mismatch="extra",sink="crm"} 0`,
		`signalbox_sweep_last_whole_timestamp_seconds{channel="web",feed="prices/0",sink="crm"} 0`,
	} {
		has(t, text, line+"\n")
	}
	require.NotContains(t, text, `signalbox_sweep_last_whole_timestamp_seconds{channel="other"`, "a partial sweep has compared nothing whole")
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != SweepLastWhole {
			continue
		}
		for _, s := range f.GetMetric() {
			if s.GetLabel()[1].GetValue() == "products/0" {
				require.GreaterOrEqual(t, s.GetGauge().GetValue(), before)
			}
		}
	}
}

// TestASweepHasSevenSeries: config bounds how many schedules there may be, and so how many sweeps are known.
func TestASweepHasSevenSeries(t *testing.T) {
	t.Parallel()
	k := known(6, 12, 5, 26)
	k.Sweeps = nil
	none := series(t, whole(k))
	k.Sweeps = sweeps(20)
	require.Equal(t, none+20*7, series(t, whole(k)))
}

func sweeps(n int) (all []Sweep) {
	for i := range n {
		all = append(all, Sweep{"web", fmt.Sprint("products/", i), "crm"})
	}
	return all
}
