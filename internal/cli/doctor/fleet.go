package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// mostWaiting is of how many waiting runs it is asked since when they wait.
const mostWaiting = 2000

// Fleet examines what the fleet has in hand, as Redis knows it.
func Fleet(cfg *config.Config, client redis.UniversalClient, keys rediskey.Keys) Part {
	return func(ctx context.Context) []Finding {
		runs := redisstore.NewTracer(client, keys)
		waits, err := waiting(ctx, runs)
		if err != nil {
			return nil // that Redis does not answer is said elsewhere
		}
		all := append([]Finding{alive(ctx, cfg, client, keys)}, schedules(ctx, cfg, client, keys)...)
		for _, cause := range slices.Sorted(maps.Keys(waits)) {
			if cause != string(orchestration.CausePromotion) {
				all = append(all, waits[cause].finding(cause))
			}
		}
		if len(waits) == 0 {
			all = append(all, ok(checkFleetWaiting, "", "nothing waits"))
		}
		return append(all, promotion(waits[string(orchestration.CausePromotion)]))
	}
}

// alive says who watches over the fleet: one process of it does, unless it looks at nothing.
func alive(ctx context.Context, cfg *config.Config, client redis.UniversalClient, keys rediskey.Keys) Finding {
	if cfg.Sampler.Interval == 0 && cfg.Heartbeat.Interval == 0 {
		return unknown(checkFleetAlive, "", "sampler and heartbeat are off, so nobody leads the watch", "see in the metrics which processes run")
	}
	holder, err := client.Get(ctx, keys.Lease(watch.Role)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return warn(checkFleetAlive, "", "no process leads the watch", "start one: signalbox run")
	case err != nil:
		return unknown(checkFleetAlive, "", err.Error(), "")
	}
	return ok(checkFleetAlive, "", holder+" leads the watch")
}

// wait is what waits for one cause.
type wait struct {
	count int
	since time.Time // of the longest, among those that were asked
	late  time.Time // when the first of them was due, if that is over
	now   time.Time
}

func waiting(ctx context.Context, runs *redisstore.Tracer) (map[string]*wait, error) {
	all := map[string]*wait{}
	names := map[string]string{} // cause by run
	err := runs.Waiting(ctx, func(w redisstore.Waiting) error {
		c := all[w.Cause]
		if c == nil {
			c = &wait{late: w.Due}
			all[w.Cause] = c
		}
		c.count++
		if w.Due.Before(c.late) {
			c.late = w.Due
		}
		if len(names) < mostWaiting {
			names[w.Run] = w.Cause
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	asked, err := runs.Runs(ctx, slices.SortedFunc(maps.Keys(names), cmp.Compare[string]))
	for _, r := range asked {
		if c := all[names[r.Run]]; c != nil {
			c.now = r.ServerTime
			if since := r.WaitsSince(); c.since.IsZero() || since.Before(c.since) {
				c.since = since
			}
		}
	}
	return all, err
}

// lateness is how long after its time something may be without a word: workers may have much in hand.
const lateness = 5 * time.Minute

func (w *wait) finding(cause string) Finding {
	what := fmt.Sprintf("%d wait%s", w.count, w.longest())
	if w.now.Sub(w.late) > lateness && !w.now.IsZero() {
		return warn(checkFleetWaiting, cause, what+", and one was due "+ago(w.now, w.late)+" ago", "see whether workers run and how much is queued; signalbox why says it of one event")
	}
	if cause == string(orchestration.CauseBlocked) {
		return warn(checkFleetWaiting, cause, what+" for the CSU to let us in", "see the checks of the CSU above")
	}
	return ok(checkFleetWaiting, cause, what)
}

func (w *wait) longest() string {
	if w.since.IsZero() {
		return ""
	}
	return ", the longest for " + ago(w.now, w.since)
}

// usual is how long headquarters may take to make its own record of an order or of an asynchronous customer: its jobs run every few minutes.
const usual = 15 * time.Minute

func promotion(w *wait) Finding {
	if w == nil {
		return ok(checkFleetPromotion, "", "no customer and no order waits for headquarters' id")
	}
	what := fmt.Sprintf("%d wait for headquarters' id of a customer or an order%s", w.count, w.longest())
	if w.now.Sub(w.since) < usual {
		return ok(checkFleetPromotion, "", what)
	}
	return warn(checkFleetPromotion, "", "headquarters is degraded: "+what,
		"see in headquarters that these jobs run: the one which uploads transactions, for orders the one which synchronizes orders, for customers the one which converts those from async mode, then distribution job 1010")
}

// ago is a span in its largest unit and the next.
func ago(now, then time.Time) string {
	switch d := now.Sub(then); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return d.Round(time.Second).String()
	}
}
