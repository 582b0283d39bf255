// Package timers runs schedules for real: processes that may publish their events, which are frozen, killed and restarted, a real
// redis-server, the local broker, and a worker that applies the events to the simulated CSU.
package timers

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/schedule"
	"github.com/signalbox/signalbox/test/harness"
)

func TestMain(m *testing.M) {
	if boundary.IsChild() { // one that only publishes on time
		if err := boundary.Main(app.Parts{Roles: []string{app.RoleScheduler}}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	lease    = 3 * time.Second
	patience = 60 * time.Second
	often    = 20 * time.Millisecond
)

// stage is a world with one worker in this process. Schedulers are processes of their own.
type stage struct {
	*harness.World
	worker *harness.Process
	memory *redisschedule.Memory
	tracer *redisstore.Tracer
}

// table is the schedule table: each row a customer of its own, so that their runs do not wait for each other.
func table(t *testing.T, every time.Duration, policies ...schedule.Missed) string {
	var rows []map[string]any
	for i, policy := range policies {
		rows = append(rows, map[string]any{"name": string(policy), "type": "signalbox.customer.changed.v1", "channel": "main", "every": every.String(), "missed": policy,
			"data": map[string]any{"id": fmt.Sprint(1001 + i), "email": fmt.Sprintf("customer.%d@example.com", i), "firstName": "Ana", "lastName": "Contoso"}})
	}
	text, err := json.Marshal(rows)
	require.NoError(t, err)
	return string(text)
}

func begin(t *testing.T, every time.Duration, policies ...schedule.Missed) *stage {
	s := &stage{World: harness.NewReal(t, harness.Options{Lease: lease, MaxExecution: time.Second, SearchLag: time.Second, Env: map[string]string{"SIGNALBOX_SCHEDULES": table(t, every, policies...)}})}
	s.memory, s.tracer = redisschedule.New(s.Redis, s.Keys()), redisstore.NewTracer(s.Redis, s.Keys())
	s.worker = s.StartWith(nil, func(p *app.Parts) { p.Roles = []string{app.RoleWorker} })
	t.Cleanup(s.worker.Stop)
	return s
}

func (s *stage) record(name schedule.Missed) schedule.Record {
	r, err := s.memory.Recall(s.T.Context(), string(name))
	require.NoError(s.T, err)
	return r
}

// until waits until the schedule's last tick is that or a later one.
func (s *stage) until(name schedule.Missed, tick time.Time) schedule.Record {
	s.T.Helper()
	require.Eventually(s.T, func() bool { return !s.record(name).Tick.Before(tick) }, patience, often)
	return s.record(name)
}

// leads says whether a child holds the lease: its name is in the log line that says so.
func leads(c *harness.Child) bool {
	log := c.Log()
	return strings.LastIndex(log, "this process publishes the events") > strings.LastIndex(log, "this process does not publish")
}

// ran lists the ticks between two that have a finished run.
func (s *stage) ran(name schedule.Missed, every time.Duration, from, to time.Time) (ticks []time.Time) {
	for tick := from; !tick.After(to); tick = tick.Add(every) {
		one := schedule.Schedule{Name: string(name)}
		done, err := s.tracer.Finished(s.T.Context(), one.Source(), one.Event(tick).ID)
		require.NoError(s.T, err)
		if done {
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// settled counts how messages of customers ended, by the worker's log, and how often each event was done. One that comes late, out of the hand
// of a leader that was frozen, finds a newer state: it is done, too.
func (s *stage) settled() (outcomes map[string]int, done map[string]int) {
	outcomes, done = map[string]int{}, map[string]int{}
	for _, line := range s.worker.Lines("message settled") {
		outcomes[fmt.Sprint(line["outcome"])]++
		if line["outcome"] == "completed" || line["outcome"] == "superseded" {
			done[fmt.Sprint(line["event_id"])]++
		}
	}
	return outcomes, done
}

func logOf(t *testing.T, c *harness.Child) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of a child:\n%s", c.Log())
		}
	})
}

// TestALeaderThatIsFrozenAndThawedPublishesNoTickTwice freezes it at the most dangerous point: it has asked for its lease, and is about to
// send.
func TestALeaderThatIsFrozenAndThawedPublishesNoTickTwice(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"anywhere": "", "before it sends": "before send #3", "before it writes that down": "after send #3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const every = 2 * time.Second
			s := begin(t, every, schedule.Latest)
			act := "run"
			if at != "" {
				act = "stop"
			}
			first := s.Spawn(act, at)
			logOf(t, first)
			require.Eventually(t, func() bool { return leads(first) }, patience, often)
			second := s.Spawn("run", "")
			logOf(t, second)
			since := s.until(schedule.Latest, time.Unix(1, 0)).Tick
			if at == "" {
				s.until(schedule.Latest, since.Add(2*every))
				first.Signal(syscall.SIGSTOP)
			} else {
				require.Eventually(t, first.Passed, patience, often)
			}
			require.Eventually(t, func() bool { return leads(second) }, patience, often)
			after := s.until(schedule.Latest, s.record(schedule.Latest).Tick.Add(3*every)).Tick
			first.Signal(syscall.SIGCONT)
			require.Eventually(t, func() bool { return strings.Contains(first.Log(), "this process does not publish") }, patience, often, "it sees that its lease is over")
			last := s.until(schedule.Latest, after.Add(3*every))
			require.Eventually(t, func() bool { return s.record(schedule.Latest).Success.After(last.Sent) }, patience, often)
			second.Stop()
			first.Stop()
			require.Eventually(t, s.Empty, patience, often)

			ran := s.ran(schedule.Latest, every, since, s.record(schedule.Latest).Tick)
			outcomes, done := s.settled()
			require.Eventually(t, func() bool { // the last line comes a moment after its message is settled
				outcomes, done = s.settled()
				return len(done) >= len(ran)
			}, patience, often, "a run for each tick that was published")
			for id, n := range done {
				require.Equal(t, 1, n, "the run of %s", id)
			}
			require.Len(t, done, len(ran), "and for nothing else")
			require.Zero(t, s.DeadLetters())
			require.Len(t, s.CSU.Customers(), 1)
			require.NotContains(t, outcomes, "dead_lettered")
			require.LessOrEqual(t, outcomes["duplicate"], 1, "only what it had in its hand may come again, under the same id")
			t.Logf("%d ticks ran once each; messages by outcome: %v", len(ran), outcomes)
		})
	}
}

