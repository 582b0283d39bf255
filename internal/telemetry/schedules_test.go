package telemetry

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/schedule"
)

// timers is a process that leads, with a tick of every schedule each quarter of an hour.
type timers struct{}

func (timers) LeadsSchedules() bool                     { return true }
func (timers) Interval(string, time.Time) time.Duration { return 15 * time.Minute }

func TestSchedulesAreCountedByHowTheirRunsEnd(t *testing.T) {
	m := NewMetrics(known(2, 1, 1, 1))
	m.WatchSchedules(timers{})
	z, lines := logger(t, m, "info")
	o := m.Schedules(z)
	since := time.Unix(1767603600, 0)
	o.Known("schedule-0", schedule.Record{Since: since})
	o.Published("schedule-0", 20*time.Millisecond)
	o.Ended("schedule-0", schedule.Record{State: schedule.OK}, 2*time.Second)
	o.Ended("schedule-0", schedule.Record{State: schedule.Failed}, time.Minute)
	o.Ended("schedule-0", schedule.Record{State: schedule.Lost}, time.Hour)
	o.Skipped("schedule-0", 6)
	o.Skipped("schedule-0", 1)
	for range 3 {
		o.Round("schedule-0", errors.New("redis: away"))
	}
	o.Round("schedule-0", nil)
	text := exposition(t, m)
	for _, line := range []string{
		`signalbox_schedule_runs_total{outcome="ok",schedule="schedule-0"} 1`,
		`signalbox_schedule_runs_total{outcome="error",schedule="schedule-0"} 2`,
		`signalbox_schedule_runs_total{outcome="skipped",schedule="schedule-0"} 7`,
		`signalbox_schedule_runs_total{outcome="ok",schedule="schedule-1"} 0`,
		`signalbox_schedule_duration_seconds_bucket{schedule="schedule-0",le="5"} 1`,
		`signalbox_schedule_interval_seconds{schedule="schedule-1"} 900`,
		`signalbox_schedule_last_success_timestamp_seconds{schedule="schedule-0"} 1.7676036e+09`,
		`signalbox_schedule_last_success_timestamp_seconds{schedule="schedule-1"} 0`,
		`signalbox_schedule_leader 1`,
	} {
		has(t, text, line+"\n")
	}
	o.Known("schedule-0", schedule.Record{Since: since, Success: since.Add(time.Minute)})
	has(t, exposition(t, m), `signalbox_schedule_last_success_timestamp_seconds{schedule="schedule-0"} 1.76760366e+09`+"\n")

	said := map[any]int{}
	for _, line := range lines.lines(t) {
		said[line["level"]]++
		require.Equal(t, "schedule-0", line["schedule"])
	}
	require.Equal(t, map[any]int{"info": 2, "warn": 2, "error": 2}, said, "a failure is told once")
}
