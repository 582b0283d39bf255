package trouble

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// watched are the settings of a fleet that is watched over.
var watched = map[string]string{"SIGNALBOX_SAMPLER_INTERVAL": "30s", "SIGNALBOX_HEARTBEAT_INTERVAL": "1m"}

var queues = []string{harness.SourceQueue, harness.OwnQueue, harness.BulkQueue, harness.ReplayQueue}

// leads says whether a process speaks for the fleet.
func leads(p *harness.Process) bool {
	return strings.Contains(p.Metrics(), telemetry.QueueLastSample+"{")
}

// seen is the last heartbeat of a queue that any of the processes saw.
func (f *fleet) seen(queue string) (at float64) {
	for _, p := range f.processes {
		at = max(at, p.Count(telemetry.HeartbeatSeen, "queue", queue))
	}
	return at
}

// requireFresh asserts that a heartbeat of every queue came through within the last minute.
func (f *fleet) requireFresh() {
	f.T.Helper()
	for _, q := range queues {
		require.InDelta(f.T, time.Now().Unix(), f.seen(q), 65, q)
	}
}

func TestOneProcessWatchesOverTheFleetAndAnotherFollowsIt(t *testing.T) {
	bubble(t, harness.Options{Env: watched}, func(f *fleet) {
		<-time.After(5 * time.Minute)
		require.True(f.T, leads(f.processes[0]) != leads(f.processes[1]), "one of the two")
		f.requireFresh()

		leader, other := f.processes[0], f.processes[1]
		if leads(other) {
			leader, other = other, leader
		}
		leader.Stop()
		<-time.After(10 * time.Second)
		require.True(f.T, leads(other), "the other follows soon")
		<-time.After(2 * time.Minute)
		f.requireFresh()

		last := f.join()
		other.Die() // with the lease in hand
		<-time.After(30 * time.Second)
		require.True(f.T, leads(last))
		<-time.After(2 * time.Minute)
		f.requireFresh()
		other.Stop()
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters())
		require.Zero(f.T, f.count(telemetry.Messages), "a heartbeat is nobody's message")
		require.Zero(f.T, f.count(telemetry.QueueSampleFailures))
	})
}

// A look costs two peeks of a queue in use, and none of the work is held up by it.
func TestTheOldestMessagesAreSeenOverTheSDK(t *testing.T) {
	bubble(t, harness.Options{Env: watched}, func(f *fleet) {
		<-time.After(45 * time.Second) // between two looks
		dead := time.Now()
		f.Send(worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte("not an event")})
		<-time.After(time.Minute)
		at := f.count(telemetry.QueueOldest, "queue", harness.SourceQueue, "state", "dead_letter")
		require.InDelta(f.T, dead.Unix(), at, 2)
		require.Zero(f.T, f.count(telemetry.QueueOldest, "queue", harness.SourceQueue, "state", "active"))
		require.InDelta(f.T, time.Now().Unix(), f.count(telemetry.QueueLastSample, "queue", harness.SourceQueue), 31)
	}, func(f *fleet) { require.Equal(f.T, 1, f.DeadLetters()) })
}

func TestWhatWaitsIsCountedByCause(t *testing.T) {
	var b batch
	bubble(t, harness.Options{Env: watched}, func(f *fleet) {
		f.inject(csu.Fault{ID: "search", Kind: csu.Error, Status: 500, Operation: csu.OpSearchByFields})
		b = newcomers(time.Now())
		f.Publish(b.published...)
		<-time.After(5*time.Minute + 10*time.Second) // between two looks
		waiting := f.count(telemetry.Waiting, "scenario", "customers", "cause", "circuit")
		require.Greater(f.T, waiting, float64(customers/2), "most wait for the search to work again; the others are at it")
		require.Equal(f.T, waiting, f.count(telemetry.Waiting))
		f.requireFresh() // heartbeats need no CSU
		f.CSU.Clear("search")
		f.Settle(patience)
		<-time.After(time.Minute)
		require.Zero(f.T, f.count(telemetry.Waiting))
	}, func(f *fleet) { f.requireFinal(b) })
}

// Redis away: nobody leads, heartbeats stop; they come again with it, without a dead letter and without a double.
func TestTheWatchSurvivesWhatTheFleetSurvives(t *testing.T) {
	bubble(t, harness.Options{Env: watched}, func(f *fleet) {
		<-time.After(2 * time.Minute)
		f.DropRedis()
		f.Broker.CloseConnections()
		<-time.After(2 * time.Minute)
		f.requireFresh()
		f.Mini.FlushAll()
		<-time.After(2 * time.Minute)
		f.requireFresh()
		require.Zero(f.T, f.DeadLetters(), f.reasons())
	}, func(f *fleet) {})
}

var oneBeat = regexp.MustCompile(`(?m)^signalbox_heartbeat_seen_timestamp_seconds`)

func TestAFleetThatIsNotToBeWatchedIsNot(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		<-time.After(5 * time.Minute)
		for _, p := range f.processes {
			require.False(f.T, leads(p))
			require.NotRegexp(f.T, oneBeat, p.Metrics(), "no heartbeat is late when none is sent")
		}
		lease, _ := f.Redis.Exists(f.T.Context(), f.Keys().Lease("watch")).Result()
		require.Zero(f.T, lease)
	}, func(f *fleet) {
		require.Empty(f.T, fmt.Sprint(f.lines("this process watches over the fleet now"))[len("[]"):])
	})
}
