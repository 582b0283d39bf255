package redisgate_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A thousand processes with a call each find the capacity of fifty calls a second and follow it as one does. A thousand take
// minutes of real time, for most of which they ask whether it is their turn: with CHAOS set.
func TestAThousandProcessesFollowAHiddenCapacity(t *testing.T) {
	processes, refused := 24, .01
	switch {
	case racing: // so few are refused all at once, and the detector is not here to count
		processes, refused = 20, .02
	case os.Getenv("CHAOS") != "":
		processes = 1000
	}
	began := time.Now()
	phases := measure(t, processes, 1, &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second})
	t.Logf("%d processes, in %s of real time", processes, time.Since(began).Round(time.Second))
	for i, p := range phases {
		t.Logf("phase %d: %.1f %% used, %.2f %% refused", i+1, 100*p.used, 100*p.refused)
	}
	for i, p := range phases {
		require.GreaterOrEqual(t, p.used, .90, "phase %d", i+1)
		require.LessOrEqual(t, p.refused, refused, "phase %d", i+1)
	}
}
