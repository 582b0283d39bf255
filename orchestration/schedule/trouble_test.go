package schedule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

func TestALoopThatIsStuckIsNotAlive(t *testing.T) {
	inBubble(t, func(s *stage) {
		release := make(chan struct{})
		scheduler, err := schedule.New(schedule.Options{Schedules: []schedule.Schedule{every(time.Minute, schedule.Latest)}, Memory: s.memory, Runs: s, Observe: s, Holds: s.holds,
			Publish: func(context.Context, orchestration.Event) error {
				<-release // whatever its context says
				return nil
			}})
		require.NoError(t, err)
		require.True(t, scheduler.Alive(), "who does not lead need not do anything")
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			scheduler.Lead(ctx)
		}()
		pass(2 * time.Minute)
		require.True(t, scheduler.Alive())
		pass(2 * time.Minute)
		require.False(t, scheduler.Alive())
		close(release)
		cancel()
		<-ended
		require.True(t, scheduler.Alive())
	})
}

func TestAWipedRedisBeginsAnewAndPublishesNothingTwice(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.All))()
		pass(80 * time.Second)
		s.redis.FlushAll()
		pass(90 * time.Second)
		require.Equal(t, "12:01:00 12:02:00", s.published())
	})
}

func TestABrokerThatIsAwayDelaysTheNewestTick(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.Skip))()
		pass(50 * time.Second)
		s.change(func() { s.down = errors.New("away") })
		pass(2*time.Minute + 30*time.Second) // 12:03:20
		s.change(func() { s.down = nil })
		pass(time.Minute)
		require.Regexp(t, `^12:03:00\+\S+ 12:04:00$`, s.published(), "its leader was there all the time, so none was missed")
		require.Contains(t, s.heard(), "failed: publish the event of a tick: away")
		require.Contains(t, s.heard(), "skipped 2")
	})
}

func TestATermWhoseLeaseIsOverSendsNothing(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(50 * time.Second)
		s.change(func() { s.unheld = true })
		pass(5 * time.Minute)
		require.Empty(t, s.published())
	})
}

// TestWhoWasFrozenDoesNotTurnTimeBack has two terms at once, as a thawed leader and its successor are for a moment.
func TestWhoWasFrozenDoesNotTurnTimeBack(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.Latest))()
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(80 * time.Second)
		before, err := s.memory.Recall(s.t.Context(), "delta")
		require.NoError(t, err)
		pass(30 * time.Minute)
		s.mu.Lock()
		ids := map[string]int{}
		for _, one := range s.sent {
			ids[one.id]++
			require.LessOrEqual(t, ids[one.id], 2, "once by each, under one id")
		}
		require.Len(t, ids, 31)
		s.mu.Unlock()
		require.Equal(t, 31, strings.Count(s.heard(), "ok after"), "each is counted once")

		now, err := s.memory.Recall(s.t.Context(), "delta")
		require.NoError(t, err)
		before.Tick, before.State = before.Tick.Add(time.Minute), schedule.Open
		ok, err := s.memory.Write(s.t.Context(), "delta", before)
		require.NoError(t, err)
		require.False(t, ok)
		before.Version = now.Version // as after a wipe
		ok, err = s.memory.Write(s.t.Context(), "delta", before)
		require.NoError(t, err)
		require.False(t, ok, "older, though of the same version")
		after, err := s.memory.Recall(s.t.Context(), "delta")
		require.NoError(t, err)
		require.Equal(t, now, after)
	})
}

func TestAFailingMemoryStopsNothingForGood(t *testing.T) {
	inBubble(t, func(s *stage) {
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(50 * time.Second)
		s.redis.SetError("LOADING Redis is loading the dataset in memory")
		pass(110 * time.Second)
		s.redis.SetError("")
		pass(time.Minute)
		require.Regexp(t, `^12:02:00\+\S+ 12:03:00$`, s.published())
		require.Contains(t, s.heard(), "failed: recall what was done")
	})
}