func TestWhenALeaderIsKilledTheNextTickIsOnTime(t *testing.T) {
	t.Parallel()
	s := begin(t, time.Second, schedule.Latest)
	first := s.Spawn("run", "")
	logOf(t, first)
	require.Eventually(t, func() bool { return leads(first) }, patience, often)
	second := s.Spawn("run", "")
	logOf(t, second)
	s.until(schedule.Latest, time.Unix(1, 0))
	first.Signal(syscall.SIGKILL)
	killed := time.Now()
	<-first.Ended()
	require.Eventually(t, func() bool { return s.record(schedule.Latest).Sent.After(killed) }, patience, often)
	r := s.record(schedule.Latest)
	t.Logf("the leader was killed; with a lease of %s the next tick, of %s after, was published %s after", lease, r.Tick.Sub(killed).Round(time.Millisecond), r.Sent.Sub(killed).Round(time.Millisecond))
	require.Less(t, r.Sent.Sub(killed), lease*3/2)
	second.Stop()
}

func TestWhatIsMissedDuringARestart(t *testing.T) {
	t.Parallel()
	const every = 2 * time.Second
	s := begin(t, every, schedule.Latest, schedule.Skip, schedule.All)
	first := s.Spawn("run", "")
	logOf(t, first)
	for _, name := range schedule.Policies() {
		s.until(schedule.Missed(name), time.Unix(1, 0))
	}
	first.Stop()
	before := map[schedule.Missed]time.Time{}
	for _, name := range schedule.Policies() {
		before[schedule.Missed(name)] = s.record(schedule.Missed(name)).At()
	}
	<-time.After(5*every + every/2)
	began := time.Now()
	second := s.Spawn("run", "")
	logOf(t, second)
	end := schedule.Every(every).Next(began).Add(2 * every)
	for _, name := range schedule.Policies() {
		s.until(schedule.Missed(name), end)
		require.Eventually(t, func() bool { return s.record(schedule.Missed(name)).State == schedule.OK }, patience, often)
	}
	second.Stop()
	require.Eventually(t, s.Empty, patience, often)
	missed := func(name schedule.Missed) int {
		return len(s.ran(name, every, schedule.Every(every).Next(before[name]), began))
	}
	require.Equal(t, 1, missed(schedule.Latest), "the newest")
	require.Zero(t, missed(schedule.Skip))
	require.GreaterOrEqual(t, missed(schedule.All), 5, "each")
	require.Zero(t, s.DeadLetters())
}

// TestWhatNoProcessHasAnyMoreIsForgotten has a fleet whose rows were all taken out.
func TestWhatNoProcessHasAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{})
		memory := redisschedule.New(w.Redis, w.Keys())
		_, err := memory.Write(t.Context(), "delta", schedule.Record{Since: time.Now(), Ticks: "every 1m0s"})
		require.NoError(t, err)
		p := w.Start(nil)
		defer p.Stop()
		remembered := func() int {
			all, err := memory.All(t.Context())
			require.NoError(t, err)
			return len(all)
		}
		<-time.After(50 * time.Minute)
		require.Equal(t, 1, remembered(), "whoever has it may be deployed anew")
		<-time.After(15 * time.Minute)
		require.Zero(t, remembered())
		require.Len(t, p.Lines("schedules are forgotten that no process has any more: should they come back, they begin with their next tick"), 1)
	})
}
