package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/worker"
)

// phase is what a fleet made of a hidden capacity, from settle after the change on.
type phase struct {
	Workers  int     `json:"workers"`
	Capacity int     `json:"capacity"`
	Used     float64 `json:"used"`    // of the capacity
	Refused  float64 `json:"refused"` // of the calls
}

const (
	settle  = 30 * time.Second
	measure = 30 * time.Second
)

// gate gives a fleet more than it can do while the CSU allows 50 calls a second, then 20, then 50, with a bucket of one second and
// Retry-After: 1.
func gate(t *testing.T, workers int, seed uint64) (out []phase) {
	f := start(t, setup{workers: workers, seed: seed, csu: []string{"--rate", "50/s", "--burst", "50"}})
	f.publish(newcomers(t, 0, 5000))
	for _, capacity := range []int{50, 20, 50} {
		f.csuFault(fmt.Sprintf(`{"id":"rate","kind":"throttle","rate":%d,"burst":%d,"retryAfter":"seconds","wait":"1s"}`, capacity, capacity))
		pass(settle)
		before, began := f.stats(), time.Now()
		pass(measure)
		after, took := f.stats(), time.Since(began)
		calls, refused := after.Requests-before.Requests, after.Throttled-before.Throttled
		p := phase{workers, capacity, float64(calls-refused) / (float64(capacity) * took.Seconds()), float64(refused) / float64(max(calls, 1))}
		t.Logf("%d workers, %d calls/s: %.1f %% used, %.2f %% refused", p.Workers, p.Capacity, 100*p.Used, 100*p.Refused)
		out = append(out, p)
		if p.Used < 0.90 || p.Refused > 0.01 {
			t.Errorf("of a hidden capacity at least 90 %% is used, and at most 1 %% of the calls are refused: %+v", p)
		}
	}
	require.Positive(t, f.waiting(), "there was always something to do")
	return out
}

// pass lets real time go by.
func pass(d time.Duration) { <-time.After(d) }

type stats struct{ Requests, Throttled int64 }

func (f *fleet) stats() (s stats) {
	f.get(f.csuAdmin+"/stats", &s)
	return s
}

// newcomers are n customers whom nobody knows yet, from a number on.
func newcomers(t testing.TB, from, n int) (out []worker.Message) {
	for i := range n {
		out = append(out, customer(from+i, 0).Message(t))
	}
	return out
}
