//go:build profile

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkProfile writes what a worker's processor time goes to into the file that BENCH_PROFILE names, half of it beside a CSU that takes
// no time and half beside one that takes 20 ms: go test -tags profile -run '^$' -bench Profile -benchtime 1x ./test/bench
func BenchmarkProfile(b *testing.B) {
	into := os.Getenv("BENCH_PROFILE")
	require.NotEmpty(b, into, "BENCH_PROFILE names the file to write")
	n := number(b, "BENCH_EVENTS", 10000)
	program, events := binary(b, "-tags", "profile", "-pgo", "off"), newEvents(n)
	for range b.N {
		merge := []string{"tool", "pprof", "-proto", "-output", into, program}
		for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
			s := newStand(b, program, latency)
			s.publish(events)
			worker := exec.Command(program, "run")
			path := filepath.Join(b.TempDir(), "cpu")
			worker.Env, worker.Stderr = append(s.env, "BENCH_CPU_PROFILE="+path), os.Stderr
			s.work(worker, n)
			s.close()
			merge = append(merge, path)
		}
		out, err := exec.Command("go", merge...).CombinedOutput()
		require.NoError(b, err, string(out))
	}
}