// TestWhatWasSentIsNotSentAgainWhenItCouldNotBeWrittenDown: the broker has it; only the record of it is late.
func TestWhatWasSentIsNotSentAgainWhenItCouldNotBeWrittenDown(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.Latest)
		scheduler, err := schedule.New(schedule.Options{Schedules: []schedule.Schedule{one}, Memory: s.memory, Runs: s, Observe: s, Holds: s.holds,
			Publish: func(ctx context.Context, ev orchestration.Event) error {
				defer s.redis.SetError("LOADING Redis is loading the dataset in memory")
				return s.publish(ctx, ev)
			}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			scheduler.Lead(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		pass(80 * time.Second)
		s.redis.SetError("")
		pass(30 * time.Second)
		require.Equal(t, "12:01:00", s.published())
		r, err := s.memory.Recall(s.t.Context(), "delta")
		require.NoError(t, err)
		require.Equal(t, "12:01:00", r.Tick.Format("15:04:05"))
	})
}

// TestATermThatEndsAfterASendLeavesNoRepeat: whoever leads next need not send it again.
func TestATermThatEndsAfterASendLeavesNoRepeat(t *testing.T) {
	inBubble(t, func(s *stage) {
		ctx, cancel := context.WithCancel(context.Background())
		scheduler, err := schedule.New(schedule.Options{Schedules: []schedule.Schedule{every(time.Minute, schedule.Latest)}, Memory: s.memory, Runs: s, Observe: s, Holds: s.holds,
			Publish: func(_ context.Context, ev orchestration.Event) error {
				defer cancel()
				return s.publish(ctx, ev)
			}})
		require.NoError(t, err)
		scheduler.Lead(ctx)
		r, err := s.memory.Recall(s.t.Context(), "delta")
		require.NoError(t, err)
		require.Equal(t, "12:01:00", r.Tick.Format("15:04:05"))
		defer s.lead(every(time.Minute, schedule.Latest))()
		pass(30 * time.Second)
		require.Equal(t, "12:01:00", s.published())
	})
}

// slow is a memory whose writes take a moment, as those of a Redis far away do.
type slow struct {
	schedule.Memory
	by time.Duration
}

func (m slow) Write(ctx context.Context, name string, r schedule.Record) (bool, error) {
	<-time.After(m.by)
	return m.Memory.Write(ctx, name, r)
}

// TestATickThatFallsDueDuringARoundIsNotLate: the round has not seen it, so the next one comes at once.
func TestATickThatFallsDueDuringARoundIsNotLate(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.takes = func(string) time.Duration { return time.Second }
		defer s.leadWith(slow{s.memory, 2 * time.Second}, every(4*time.Second, schedule.Latest))()
		pass(21 * time.Second)
		require.Regexp(s.t, `^12:00:04 12:00:08\+1s 12:00:12\+2s 12:00:16`, s.published())
	})
}

// TestWhatWasMissedStaysSkippedThoughThatCouldNotBeWrittenDownAtOnce: a hiccup of Redis at the first look of a term is no reason to publish it.
func TestWhatWasMissedStaysSkippedThoughThatCouldNotBeWrittenDownAtOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		one := every(time.Minute, schedule.Skip)
		stop := s.lead(one)
		pass(80 * time.Second)
		stop()
		pass(5 * time.Minute) // 12:06:20
		defer s.leadWith(&forgetful{Memory: s.memory}, one)()
		pass(time.Minute)
		require.Equal(s.t, "12:01:00 12:07:00", s.published())
		require.Equal(s.t, "ok after 2s, failed: write down what was done: away, skipped 5, ok after 2s", s.heard())
	})
}

// forgetful is a memory whose first write fails.
type forgetful struct {
	schedule.Memory
	failed bool
}

func (m *forgetful) Write(ctx context.Context, name string, r schedule.Record) (bool, error) {
	if !m.failed {
		m.failed = true
		return false, errors.New("away")
	}
	return m.Memory.Write(ctx, name, r)
}
