package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkMemory runs one worker over many events (BENCH_MEMORY, a million by default) and says whether its memory stays as it is,
// and what a finished event leaves in Redis. Publishing goes on while it works, so that the broker holds few of them.
func BenchmarkMemory(b *testing.B) {
	n := number(b, "BENCH_MEMORY", 1_000_000)
	const portions = 20
	s := newStand(b, binary(b), 0)
	defer s.close()
	worker := exec.Command(s.binary, "run")
	worker.Env, worker.Stderr = s.env, os.Stderr
	require.NoError(b, worker.Start())
	began, atFirst := time.Now(), s.stored()
	var resident []int64
	for i := range portions {
		events := newEvents(n * (i + 1) / portions)[n*i/portions:]
		s.publish(events)
		s.until(n*(i+1)/portions, nil)
		resident = append(resident, rss(b, worker.Process.Pid))
		b.Logf("%d events: worker %d MB, Redis %.0f bytes an event", n*(i+1)/portions, resident[i]>>20, float64(s.stored()-atFirst)/float64(n*(i+1)/portions))
	}
	took := time.Since(began)
	require.NoError(b, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(b, worker.Wait())
	early, late := median(resident[portions/10:portions/2]), median(resident[portions/2:])
	b.Logf("%d events in %s: worker %d MB in the first half (its first tenth left out), %d MB in the second (%+.0f %%); %s", n, took.Round(time.Second), early>>20, late>>20,
		100*(float64(late)/float64(early)-1), s.kinds(n))
}

// stored is how many bytes Redis uses.
func (s *stand) stored() (bytes int64) {
	info, err := s.redis.Info(context.Background(), "memory").Result()
	require.NoError(s.b, err)
	for line := range strings.Lines(info) {
		if rest, is := strings.CutPrefix(line, "used_memory:"); is {
			_, err := fmt.Sscan(rest, &bytes)
			require.NoError(s.b, err)
		}
	}
	return bytes
}

// kinds says what the keys in Redis take, by what they are, an average over some of each.
func (s *stand) kinds(n int) string {
	ctx := context.Background()
	sizes, counts := map[string]int64{}, map[string]int64{}
	for range 4000 {
		key, err := s.redis.RandomKey(ctx).Result()
		require.NoError(s.b, err)
		part := strings.SplitN(key, ":", 5)
		if len(part) < 5 {
			continue
		}
		size, err := s.redis.MemoryUsage(ctx, key).Result()
		require.NoError(s.b, err)
		sizes[part[3]] += size
		counts[part[3]]++
	}
	var out []string
	for _, kind := range []string{"run", "corr", "ent", "nat", "map", "mapr"} {
		if counts[kind] > 0 {
			out = append(out, fmt.Sprintf("%s %d", kind, sizes[kind]/counts[kind]))
		}
	}
	return "bytes of a key in Redis: " + strings.Join(out, ", ")
}
