package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

// ScheduleRow is a row of the schedule table: which event is published when.
type ScheduleRow struct {
	Name    string          `key:"name" required:"true" unique:"true" help:"what the schedule is called; part of its events' source and ids, and of metrics"`
	Type    string          `key:"type" required:"true" help:"the type of the event that is published at each tick; one that events from outside may have"`
	Channel string          `key:"channel" required:"true" help:"the row of the channel table that the event belongs to"`
	Data    json.RawMessage `key:"data" default:"{}" help:"the event's data, as its type's schema wants it; nothing secret"`
	Every   time.Duration   `key:"every" decides:"true" min:"1s" max:"8760h" help:"a tick at every whole multiple of this since 1970 in UTC; this or cron"`
	Cron    string          `key:"cron" decides:"true" help:"five fields: minute, hour, day of the month, month, day of the week, such as 30 2 * * mon-fri; this or every"`
	Zone    string          `key:"zone" default:"UTC" help:"of cron: the time zone by its IANA name, such as Europe/Berlin"`
	Jitter  time.Duration   `key:"jitter" default:"0s" min:"0s" max:"24h" help:"each tick's event is published up to so much later, by the same for everybody who asks; shorter than the time between two ticks"`
	Missed  string          `key:"missed" default:"latest" help:"what becomes of ticks that nobody published when they were due: latest, the newest is published; skip, none that fell due while nobody led; all, each in order, one after the other, up to 100"`
	Off     bool            `key:"off" default:"false" help:"the schedule is off; what it misses meanwhile is not caught up with"`
}

var scheduleTable = table{
	row: reflect.TypeFor[ScheduleRow](), one: "schedule", example: `{"name":"nightly","type":"contoso.export.asked.v1","channel":"web","cron":"30 2 * * *","zone":"Europe/Berlin"}`,
	check: checkSchedules,
}

// maxSchedules is how many rows there may be: each has series of its own.
const maxSchedules = 20

// Ticks are the row's.
func (s ScheduleRow) Ticks() (schedule.Ticks, error) {
	if s.Every > 0 {
		return schedule.Every(s.Every), nil
	}
	zone, err := s.location()
	if err != nil {
		return nil, err
	}
	return schedule.ParseCron(s.Cron, zone)
}

var errZone = errors.New("is no time zone of the IANA's")

// location is the row's zone. What Local is differs from machine to machine.
func (s ScheduleRow) location() (*time.Location, error) {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || s.Zone == "Local" || s.Zone == "" {
		return nil, errZone
	}
	return zone, nil
}

// Schedule is the row as a timer. The row is one that was checked.
func (s ScheduleRow) Schedule() (schedule.Schedule, error) {
	ticks, err := s.Ticks()
	if err != nil {
		return schedule.Schedule{}, fmt.Errorf("schedule %s: %w", s.Name, err)
	}
	return schedule.Schedule{Name: s.Name, Type: s.Type, Channel: s.Channel, Data: s.Data, Ticks: ticks, Jitter: s.Jitter, Missed: schedule.Missed(s.Missed)}, nil
}

// checkSchedules judges the rows one by one: when they tick, and whether their events could be run.
func checkSchedules(c *Config, r rows) {
	if len(c.Schedules) == 0 {
		return
	}
	list := scenarios.All(scenarios.Parts{Emitted: c.Emitted()})
	checker, err := orchestration.NewChecker(list, c.Channels)
	if err != nil { // the scenarios are ours, and a test compiles them
		r.report(0, "type", "cannot be checked: "+err.Error(), "report it: this is a defect of Signalbox")
		return
	}
	for i, s := range c.Schedules {
		checkTicks(r, i, s)
		checkEvent(c, r, i, s, checker, list)
		if s.Name != "" && !plainName.MatchString(s.Name) {
			r.report(i, "name", "is no plain name", "use letters, digits, dots and dashes, at most 63")
		}
		if !slices.Contains(schedule.Policies(), s.Missed) {
			r.report(i, "missed", show(s.Missed)+" is nothing that can become of missed ticks", "choose from "+strings.Join(schedule.Policies(), ", "))
		}
	}
	if n := len(c.Schedules); n > maxSchedules {
		r.report(maxSchedules, "name", fmt.Sprintf("is one of %d schedules, and each has metrics of its own", n), fmt.Sprintf("use at most %d", maxSchedules))
	}
}

func checkTicks(r rows, i int, s ScheduleRow) {
	if _, err := s.location(); err != nil {
		r.report(i, "zone", show(s.Zone)+" "+err.Error(), "write one such as Europe/Berlin or UTC")
	}
	switch {
	case (s.Every > 0) == (s.Cron != ""):
		r.report(i, "every", "and cron are both set or both missing", "set one")
		return
	case s.Every%time.Second != 0:
		r.report(i, "every", "is no whole number of seconds", "choose one that is")
		return
	case s.Every > 0 && s.Zone != "UTC":
		r.report(i, "zone", "is for cron", "take it out, or write cron in place of every")
	}
	if s.Cron != "" {
		if _, err := schedule.ParseCron(s.Cron, time.UTC); err != nil {
			r.report(i, "cron", err.Error(), "write five fields such as 30 2 * * mon-fri")
			return
		}
	}
	ticks, err := s.Ticks()
	if err != nil { // the zone, which is said already
		return
	}
	if least := schedule.Shortest(ticks); s.Jitter >= least {
		r.report(i, "jitter", "of "+short(s.Jitter)+" is not below the shortest time between two ticks, "+short(least), "shorten it, or an event would come behind the next one's")
	}
}

// checkEvent asks of an event of the row what a worker will ask, and says which column is to blame.
func checkEvent(c *Config, r rows, i int, s ScheduleRow, checker *orchestration.Checker, list []orchestration.Scenario) {
	if s.Type == "" || s.Channel == "" {
		return // that they are missing is said already
	}
	types := published(list)
	if !slices.Contains(types, s.Type) {
		r.report(i, "type", named(s.Type)+" is no type of event that may be published", "the nearest is "+nearest(s.Type, types, ".")+"; signalbox schema lists all")
		return
	}
	ev := schedule.Schedule{Name: s.Name, Type: s.Type, Channel: s.Channel, Data: s.Data}.Event(time.Now())
	var f *fault.Error
	switch err := checker.Check(ev); {
	case err == nil && r.know("channels.sinks", "channels.legal_entity", "sinks.name", "sinks.digests_url", "sinks.types", "inventory.source", "inventory.visibility.warehouses"):
		checkAsked(c, r, i, s)
	case err == nil:
	case errors.As(err, &f) && f.Reason == fault.UnknownChannel && !r.know("channels.name"):
	case errors.As(err, &f) && f.Reason == fault.UnknownChannel:
		r.report(i, "channel", "names the channel "+show(s.Channel)+", which channels has no row for", "add the row, or correct the name")
	case f != nil && f.Pointer != "":
		r.report(i, "data", "is refused at "+f.Pointer+": "+f.Detail, "correct it: signalbox schema "+s.Type)
	case f != nil:
		r.report(i, "data", "is refused: "+f.Detail, "correct it: signalbox schema "+s.Type)
	default:
		r.report(i, "data", "is refused", "correct it: signalbox schema "+s.Type)
	}
}

// published lists the types that events from outside may have. The heartbeat is the fleet's own.
func published(list []orchestration.Scenario) (types []string) {
	for _, s := range list {
		if o := s.Outline(); !o.Internal && o.Name != "heartbeat" {
			types = append(types, o.Handles)
		}
	}
	slices.Sort(types)
	return types
}
