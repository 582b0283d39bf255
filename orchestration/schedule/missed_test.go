package schedule_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/schedule"
)

func TestWhatIsMissedWhileNobodyLeads(t *testing.T) {
	for policy, tc := range map[schedule.Missed]struct{ published, heard string }{
		schedule.Latest: {"12:01:00 12:09:00+20s 12:10:00", "ok after 2s, skipped 7, ok after 2s, ok after 2s"},
		schedule.Skip:   {"12:01:00 12:10:00", "ok after 2s, skipped 8, ok after 2s"},
		schedule.All: {"12:01:00 12:02:00+7m20s 12:03:00+6m22s 12:04:00+5m24s 12:05:00+4m26s 12:06:00+3m28s 12:07:00+2m30s 12:08:00+1m32s 12:09:00+34s 12:10:00",
			"ok after 2s" + strings.Repeat(", ok after 2s", 9)},
	} {
		t.Run(string(policy), func(t *testing.T) {
			inBubble(t, func(s *stage) {
				stop := s.lead(every(time.Minute, policy))
				pass(80 * time.Second)
				stop()
				pass(8 * time.Minute) // 12:09:20
				defer s.lead(every(time.Minute, policy))()
				pass(time.Minute)
				require.Equal(t, tc.published, s.published())
				require.Equal(t, tc.heard, s.heard())
			})
		})
	}
}

func TestAllIsCappedAndOneAtATime(t *testing.T) {
	inBubble(t, func(s *stage) {
		stop := s.lead(every(time.Minute, schedule.All))
		pass(80 * time.Second)
		stop()
		pass(10 * time.Hour)
		defer s.lead(every(time.Minute, schedule.All))()
		pass(30 * time.Minute)
		require.Len(t, s.sent, 1+schedule.MostBehind+30)
		require.Contains(t, s.heard(), "skipped 500, ok")
		for i := range s.sent[1:] {
			require.GreaterOrEqual(t, s.sent[i+1].at.Sub(s.sent[i].at), 2*time.Second, "each when the run before it is over")
		}
	})
}

func TestWithAllATickThatFallsDueDuringARunWaitsForIt(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.takes = func(id string) time.Duration {
			if strings.HasSuffix(id, "12:02:00Z") {
				return 150 * time.Second
			}
			return time.Second
		}
		defer s.lead(every(time.Minute, schedule.All))()
		pass(6*time.Minute + 30*time.Second)
		require.Regexp(t, `^12:01:00 12:02:00 12:03:00\+1m3\ds 12:04:00\+3\ds 12:05:00 12:06:00$`, s.published())
		require.NotContains(t, s.heard(), "skipped")
	})
}

func TestWhatASchedulePassedWhileItWasOffIsNotCaughtUpWith(t *testing.T) {
	inBubble(t, func(s *stage) {
		stop := s.lead(every(time.Minute, schedule.All))
		pass(80 * time.Second)
		stop()
		stop = s.lead() // with a table in which it is off
		pass(10 * time.Minute)
		stop()
		defer s.lead(every(time.Minute, schedule.All))()
		pass(time.Minute)
		require.Equal(t, "12:01:00 12:12:00", s.published())
	})
}

func TestSchedulesThatNobodyHasAnyMoreAreForgottenAndCatchUpWithNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		leads func(since time.Duration) bool // another process, meanwhile
		away  time.Duration
		want  string
	}{
		"after an hour in which nobody leads":    {func(time.Duration) bool { return false }, 2 * time.Hour, "12:30:00 15:00:00"},
		"not sooner: they may be deployed anew":  {func(time.Duration) bool { return false }, 50 * time.Minute, `12:30:00 13:00:00\+\S+ 13:30:00\+\S+`},
		"not while another process has them":     {func(time.Duration) bool { return true }, 80 * time.Minute, `12:30:00 13:00:00\+\S+ 13:30:00\+\S+ 14:00:00\+\S+`},
		"not when one has had them in that hour": {func(d time.Duration) bool { return d.Truncate(time.Minute) == 40*time.Minute }, 80 * time.Minute, `12:30:00 13:00:00\+\S+ 13:30:00\+\S+ 14:00:00\+\S+`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *stage) {
				stop := s.lead(every(30*time.Minute, schedule.All))
				pass(40 * time.Minute)
				stop()
				ctx, cancel := context.WithCancel(context.Background())
				ended, began := make(chan struct{}), time.Now()
				go func() { // a process without schedules
					defer close(ended)
					schedule.Gone{Memory: s.memory, Led: func(context.Context) (bool, error) { return tc.leads(time.Since(began)), nil },
						Forgot: func(n int) { s.tell("forgot %d", n) }}.Run(ctx)
				}()
				pass(tc.away)
				cancel()
				<-ended
				defer s.lead(every(30*time.Minute, schedule.All))()
				pass(25 * time.Minute)
				require.Regexp(t, "^"+tc.want+"$", s.published())
				require.Equal(t, name[0] == 'a', strings.Contains(s.heard(), "forgot 1"))
			})
		})
	}
}

func TestOtherTicksInTheirPlaceBeginWithTheNextOne(t *testing.T) {
	inBubble(t, func(s *stage) {
		stop := s.lead(every(time.Hour, schedule.All))
		pass(90 * time.Minute)
		stop()
		defer s.lead(every(10*time.Minute, schedule.All))()
		pass(15 * time.Minute)
		require.Equal(t, "13:00:00 13:40:00", s.published(), "13:30 is no tick that anybody missed")
		require.NotContains(t, s.heard(), "skipped")
	})
}

func TestWhatIsRunByHandWhileItIsOffHasItCatchUpWithNothing(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.All)
		stop := s.lead() // with a table in which it is off
		hand := schedule.Hand{Publish: s.publish, Memory: s.memory, Runs: s}
		require.NoError(t, hand.Run(s.t.Context(), one, one.ByHand(time.Now())))
		pass(10*time.Minute + 20*time.Second)
		stop()
		defer s.lead(one)()
		pass(time.Minute)
		require.Equal(t, "manual/2000-01-01T12:00:00.000Z 12:11:00", s.published())
	})
}
