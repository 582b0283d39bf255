package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/schedule"
)

func TestATickIsPublishedWhenItIsDue(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(3*time.Minute + 10*time.Second)
		require.Equal(t, "12:01:00 12:02:00 12:03:00", s.published(), "it begins with its next tick")
		require.Equal(t, "ok after 2s, ok after 2s, ok after 2s", s.heard())
		require.Equal(t, "12:03:02", s.known.Success.Format("15:04:05"))
		require.Equal(t, schedule.OK, s.known.State)
	})
}

func TestHoursOfTicksHaveNoneTwiceAndNoneLate(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.Latest)
		one.Jitter = 20 * time.Second
		defer s.lead(one)()
		pass(6*time.Hour + one.Jitter)
		require.Equal(t, 6*60, len(s.sent))
		seen := map[string]bool{}
		for i, e := range s.sent {
			require.False(t, seen[e.id])
			seen[e.id] = true
			tick := s.began.Add(time.Duration(i+1) * time.Minute)
			require.Equal(t, one.Event(tick).ID, e.id)
			require.Equal(t, one.At(tick).UTC(), e.at.UTC())
		}
	})
}

func TestATickIsSkippedWhileTheLastRunIsNotOver(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.takes = func(id string) time.Duration {
			if strings.HasSuffix(id, "12:02:00Z") {
				return 150 * time.Second
			}
			return time.Second
		}
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(6 * time.Minute)
		require.Equal(t, "12:01:00 12:02:00 12:05:00 12:06:00", s.published())
		require.Contains(t, s.heard(), "skipped 1, skipped 1, ok after 2m30s")
	})
}

func TestAnEventThatIsADeadLetterIsAnErrorAndTheNextOneGoesOut(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.Latest)
		s.refuses[one.Event(s.began.Add(time.Minute)).ID] = true
		defer s.lead(one)()
		pass(2*time.Minute + 10*time.Second)
		require.Equal(t, "12:01:00 12:02:00", s.published())
		require.Equal(t, "error after 2s, ok after 2s", s.heard())
	})
}

func TestAnEventWithoutARunIsWaitedForAndLostInTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		every, until time.Duration
		want         string
	}{
		"an hour, when ticks are often": {10 * time.Minute, 72 * time.Minute, "12:10:00 13:20:00"},
		"four intervals, when not":      {time.Hour, 5*time.Hour + time.Minute, "13:00:00"},
		"and then the schedule goes on": {time.Hour, 6*time.Hour + time.Minute, "13:00:00 18:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *stage) {
				s.takes = func(string) time.Duration { return -1 }
				defer s.lead(every(tc.every, schedule.Latest))()
				pass(tc.until + 9*time.Minute)
				require.Equal(t, tc.want, s.published())
			})
		})
	}
}

// Its message was purged, expired, or is a dead letter of the broker's own, of which the run knows nothing.
func TestAnEventWhoseRunNobodyGoesOnWithIsLostInTheEnd(t *testing.T) {
	for policy, want := range map[schedule.Missed]string{schedule.Latest: "12:10:00 13:20:00", schedule.All: `12:10:00 12:20:00\+5\d\S+`} {
		t.Run(string(policy), func(t *testing.T) {
			inBubble(t, func(s *stage) {
				s.takes, s.leaves = func(string) time.Duration { return 14 * 24 * time.Hour }, time.Minute
				defer s.lead(every(10*time.Minute, policy))()
				pass(81 * time.Minute)
				require.Regexp(t, "^"+want+"$", s.published())
				require.Contains(t, s.heard(), "lost after 1h")
			})
		})
	}
}

func TestARunThatIsWorkedOnForHoursIsNotLost(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.takes = func(string) time.Duration { return 5*time.Hour - time.Minute }
		defer s.lead(every(10*time.Minute, schedule.Latest))()
		pass(5*time.Hour + 15*time.Minute)
		require.Equal(t, "12:10:00 17:10:00", s.published())
		require.NotContains(t, s.heard(), "lost")
	})
}

func TestByHandAnEventGoesOutAtOnceAndTicksWaitForItsEnd(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.Latest)
		hand := schedule.Hand{Publish: s.publish, Memory: s.memory, Runs: s}
		defer s.lead(one)()
		pass(80 * time.Second)
		r, err := hand.Look(s.t.Context(), one)
		require.NoError(t, err)
		require.Equal(t, schedule.OK, r.State)
		s.change(func() { s.takes = func(string) time.Duration { return time.Minute } })
		ev := one.ByHand(time.Now())
		require.Equal(t, "delta@manual/2000-01-01T12:01:20.000Z", ev.ID)
		require.NoError(t, hand.Run(s.t.Context(), one, ev))
		r, err = hand.Look(s.t.Context(), one)
		require.NoError(t, err)
		require.Equal(t, schedule.Open, r.State)
		pass(2 * time.Minute)
		require.Equal(t, "12:01:00 manual/2000-01-01T12:01:20.000Z 12:03:00", s.published(), "12:02 fell into the run by hand")
		require.Contains(t, s.heard(), "skipped 1, ok after 1m0s")
	})
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := schedule.New(schedule.Options{Schedules: []schedule.Schedule{every(time.Minute, schedule.Latest), every(time.Minute, schedule.Latest), {}}})
	require.ErrorContains(t, err, "needs all of its ports")
	require.ErrorContains(t, err, `schedule "delta": needs a name of its own`)
	require.ErrorContains(t, err, `schedule "": needs a name of its own, and ticks`)
}
