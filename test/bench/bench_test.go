// Package bench measures what an event costs, against what the same machine, broker, Redis and CSU give to a program that trusts
// everything, and to bare calls, in one run: go test -run '^$' -bench . -benchtime 1x ./test/bench
//
// BENCH_EVENTS is how many events, BENCH_REPEAT how often each is measured; they take turns. BENCH_MEMORY is for how many events memory
// is watched. BENCH_PGO is the profile by which the program is optimised, as a release is; none if it is empty.
package bench

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const slots = 64

// number is a setting of the benchmark.
func number(b *testing.B, name string, other int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err, name)
	return n
}

func median[T int64 | float64](of []T) T { return slices.Sorted(slices.Values(of))[len(of)/2] }

func cpu() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // not on every system
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// figures are those of one measure, a value for each repetition.
type figures struct {
	name  string
	calls time.Duration // of the CSU
	run   func(s *stand) used
	of    []used
	setup func(s *stand)
}

func (f figures) median(what func(used) float64) float64 {
	values := make([]float64, len(f.of))
	for i, u := range f.of {
		values[i] = what(u)
	}
	return median(values)
}

func BenchmarkEvents(b *testing.B) {
	n, repeat := number(b, "BENCH_EVENTS", 20000), number(b, "BENCH_REPEAT", 3)
	profile := cmp.Or(os.Getenv("BENCH_PGO"), "off")
	program, events := binary(b, "-pgo", profile), newEvents(n)
	signalbox := func(s *stand) used {
		worker := exec.Command(s.binary, "run")
		worker.Env, worker.Stderr = s.env, os.Stderr
		return s.work(worker, n)
	}
	floor := func(s *stand) used { return s.work(s.floorProcess(), n) }
	fill := func(s *stand) { s.publish(events) }
	all := []*figures{
		{name: "signalbox", run: signalbox, setup: fill},
		{name: "the floor", run: floor, setup: fill},
		{name: "signalbox", calls: 20 * time.Millisecond, run: signalbox, setup: fill},
		{name: "the floor", calls: 20 * time.Millisecond, run: floor, setup: fill},
		{name: "bare receive+complete", run: func(s *stand) used { return bareBroker(s, n) }, setup: fill},
		{name: "bare Redis scripts", run: func(s *stand) used { return bareRedis(s, n) }},
		{name: "bare HTTP calls", run: func(s *stand) used { return bareHTTP(s, n) }},
	}
	for range b.N {
		for range repeat {
			for _, f := range all {
				s := newStand(b, program, f.calls)
				if f.setup != nil {
					f.setup(s)
				}
				f.of = append(f.of, f.run(s))
				s.close()
			}
		}
	}
	report(b, all, n, repeat, profile != "off")
	half := all[2].median(rate(n)) / 2
	measureLatency(b, program, half)
	measureStart(b, program)
}

func rate(n int) func(used) float64 {
	return func(u used) float64 { return float64(n) / u.took.Seconds() }
}

func report(b *testing.B, all []*figures, n, repeat int, optimised bool) {
	build := "as go build makes it"
	if optimised {
		build = "optimised by its profile, as a release is"
	}
	b.Logf("%s, %d cores, %s; %d events of %d bytes for as many new customers; one worker process of %d slots, log level info, %s; broker, CSU "+
		"and Redis (appendonly, everysec) in processes of their own on the same cores; medians of %d, taken in turns",
		cpu(), runtime.NumCPU(), runtime.Version(), n, eventSize, slots, build, repeat)
	b.Logf("calls of 20 ms, two an event and %d at once, allow %.0f events/s", slots, slots/(2*0.020))
	b.Logf("%-24s %6s %10s %8s %14s %14s %10s %9s", "", "CSU", "events/s", "ratio", "CPU s/1,000", "Redis trips", "CSU calls", "peak MB")
	for i, f := range all {
		events := f.median(rate(n))
		line := fmt.Sprintf("%-24s %6s %10.0f", f.name, f.calls, events)
		if i < 4 { // a worker process beside its floor
			floor := all[i|1]
			burnt := func(f *figures) float64 {
				return f.median(func(u used) float64 { return u.cpu.Seconds() * 1000 / float64(n) })
			}
			each := func(count func(used) int64) float64 {
				return f.median(func(u used) float64 { return float64(count(u)) / float64(n) })
			}
			line += fmt.Sprintf(" %8.2f %7.3f (%.2fx) %14.2f %10.2f %9.0f", events/floor.median(rate(n)), burnt(f), burnt(f)/burnt(floor),
				each(func(u used) int64 { return u.trips }), each(func(u used) int64 { return u.calls }),
				f.median(func(u used) float64 { return float64(u.memory) / (1 << 20) }))
		}
		b.Log(line)
	}
}
