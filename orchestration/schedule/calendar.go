package schedule

import (
	"sort"
	"time"
)

// horizon is how far ahead a tick is looked for: February 29 may be eight years away.
const horizon = 9 * 366 * 24 * time.Hour

// Next implements Ticks.
func (c *Cron) Next(t time.Time) time.Time {
	year, month, day := t.In(c.zone).Date()
	end := t.Add(horizon)
	for date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); date.Before(end); {
		switch {
		case !c.months.has(int(date.Month())):
			date = time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case c.fits(date):
			if tick, ok := c.on(date, t); ok {
				return tick.UTC()
			}
		}
		date = date.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// fits says whether a date is one of the days.
func (c *Cron) fits(date time.Time) bool {
	of, in := c.weekdays.has(int(date.Weekday())), c.days.has(date.Day())
	if c.either {
		return of || in
	}
	return of && in
}

// on is the first tick of a date behind t. The date is its midnight in UTC.
func (c *Cron) on(date, t time.Time) (tick time.Time, ok bool) {
	if c.everyHour {
		return c.throughout(date, t)
	}
	hours, minutes := c.hours.values(), c.minutes.values()
	at := func(i int) time.Time {
		return c.instant(date.Add(time.Duration(hours[i/len(minutes)])*time.Hour + time.Duration(minutes[i%len(minutes)])*time.Minute))
	}
	n := len(hours) * len(minutes)
	i := sort.Search(n, func(i int) bool { return at(i).After(t) }) // a later time of day is never an earlier instant
	if i == n {
		return time.Time{}, false
	}
	return at(i), true
}

// throughout goes through the minutes that pass on a date, whatever the clocks show meanwhile.
func (c *Cron) throughout(date, t time.Time) (tick time.Time, ok bool) {
	at, end := c.instant(date), c.instant(date.AddDate(0, 0, 1))
	if behind := t.Truncate(time.Minute).Add(time.Minute); behind.After(at) {
		at = behind
	}
	for ; at.Before(end); at = at.Add(time.Minute) {
		if c.minutes.has(at.In(c.zone).Minute()) {
			return at, true
		}
	}
	return time.Time{}, false
}

// instant is when the clocks of the zone show what the given time in UTC shows: for the first time, if they do twice; the end of the gap, if
// they do not at all.
func (c *Cron) instant(shown time.Time) time.Time {
	const around = 26 * time.Hour // more than any change of the clocks, and less than there is between two of them
	first := shown.Add(-c.offset(shown.Add(-around)))
	if earlier := shown.Add(-c.offset(shown.Add(around))); earlier.Before(first) && c.shows(earlier, shown) {
		return earlier
	} else if c.shows(first, shown) {
		return first
	} else if c.shows(earlier, shown) {
		return earlier
	}
	start, _ := first.In(c.zone).ZoneBounds() // by the clocks before the gap, it is behind it
	return start
}

func (c *Cron) offset(t time.Time) time.Duration {
	_, seconds := t.In(c.zone).Zone()
	return time.Duration(seconds) * time.Second
}

// shows says whether the clocks of the zone show at t what the other shows in UTC.
func (c *Cron) shows(t, other time.Time) bool { return t.Add(c.offset(t)).Equal(other) }
