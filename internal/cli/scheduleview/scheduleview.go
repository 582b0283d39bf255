// Package scheduleview shows the schedules: when the next tick is, what became of the last one, what was left out, and who leads.
package scheduleview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

// View is what the command prints as JSON.
type View struct {
	Leader    string     `json:"leader,omitempty"` // the process that publishes the events; empty: none does
	Schedules []Schedule `json:"schedules"`
}

// Schedule is a row of the schedule table, and what is known of it.
type Schedule struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Channel string `json:"channel"`
	When    string `json:"when"`
	Missed  string `json:"missed"`
	Off     bool   `json:"off,omitempty"`

	Next    *time.Time `json:"next,omitempty"`     // the tick; in UTC
	NextDue *time.Time `json:"next_due,omitempty"` // when its event is published: later by the jitter
	Local   string     `json:"next_local,omitempty"`

	Last    *time.Time `json:"last,omitempty"`  // the last tick that was published
	Event   string     `json:"event,omitempty"` // id of the last event, be it of a tick or by hand
	Sent    *time.Time `json:"sent,omitempty"`
	State   string     `json:"state,omitempty"` // what became of it: open, ok, error or lost
	Ended   *time.Time `json:"ended,omitempty"`
	Success *time.Time `json:"last_success,omitempty"`
	Skipped *time.Time `json:"last_skipped,omitempty"` // the last tick that was left out
	Behind  int        `json:"behind,omitempty"`       // ticks that are due, and neither published nor skipped yet
}

// Show looks.
func Show(ctx context.Context, rows []config.ScheduleRow, client redis.UniversalClient, keys rediskey.Keys, hand schedule.Hand) (View, error) {
	v := View{Schedules: []Schedule{}}
	if len(rows) == 0 {
		return v, nil
	}
	var err error
	if v.Leader, err = client.Get(ctx, keys.Lease(app.ScheduleRole)).Result(); err != nil && !errors.Is(err, redis.Nil) {
		return v, fmt.Errorf("ask who leads: %w", err)
	}
	for _, row := range rows {
		s, err := row.Schedule()
		if err != nil {
			return v, err
		}
		r, err := hand.Look(ctx, s)
		if err != nil {
			return v, err
		}
		v.Schedules = append(v.Schedules, of(row, s, r, time.Now()))
	}
	return v, nil
}

// of puts together what the row says and what is remembered.
func of(row config.ScheduleRow, s schedule.Schedule, r schedule.Record, now time.Time) Schedule {
	is := Schedule{Name: row.Name, Type: row.Type, Channel: row.Channel, When: when(row, s), Missed: row.Missed, Off: row.Off,
		Last: at(r.Tick), Event: r.Event, Sent: at(r.Sent), State: string(r.State), Ended: at(r.Ended), Success: at(r.Success), Skipped: at(r.Skipped)}
	if row.Off {
		return is
	}
	if next := s.Ticks.Next(now); !next.IsZero() {
		is.Next, is.NextDue = at(next), at(s.At(next))
		if zone, err := time.LoadLocation(row.Zone); err == nil && row.Zone != "UTC" {
			is.Local = next.In(zone).Format("2006-01-02 15:04:05 MST")
		}
	}
	if r.Ticks == s.Ticks.String() { // else it begins with its next one
		_, is.Behind = s.Due(r.At(), now, 1)
	}
	return is
}

func when(row config.ScheduleRow, s schedule.Schedule) string {
	text := s.Ticks.String()
	if row.Every > 0 {
		text = "every " + brief(row.Every)
	}
	if row.Jitter > 0 {
		text += ", up to " + brief(row.Jitter) + " later"
	}
	return text
}

// brief writes a duration as people do: 5m, not 5m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// Print writes a line for each, and who leads.
func (v View) Print(w io.Writer) error {
	if len(v.Schedules) == 0 {
		_, err := fmt.Fprintln(w, "No schedule is configured; docs/how-to/run-on-a-timer.md says how.")
		return err
	}
	rows := [][]string{{"SCHEDULE", "WHEN", "NEXT", "THERE", "LAST TICK", "CAME TO", "LAST SUCCESS", "LAST SKIPPED", "BEHIND"}}
	for _, s := range v.Schedules {
		next := moment(s.Next)
		if s.Off {
			next = "off"
		}
		rows = append(rows, []string{s.Name, s.When, next, render.Or(s.Local), moment(s.Last), render.Or(s.State), moment(s.Success), moment(s.Skipped), fmt.Sprint(s.Behind)})
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	says := "No process leads: nothing is published. Start one: signalbox run"
	switch {
	case v.Leader != "":
		says = v.Leader + " leads."
	case !slices.ContainsFunc(v.Schedules, func(s Schedule) bool { return !s.Off }):
		says = "Every schedule is off: nothing is published but by signalbox schedules run."
	}
	_, err := fmt.Fprintln(w, "\n"+render.Plain(says))
	return err
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}
