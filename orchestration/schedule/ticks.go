package schedule

import "time"

// Ticks are moments, the same for everybody who asks.
type Ticks interface {
	// Next is the first one behind t; the zero time if there is none.
	Next(t time.Time) time.Time
	// String says which they are. Ticks that say the same are the same.
	String() string
}

// Every is the whole multiples of a duration since the Unix epoch, so that every process agrees on them. It must be a whole number of
// seconds.
type Every time.Duration

// String implements Ticks.
func (e Every) String() string { return "every " + time.Duration(e).String() }

// Next implements Ticks.
func (e Every) Next(t time.Time) time.Time {
	step := int64(time.Duration(e) / time.Second)
	n := t.Unix() / step
	if t.Unix()%step < 0 { // before 1970
		n--
	}
	return time.Unix((n+1)*step, 0).UTC()
}

// before is the last tick before t; the zero time if there is none in years.
func before(ticks Ticks, t time.Time) (last time.Time) {
	if t.IsZero() {
		return last
	}
	for back := 2 * time.Minute; back < 2*horizon; back *= 4 {
		for tick := ticks.Next(t.Add(-back)); !tick.IsZero() && tick.Before(t); tick = ticks.Next(tick) {
			last = tick
		}
		if !last.IsZero() {
			return last
		}
	}
	return last
}

// Shortest is the shortest time between two ticks, as far as two years of them show.
func Shortest(ticks Ticks) time.Duration {
	if every, is := ticks.(Every); is {
		return time.Duration(every)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := at.AddDate(2, 0, 0)
	shortest := 2 * horizon
	for at = ticks.Next(at); !at.IsZero() && at.Before(end); {
		next := ticks.Next(at)
		if next.IsZero() {
			break
		}
		if shortest = min(shortest, next.Sub(at)); shortest <= time.Minute {
			break // a cron expression has no shorter one
		}
		at = next
	}
	return shortest
}
