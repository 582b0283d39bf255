package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02T15:04Z07:00", text)
	require.NoError(t, err)
	return when
}

// TestTicksOfACronExpression lists instants as a person would, with the offset that the clocks have then.
func TestTicksOfACronExpression(t *testing.T) {
	t.Parallel()
	const berlin, newYork, lordHowe = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
	for name, tc := range map[string]struct {
		cron, zone, after string
		want              []string
	}{
		"each day": {"30 2 * * *", "UTC", "2026-01-30T02:30Z", []string{"2026-01-31T02:30Z", "2026-02-01T02:30Z"}},
		"several times a day": {"0,30 8-9 * * *", "UTC", "2026-01-30T08:15Z",
			[]string{"2026-01-30T08:30Z", "2026-01-30T09:00Z", "2026-01-30T09:30Z", "2026-01-31T08:00Z"}},
		"steps":                       {"*/20 */12 * * *", "UTC", "2026-01-30T00:40Z", []string{"2026-01-30T12:00Z", "2026-01-30T12:20Z", "2026-01-30T12:40Z", "2026-01-31T00:00Z"}},
		"a range with steps":          {"10-50/20 0 * * *", "UTC", "2026-01-30T00:10Z", []string{"2026-01-30T00:30Z", "2026-01-30T00:50Z", "2026-01-31T00:10Z"}},
		"working days by their names": {"0 6 * * Mon-Fri", "UTC", "2026-01-30T06:00Z", []string{"2026-02-02T06:00Z", "2026-02-03T06:00Z"}},
		"Sunday by either number":     {"0 6 * * 7", "UTC", "2026-01-30T06:00Z", []string{"2026-02-01T06:00Z", "2026-02-08T06:00Z"}},
		"the weekend up to 7":         {"0 6 * * 6-7", "UTC", "2026-01-30T06:00Z", []string{"2026-01-31T06:00Z", "2026-02-01T06:00Z", "2026-02-07T06:00Z"}},
		"a day of either kind":        {"0 6 13 * 5", "UTC", "2026-02-06T06:00Z", []string{"2026-02-13T06:00Z", "2026-02-20T06:00Z", "2026-02-27T06:00Z", "2026-03-06T06:00Z", "2026-03-13T06:00Z"}},
		"both kinds when one is *":    {"0 6 */2 * 1", "UTC", "2026-02-01T00:00Z", []string{"2026-02-09T06:00Z", "2026-02-23T06:00Z"}},
		"the end of a month":          {"0 0 31 * *", "UTC", "2026-01-31T00:00Z", []string{"2026-03-31T00:00Z", "2026-05-31T00:00Z"}},
		"a leap day":                  {"0 0 29 2 *", "UTC", "2026-01-01T00:00Z", []string{"2028-02-29T00:00Z", "2032-02-29T00:00Z"}},
		"a leap day over a century":   {"0 0 29 2 *", "UTC", "2096-02-29T00:00Z", []string{"2104-02-29T00:00Z"}},
		"a month by its name":         {"0 0 1 jul *", "UTC", "2026-07-01T00:00Z", []string{"2027-07-01T00:00Z"}},

		"the same time of day all year": {"0 3 1 1,7 *", berlin, "2026-01-01T00:00Z", []string{"2026-01-01T03:00+01:00", "2026-07-01T03:00+02:00", "2027-01-01T03:00+01:00"}},

		"a time that is skipped comes right after": {"30 2 * * *", berlin, "2026-03-28T01:00+01:00",
			[]string{"2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"}},
		"several times that are skipped come once": {"0,15,30,45 2 * * *", berlin, "2026-03-29T00:00+01:00",
			[]string{"2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"}},
		"and once with the one behind the gap": {"0 2,3 * * *", berlin, "2026-03-29T00:00+01:00",
			[]string{"2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"}},
		"a time that comes twice counts the first time": {"30 2 * * *", berlin, "2026-10-24T03:00+02:00",
			[]string{"2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"}},
		"also for who asks in between":              {"30 2 * * *", berlin, "2026-10-25T02:45+02:00", []string{"2026-10-26T02:30+01:00"}},
		"and for who asks in the hour's repetition": {"30 2 * * *", berlin, "2026-10-25T02:15+01:00", []string{"2026-10-26T02:30+01:00"}},
		"what comes behind the repeated hour": {"0 2,3 * * *", berlin, "2026-10-25T01:00+02:00",
			[]string{"2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00", "2026-10-26T02:00+01:00"}},
		"in New York, too": {"30 1,2 * * *", newYork, "2026-03-08T00:00-05:00",
			[]string{"2026-03-08T01:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T01:30-04:00"}},
		"and back": {"30 1,2 * * *", newYork, "2026-11-01T00:00-04:00",
			[]string{"2026-11-01T01:30-04:00", "2026-11-01T02:30-05:00", "2026-11-02T01:30-05:00"}},

		"every hour passes over the gap": {"30 * * * *", berlin, "2026-03-29T00:45+01:00",
			[]string{"2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"}},
		"every hour counts both of a repeated one": {"30 * * * *", berlin, "2026-10-25T01:45+02:00",
			[]string{"2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"}},
		"a gap of half an hour": {"15 2 * * *", lordHowe, "2026-10-03T12:00+10:30",
			[]string{"2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"}},
		"half an hour that comes twice": {"45 1 * * *", lordHowe, "2026-04-04T12:00+11:00",
			[]string{"2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"}},
		"every hour where half of one comes twice": {"45 * * * *", lordHowe, "2026-04-05T01:00+11:00",
			[]string{"2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30", "2026-04-05T02:45+10:30"}},
		"a midnight that is skipped": {"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00+02:00",
			[]string{"2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"}},
		"a midnight that is skipped, every hour": {"0 * * * *", "Africa/Cairo", "2026-04-23T22:30+02:00",
			[]string{"2026-04-23T23:00+02:00", "2026-04-24T01:00+03:00", "2026-04-24T02:00+03:00"}},
		"an evening that comes twice": {"30 23 * * *", "Africa/Cairo", "2026-10-29T12:00+03:00",
			[]string{"2026-10-29T23:30+03:00", "2026-10-30T23:30+02:00"}},
		"a day that a country left out": {"0 8 * * *", "Pacific/Apia", "2011-12-29T07:00-10:00",
			[]string{"2011-12-29T08:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T08:00+14:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := ParseCron(tc.cron, zone(t, tc.zone))
			require.NoError(t, err)
			tick := at(t, tc.after)
			for _, want := range tc.want {
				tick = c.Next(tick)
				require.Equal(t, at(t, want).In(zone(t, tc.zone)).Format(time.RFC3339), tick.In(zone(t, tc.zone)).Format(time.RFC3339))
				require.Equal(t, time.UTC, tick.Location())
			}
		})
	}
}

