package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDeliveriesAreCountedBySinkAndResult(t *testing.T) {
	t.Parallel()
	m := NewMetrics(known(2, 1, 1, 1))
	until := time.Unix(1767603600, 0)
	m.WatchSink("crm", func() time.Time { return until })
	m.Delivered("crm", "delivered", 2*time.Second)
	m.Delivered("crm", "throttled", 0)
	m.Delivered("another", "a word of somebody's", time.Second)
	text := exposition(t, m)
	for _, line := range []string{
		`signalbox_sink_deliveries_total{result="delivered",sink="crm"} 1`,
		`signalbox_sink_deliveries_total{result="throttled",sink="crm"} 1`,
		`signalbox_sink_deliveries_total{result="timeout",sink="crm"} 0`,
		`signalbox_sink_deliveries_total{result="network",sink="other"} 1`,
		`signalbox_sink_delivery_duration_seconds_count{sink="crm"} 1`,
		`signalbox_sink_closed_until_timestamp_seconds{sink="crm"} 1.7676036e+09`,
	} {
		require.Contains(t, text, line+"\n")
	}
}
