package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

// schedules says who leads the schedules, and which of them have come to no good end. That their types, channels and data are right was
// checked with the configuration.
func schedules(ctx context.Context, cfg *config.Config, client redis.UniversalClient, keys rediskey.Keys) (all []Finding) {
	if len(cfg.Schedules) == 0 {
		return []Finding{ok(checkFleetSchedules, "", "there is no schedule")}
	}
	holder, err := client.Get(ctx, keys.Lease(app.ScheduleRole)).Result()
	switch {
	case errors.Is(err, redis.Nil) && !slices.ContainsFunc(cfg.Schedules, func(row config.ScheduleRow) bool { return !row.Off }):
		all = append(all, ok(checkFleetSchedules, "", "every schedule is off, and no process leads them"))
	case errors.Is(err, redis.Nil):
		all = append(all, warn(checkFleetSchedules, "", "no process leads the schedules", "start one with the role scheduler: signalbox run"))
	case err != nil:
		return []Finding{unknown(checkFleetSchedules, "", err.Error(), "")}
	default:
		all = append(all, ok(checkFleetSchedules, "", holder+" leads the schedules"))
	}
	known, err := redisschedule.New(client, keys).All(ctx)
	if err != nil {
		return append(all, unknown(checkFleetSchedules, "", err.Error(), ""))
	}
	for _, row := range cfg.Schedules {
		if !row.Off {
			all = append(all, ended(row, known[row.Name]))
		}
	}
	return all
}

// ended says what became of the last event of a schedule.
func ended(row config.ScheduleRow, r schedule.Record) Finding {
	const do = "see: signalbox schedules"
	s, err := row.Schedule()
	switch {
	case err != nil:
		return fail(checkFleetSchedules, row.Name, err.Error(), "correct it")
	case r.State == schedule.Failed:
		return warn(checkFleetSchedules, row.Name, "its last event is a dead letter", do)
	case r.State == schedule.Lost:
		return warn(checkFleetSchedules, row.Name, "its last event has had no run", do)
	case r.State == schedule.Open && time.Since(r.Sent) > 2*s.Interval(time.Now()):
		return warn(checkFleetSchedules, row.Name, fmt.Sprintf("the run of its last event is not over since %s, and ticks are skipped", r.Sent.Format(time.RFC3339)), do)
	case r.Event == "":
		return ok(checkFleetSchedules, row.Name, "has published nothing yet")
	}
	return ok(checkFleetSchedules, row.Name, "its last event is "+string(r.State))
}