// TestNoTickGoesBackOrComesTwice walks through years in zones of every kind.
func TestNoTickGoesBackOrComesTwice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca", "America/Havana", "Asia/Kathmandu"} {
		for _, expression := range []string{"*/15 0-4 * * *", "7 * * * *", "0 0 * * *", "59 23 * * *"} {
			c, err := ParseCron(expression, zone(t, name))
			require.NoError(t, err)
			days := map[string]int{}
			from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
			last := from
			for tick := c.Next(from); tick.Before(from.AddDate(2, 0, 0)); tick = c.Next(tick) {
				require.True(t, tick.After(last), "%s %s: %s behind %s", name, expression, tick, last)
				days[tick.In(c.zone).Format(time.DateOnly)]++
				last = tick
			}
			require.InDelta(t, 730, len(days), 1, "%s %s: a tick each day", name, expression)
			if expression == "59 23 * * *" {
				for day, n := range days {
					require.Equal(t, 1, n, "%s %s", name, day)
				}
			}
		}
	}
}

func TestWhatIsNoCronExpression(t *testing.T) {
	t.Parallel()
	for expression, says := range map[string]string{
		"":               "has 0 fields and not five",
		"* * * *":        "has 4 fields and not five",
		"0 0 0 * * *":    "has 6 fields and not five",
		"@daily":         "has 1 fields and not five",
		"60 * * * *":     "has a value in the minute that is none from 0 to 59",
		"* 24 * * *":     "has a value in the hour that is none from 0 to 23",
		"* * 0 * *":      "has a value in the day of the month that is none from 1 to 31",
		"* * * 13 *":     "has a value in the month that is none from 1 to 12",
		"* * * * 8":      "has a value in the day of the week that is none from 0 to 7",
		"* * * * noday":  "has a value in the day of the week",
		"+5 * * * *":     "has a value in the minute",
		"5- * * * *":     "has a value in the minute",
		"1-2-3 * * * *":  "has a value in the minute",
		",1 * * * *":     "has a value in the minute",
		"30-10 * * * *":  "has a range in the minute that goes down",
		"*/0 * * * *":    "has a step in the minute that is no number from 1 to 59",
		"*/x * * * *":    "has a step in the minute",
		"5/10 * * * *":   "has a step in the minute behind a single value",
		"0 0 31 2,4,6 *": "names a day that never comes",
	} {
		_, err := ParseCron(expression, time.UTC)
		require.ErrorContains(t, err, says, "%q", expression)
	}
}

