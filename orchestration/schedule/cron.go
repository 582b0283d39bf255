package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cron is the moments of a cron expression in a time zone. There is no library in its place because those at hand leave out what falls
// into the hour that is skipped in spring, and doubt what falls into the one that comes twice in autumn:
//
// An expression that names hours means times of day, each once a day. One that the clocks skip comes right after the gap, and one
// that comes twice counts the first time. An expression whose hour is * means minutes of every hour that passes, skipped ones not,
// repeated ones both.
//
// Source: crontab(5) of POSIX and, for the days, of Vixie cron: when both the day of the month and the day of the week are given (neither
// begins with *), a day that fits either fits.
type Cron struct {
	minutes, hours, days, months, weekdays set

	everyHour bool // the hour is *
	either    bool // a day that fits days or weekdays fits
	zone      *time.Location
	text      string // as it was written
}

// String implements Ticks.
func (c *Cron) String() string { return c.text + " " + c.zone.String() }

// set is a bit for each value that fits.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// values lists what fits, in order.
func (s set) values() (all []int) {
	for n := range 60 {
		if s.has(n) {
			all = append(all, n)
		}
	}
	return all
}

// field is what one of the five fields may hold.
type field struct {
	name      string
	low, high int
	names     []string // of its values, the first for low
}

var fields = []field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}, // 7 is Sunday, too
}

// ParseCron reads five fields: minute, hour, day of the month, month, day of the week. Each is a list of values, ranges and *, with steps.
func ParseCron(expression string, zone *time.Location) (*Cron, error) {
	words := strings.Fields(expression)
	if len(words) != len(fields) {
		return nil, fmt.Errorf("has %d fields and not five: minute, hour, day of the month, month, day of the week", len(words))
	}
	var sets [5]set
	for i, f := range fields {
		var err error
		if sets[i], err = f.parse(words[i]); err != nil {
			return nil, err
		}
	}
	if sets[4].has(7) {
		sets[4] |= 1
	}
	c := &Cron{minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3], weekdays: sets[4], zone: zone, text: strings.Join(words, " "),
		everyHour: words[1] == "*", either: !strings.HasPrefix(words[2], "*") && !strings.HasPrefix(words[4], "*")}
	if c.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("names a day that never comes")
	}
	return c, nil
}

func (f field) parse(text string) (all set, err error) {
	for part := range strings.SplitSeq(text, ",") {
		s, err := f.part(strings.ToLower(part))
		if err != nil {
			return 0, err
		}
		all |= s
	}
	return all, nil
}

// part reads *, a value, or a range, each but the value alone with a step behind it.
func (f field) part(text string) (s set, err error) {
	span, step, stepped := strings.Cut(text, "/")
	by := 1
	if stepped {
		if by, err = strconv.Atoi(step); err != nil || by < 1 || by > f.high {
			return 0, fmt.Errorf("has a step in the %s that is no number from 1 to %d", f.name, f.high)
		}
	}
	from, to, ranged := strings.Cut(span, "-")
	low, high := f.low, f.high
	switch {
	case span == "*":
		if f.high == 7 {
			high = 6
		}
	case !ranged && stepped:
		return 0, fmt.Errorf("has a step in the %s behind a single value; write a range or * before the step", f.name)
	default:
		if low, err = f.value(from); err == nil && ranged {
			high, err = f.value(to)
		} else {
			high = low
		}
		if err != nil {
			return 0, err
		}
		if high < low {
			return 0, fmt.Errorf("has a range in the %s that goes down", f.name)
		}
	}
	for n := low; n <= high; n += by {
		s |= 1 << n
	}
	return s, nil
}

func (f field) value(text string) (int, error) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.low + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high || strings.ContainsAny(text, "+-") {
		return 0, fmt.Errorf("has a value in the %s that is none from %d to %d", f.name, f.low, f.high)
	}
	return n, nil
}
