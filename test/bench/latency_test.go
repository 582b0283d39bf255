package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// measureLatency publishes at half of what the worker can do and says how long events took, from when the broker had them until they
// were done.
func measureLatency(b *testing.B, program string, perSecond float64) {
	s := newStand(b, program, 20*time.Millisecond)
	defer s.close()
	log, err := os.CreateTemp(b.TempDir(), "log")
	require.NoError(b, err)
	defer log.Close()
	worker := exec.Command(program, "run")
	worker.Env, worker.Stdout = s.env, log
	require.NoError(b, worker.Start())
	n := int(perSecond * 10)
	require.Eventually(b, func() bool { return s.ready() }, 20*time.Second, 5*time.Millisecond)
	s.publish(newEvents(n), "--rate", fmt.Sprintf("%.0f/s", perSecond))
	s.until(n, nil)
	require.NoError(b, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(b, worker.Wait())
	took := settled(b, log.Name())
	require.Len(b, took, n)
	b.Logf("at half load, %.0f events/s, the CSU answers in 20 ms twice: done %.0f ms after the broker had them (p50), %.0f ms (p99)", perSecond,
		1000*took[n/2], 1000*took[n*99/100])
}

// settled reads the seconds from enqueueing to settling, in order, out of a worker's log.
func settled(b *testing.B, path string) (took []float64) {
	file, err := os.Open(path)
	require.NoError(b, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Message  string  `json:"msg"`
			Wait     float64 `json:"wait_s"`
			Duration float64 `json:"duration_s"`
		}
		require.NoError(b, json.Unmarshal(lines.Bytes(), &line))
		if line.Message == "message settled" {
			took = append(took, line.Wait+line.Duration)
		}
	}
	slices.Sort(took)
	return took
}

func (s *stand) ready() bool {
	resp, err := http.Get("http://" + s.admin + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// measureStart says how long a worker takes until it is ready.
func measureStart(b *testing.B, program string) {
	s := newStand(b, program, 0)
	defer s.close()
	var took []float64
	for range 7 {
		worker := exec.Command(program, "run")
		worker.Env = s.env
		began := time.Now()
		require.NoError(b, worker.Start())
		tick := time.NewTicker(2 * time.Millisecond)
		for ; !s.ready(); <-tick.C {
			require.Less(b, time.Since(began), 20*time.Second)
		}
		tick.Stop()
		took = append(took, time.Since(began).Seconds())
		require.NoError(b, worker.Process.Signal(syscall.SIGTERM))
		require.NoError(b, worker.Wait())
	}
	b.Logf("cold start of signalbox run until /readyz says yes: %.0f ms (median of %d)", 1000*median(took), len(took))
}
