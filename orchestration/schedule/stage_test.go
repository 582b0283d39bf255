package schedule_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a broker and an engine that take events, and a Redis in memory, in virtual time.
type stage struct {
	t      *testing.T
	redis  *miniredis.Miniredis
	client *redis.Client
	memory *redisschedule.Memory
	began  time.Time

	mu      sync.Mutex
	sent    []sent
	takes   func(id string) time.Duration // how long the run of an event takes; negative: it has none
	refuses map[string]bool               // ids whose runs end as dead letters
	leaves  time.Duration                 // how long after its event is sent a run is left by whoever works on it; 0: it is not
	down    error                         // of the broker
	told    []string                      // by the observer
	known   schedule.Record
	unheld  bool // the lease is not ours, and the term does not know it yet
}

type sent struct {
	id string
	at time.Time
}

// inBubble runs a story that begins at noon, so that the ticks can be read.
func inBubble(t *testing.T, story func(s *stage)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)))
		s := &stage{t: t, redis: miniredis.NewMiniRedis(), refuses: map[string]bool{}, began: time.Now(), takes: func(string) time.Duration { return 2 * time.Second }}
		defer s.redis.Close()
		s.client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
			MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PoolSize: 50,
			Dialer: func(context.Context, string, string) (net.Conn, error) { return s.redis.Dial() }})
		defer s.client.Close()
		s.memory = redisschedule.New(s.client, rediskey.New("default", keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))))
		story(s)
	})
}

func (s *stage) publish(_ context.Context, ev orchestration.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.sent = append(s.sent, sent{ev.ID, time.Now()})
	return nil
}

// Find implements schedule.Runs.
func (s *stage) Find(_ context.Context, _, id string) (schedule.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.sent, func(one sent) bool { return one.id == id })
	if i < 0 || s.takes(id) < 0 {
		return schedule.Run{}, nil
	}
	ends := s.sent[i].at.Add(s.takes(id))
	if ends.After(time.Now()) {
		run := schedule.Run{Known: true, Active: time.Now().Add(time.Minute)} // until its lease ends
		if s.leaves > 0 {
			run.Active = s.sent[i].at.Add(s.leaves)
		}
		return run, nil
	}
	return schedule.Run{Known: true, Over: true, Failed: s.refuses[id], Ended: ends}, nil
}

func (s *stage) tell(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// The stage is the Observer, too.
func (s *stage) Known(_ string, r schedule.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = r
}
func (s *stage) Published(string, time.Duration) {}
func (s *stage) Skipped(_ string, n int)         { s.tell("skipped %d", n) }
func (s *stage) Ended(_ string, r schedule.Record, took time.Duration) {
	s.tell("%s after %s", r.State, took)
}
func (s *stage) Round(_ string, err error) {
	if err != nil {
		s.tell("failed: %s", err)
	}
}

func (s *stage) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.unheld
}

// change changes what the stage does.
func (s *stage) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
}

// lead begins a term of a process; stop ends it.
func (s *stage) lead(all ...schedule.Schedule) (stop func()) { return s.leadWith(s.memory, all...) }

// leadWith is lead with a memory that misbehaves.
func (s *stage) leadWith(memory schedule.Memory, all ...schedule.Schedule) (stop func()) {
	scheduler, err := schedule.New(schedule.Options{Schedules: all, Publish: s.publish, Memory: memory, Runs: s, Observe: s, Holds: s.holds})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		scheduler.Lead(ctx)
	}()
	synctest.Wait()
	require.True(s.t, scheduler.Alive())
	return func() {
		cancel()
		<-ended
	}
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// published lists the ticks whose events were sent, as times of day, and by how many seconds each was late.
func (s *stage) published() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, one := range s.sent {
		_, text, _ := strings.Cut(one.id, "@")
		tick, err := time.Parse(time.RFC3339, text)
		if err != nil {
			all = append(all, text)
			continue
		}
		line := tick.Format("15:04:05")
		if late := one.at.Sub(tick); late >= time.Second {
			line += "+" + late.Round(time.Second).String()
		}
		all = append(all, line)
	}
	return strings.Join(all, " ")
}

func (s *stage) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.told, ", ")
}

func every(d time.Duration, missed schedule.Missed) schedule.Schedule {
	return schedule.Schedule{Name: "delta", Type: "contoso.changes.asked.v1", Channel: "web", Ticks: schedule.Every(d), Missed: missed}
}
