package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/orchestration/redisstore"
)

const (
	samplePages = 20   // of the keyspace
	samplePage  = 1000 // keys
	sampleRuns  = 2000 // whose age is asked
	leastRuns   = 50   // fewer say nothing about a rate
	day         = 24 * time.Hour

	much    = 0.7 // of the memory there is
	tooMuch = 0.9
)

// census is what a sample of the keyspace says of all of it.
type census struct {
	keys, runs, bindings float64 // in all
	perDay               float64 // events; 0: too few to tell
}

// memory compares what is used, and what the event rate comes to, with what there is.
func (e redisExam) memory(ctx context.Context) Finding {
	used, limit := e.number("used_memory"), e.number("maxmemory")
	if limit == 0 {
		limit = e.number("total_system_memory")
	}
	c, err := e.census(ctx)
	if err != nil {
		return unknown(checkRedisMemory, "", "the keys cannot be counted: "+err.Error(), "")
	}
	cost, keep := redisstore.Footprint(), e.Config.Run.Keep.Hours()/24
	rate, how := e.EventsPerDay, "as you say"
	if rate == 0 {
		rate, how = c.perDay, "as measured"
	}
	// At worst each event is about another object.
	estimate := rate*keep*float64(cost.Event+cost.Entity) + c.bindings*float64(cost.Binding)
	what := fmt.Sprintf("%s in use", bytes(used))
	if limit > 0 {
		what += " of " + bytes(limit)
	}
	if rate > 0 {
		what += fmt.Sprintf("; %.0f events a day, %s, kept for %.0f days, and %.0f bindings come to %s at most", rate, how, keep, c.bindings, bytes(estimate))
	} else {
		what += fmt.Sprintf("; too few runs to measure a rate: a million events a day would come to %s", bytes(1e6*keep*float64(cost.Event+cost.Entity)))
	}
	switch share := max(used, estimate) / limit; {
	case limit == 0:
		return unknown(checkRedisMemory, "", what+"; it does not tell how much it has", "compare it with what was ordered")
	case share > tooMuch:
		return fail(checkRedisMemory, "", what, "give it more memory, or remember runs for less long (run.keep)")
	case share > much:
		return warn(checkRedisMemory, "", what, "plan for more memory, or remember runs for less long (run.keep)")
	}
	return ok(checkRedisMemory, "", what)
}

func (e redisExam) number(field string) float64 {
	n, _ := strconv.ParseFloat(e.info[field], 64) // what is not told is 0
	return n
}

// census samples the keyspace: SCAN goes through it in an order that has nothing to do with age.
func (e redisExam) census(ctx context.Context) (census, error) {
	size, err := e.Client.DBSize(ctx).Result()
	if err != nil && !refused(err) {
		return census{}, err
	}
	var seen, bindings int
	var runs []string
	cursor := uint64(0)
	for range samplePages {
		var keys []string
		if keys, cursor, err = e.Client.Scan(ctx, cursor, "", samplePage).Result(); err != nil {
			return census{}, err
		}
		seen += len(keys)
		for _, key := range keys {
			name, ours := strings.CutPrefix(key, e.Keys.Prefix())
			kind, _, _ := strings.Cut(name, ":")
			switch {
			case ours && kind == "run":
				runs = append(runs, key)
			case ours && kind == "map":
				bindings++
			}
		}
		if cursor == 0 {
			break
		}
	}
	scale := 1.0
	if cursor != 0 && seen > 0 && size > int64(seen) {
		scale = float64(size) / float64(seen)
	}
	c := census{keys: scale * float64(seen), runs: scale * float64(len(runs)), bindings: scale * float64(bindings)}
	c.perDay, err = e.rate(ctx, runs, c.runs)
	return c, err
}

// rate is how many runs of the sample are younger than a day, scaled to all of them. A store that is younger itself is taken
// for its whole age. How old a run is says how much of its lifetime is left.
func (e redisExam) rate(ctx context.Context, runs []string, all float64) (float64, error) {
	if len(runs) < leastRuns {
		return 0, nil
	}
	some := runs[:min(len(runs), sampleRuns)]
	left := make([]*redis.DurationCmd, len(some))
	if _, err := e.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range some {
			left[i] = p.PTTL(ctx, key)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	young, oldest := 0, time.Duration(0)
	for _, l := range left {
		age := max(e.Config.Run.Keep-l.Val(), 0)
		oldest = max(oldest, age)
		if age <= day {
			young++
		}
	}
	perDay := all * float64(young) / float64(len(some))
	if oldest < day {
		perDay *= day.Hours() / max(oldest, time.Hour).Hours()
	}
	return perDay, nil
}

func bytes(n float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}
