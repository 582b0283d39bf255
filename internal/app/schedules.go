package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/leader"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

// ScheduleRole is the name of the lease of who publishes the events of the schedules.
const ScheduleRole = "schedule"

// timers is the schedules of a process that may publish their events.
type timers struct {
	*schedule.Scheduler
	byName  map[string]schedule.Schedule
	elector *leader.Elector
}

// Schedules lists those of a configuration that are on.
func Schedules(cfg *config.Config) (all []schedule.Schedule, err error) {
	for _, row := range cfg.Schedules {
		if row.Off {
			continue
		}
		s, err := row.Schedule()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// scheduleNames lists those that this process may publish the events of.
func (a *App) scheduleNames() (names []string) {
	for _, row := range a.cfg.Schedules {
		if !row.Off && a.is(RoleScheduler) {
			names = append(names, row.Name)
		}
	}
	return names
}

// openSchedules makes this process a candidate for publishing the events of the schedules. With all of them off somebody leads, too, and
// forgets what they would have caught up with; without any, this process forgets what nobody has any more.
func (a *App) openSchedules() error {
	if !a.is(RoleScheduler) {
		return nil
	}
	if len(a.cfg.Schedules) == 0 {
		a.forgetSchedules()
		return nil
	}
	all, err := Schedules(a.cfg)
	if err != nil {
		return err
	}
	t := &timers{byName: map[string]schedule.Schedule{}}
	for _, s := range all {
		t.byName[s.Name] = s
	}
	t.Scheduler, err = schedule.New(schedule.Options{Schedules: all, Memory: redisschedule.New(a.redis, a.keys()), Runs: ScheduleRuns(redisstore.NewTracer(a.redis, a.keys())),
		Observe: a.metrics.Schedules(a.log), Holds: func() bool { return t.elector.Holds() },
		Publish: func(ctx context.Context, ev orchestration.Event) error {
			return a.outbox().Send(ctx, a.ownQueue(ev.Lane), Message(ev), time.Time{})
		}})
	if err != nil {
		return err
	}
	log := a.log.Named(ScheduleRole)
	t.elector, err = leader.New(leader.Options{Client: a.redis, Key: a.keys().Lease(ScheduleRole), ID: a.owner, Lease: a.cfg.Run.Lease, Lead: t.Lead,
		Changed: func(leads bool) {
			if leads {
				log.Info("this process publishes the events of the schedules now")
				return
			}
			log.Info("this process does not publish the events of the schedules any more")
		},
		Panicked: func(any) { log.Error("publishing the events of the schedules panicked; another process may try") },
	})
	if err != nil {
		return err
	}
	a.timers = t
	a.metrics.WatchSchedules(t)
	return nil
}

// forgetSchedules makes this process one that forgets schedules that nobody has any more.
func (a *App) forgetSchedules() {
	log := a.log.Named(ScheduleRole)
	a.goneTimers = &schedule.Gone{Memory: redisschedule.New(a.redis, a.keys()),
		Led: func(ctx context.Context) (bool, error) {
			n, err := a.redis.Exists(ctx, a.keys().Lease(ScheduleRole)).Result()
			return n > 0, err
		},
		Forgot: func(count int) {
			log.Info("schedules are forgotten that no process has any more: should they come back, they begin with their next tick", zap.Int("count", count))
		}}
}

// publishOnTime takes part in the election until ctx ends, as watch does; or sees to it that nobody catches up with what is gone.
func (a *App) publishOnTime(ctx context.Context) (stop func()) {
	switch {
	case a.timers != nil:
		return candidate(ctx, a.timers.elector)
	case a.goneTimers != nil:
		return running(ctx, a.goneTimers.Run)
	}
	return func() {}
}

// LeadsSchedules implements telemetry.ScheduleState.
func (t *timers) LeadsSchedules() bool { return t.elector.Leads() }

// Interval implements telemetry.ScheduleState.
func (t *timers) Interval(name string, now time.Time) time.Duration {
	return t.byName[name].Interval(now)
}

// ScheduleRuns asks the store what became of the schedules' events.
func ScheduleRuns(tracer *redisstore.Tracer) schedule.Runs { return scheduleRuns{tracer} }

type scheduleRuns struct{ tracer *redisstore.Tracer }

// Find implements schedule.Runs.
func (s scheduleRuns) Find(ctx context.Context, source, id string) (schedule.Run, error) {
	r, known, err := s.tracer.ByEvent(ctx, source, id)
	run := schedule.Run{Known: known}
	switch {
	case err != nil || !known:
	case r.State == redisstore.RunDone:
		run.Over, run.Ended = true, r.Ended
	case r.State == redisstore.RunRejected:
		run.Over, run.Failed, run.Ended = true, true, r.History[len(r.History)-1].At
	default:
		run.Active = r.Active()
	}
	return run, err
}