func TestMultiplesOfADurationAreTheSameForEverybody(t *testing.T) {
	t.Parallel()
	every := Every(7 * time.Hour)
	tick := every.Next(time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC))
	require.Zero(t, tick.Unix()%int64(7*time.Hour/time.Second))
	require.Equal(t, tick.Add(7*time.Hour), every.Next(tick))
	require.Equal(t, tick, every.Next(tick.Add(-time.Nanosecond)))
	require.Equal(t, time.Unix(0, 0).UTC(), every.Next(time.Unix(-1, 0)))
	require.Equal(t, time.Unix(-7*3600, 0).UTC(), every.Next(time.Unix(-8*3600, 0)))
}

func TestTheIntervalIsTheLongerOneOfTwo(t *testing.T) {
	t.Parallel()
	hours, err := ParseCron("0 8-18 * * mon-fri", time.UTC)
	require.NoError(t, err)
	s := Schedule{Name: "s", Ticks: hours}
	const weekend = 62 * time.Hour
	for when, want := range map[string]time.Duration{
		"2026-01-30T17:30Z": time.Hour, "2026-01-30T18:30Z": weekend, "2026-02-02T08:00Z": weekend, "2026-02-02T08:59Z": weekend, "2026-02-02T09:30Z": time.Hour,
	} {
		require.Equal(t, want, s.Interval(at(t, when)), when)
	}
	require.Equal(t, 7*time.Second, Schedule{Ticks: Every(7 * time.Second)}.Interval(time.Now()))
	require.Equal(t, time.Hour, Shortest(hours))
	twice, err := ParseCron("0 3 1,8 * *", time.UTC)
	require.NoError(t, err)
	require.Equal(t, 7*24*time.Hour, Shortest(twice))
}

func TestJitterIsTheSameForEverybodyAndBelowItsLimit(t *testing.T) {
	t.Parallel()
	s := Schedule{Name: "s", Ticks: Every(time.Minute), Jitter: 30 * time.Second}
	tick, sum := time.Unix(1_800_000_000, 0).UTC(), time.Duration(0)
	for range 1000 {
		tick = s.Ticks.Next(tick)
		late := s.At(tick).Sub(tick)
		require.Equal(t, late, Schedule{Name: "s", Jitter: 30 * time.Second}.At(tick).Sub(tick))
		require.GreaterOrEqual(t, late, time.Duration(0))
		require.Less(t, late, s.Jitter)
		sum += late
	}
	require.InDelta(t, 15, (sum / 1000).Seconds(), 2, "spread evenly")
	last, n := s.Due(tick.Add(-time.Hour), s.At(tick).Add(-time.Millisecond), 3)
	require.Equal(t, 59, n, "the last one is not due yet")
	require.Equal(t, tick.Add(-time.Minute), last[2])
	require.Len(t, last, 3)
	last, n = s.Due(tick.Add(-time.Hour), s.At(tick), 3)
	require.Equal(t, 60, n)
	require.Equal(t, tick, last[2])
}

func TestYearsOfTicksAreLookedThroughInNoTime(t *testing.T) {
	t.Parallel()
	busy, err := ParseCron("* 0-22 * * *", zone(t, "Europe/Berlin"))
	require.NoError(t, err)
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for name, ticks := range map[string]Ticks{"each minute": busy, "each second": Every(time.Second)} {
		began := time.Now()
		newest, n := Schedule{Name: "s", Ticks: ticks}.Due(now.AddDate(-3, 0, 0), now, 5)
		require.Len(t, newest, 5)
		require.Greater(t, n, 400_000)
		require.Less(t, time.Since(began), 20*time.Second, name)
		t.Logf("%s: %d ticks in %s", name, n, time.Since(began))
	}
}
