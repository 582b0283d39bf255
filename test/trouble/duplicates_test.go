package trouble

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
)

// The broker drops what has a message id that it saw within a week. Whatever is sent has one of its own: copies of a message, a
// follow-up whose event id is always the same, a replay of a replay.
func TestABrokerThatDetectsDuplicatesEatsNothingOfOurs(t *testing.T) {
	var moved, late, odd harness.Customer
	o := withSink(t)
	o.Duplicates = true
	var said *told
	empty(t, o, func(f *fleet) {
		said = f.joinTelling()
		f.CSU.SetHeadquarters(false)
		f.Publish(jane("e1", time.Now(), "Redmond"))
		f.provisional(1)
		moved = jane("e2", time.Now(), "Houston")
		f.Publish(moved)            // waits for headquarters, copy by copy
		<-time.After(6 * time.Hour) // and so does the promotion
		require.Greater(f.T, f.count(telemetry.RescheduledMessages, "reason", "dependency"), float64(10))
		f.CSU.SetHeadquarters(true)
		f.Settle(patience)

		f.inject(csu.Fault{Kind: csu.Error, Status: 429, RetryAfter: csu.RetryAfterSeconds, Wait: 5 * time.Minute, For: 20 * time.Minute})
		late = jane("e3", time.Now(), "Redmond")
		f.Publish(late) // is put off again and again
		f.Settle(patience)

		f.inject(csu.Fault{Kind: csu.Error, Status: 400, Operation: csu.OpCreateCustomer, For: 3 * time.Hour})
		odd = jane("e4", time.Now(), "Houston")
		odd.ID, odd.Email = "C-2", "odd@example.com"
		f.Publish(odd)
		<-time.After(time.Hour)
		require.Equal(f.T, 1, f.DeadLetters(), "%v", f.lines("message settled"))
		f.replay() // is refused once more
		<-time.After(time.Hour)
		require.Equal(f.T, 1, f.DeadLetters(), "%v", f.reasons())
		<-time.After(2 * time.Hour)
		f.replay()
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.RequireState(late)
		f.RequireState(odd)
		require.True(f.T, f.Empty())
		require.GreaterOrEqual(f.T, len(said.said), 4, "the sink was told of everything")
	})
}

// replay sends every dead letter once more, and takes it out.
func (f *fleet) replay() {
	f.T.Helper()
	ledger := redisledger.New(f.Redis, f.Keys())
	desk := &deadletter.Desk{Outbox: f.Bus(), Lane: harness.ReplayQueue, Ledger: ledger, Jobs: ledger, Runs: redisstore.NewTracer(f.Redis, f.Keys()), Hasher: f.Hasher()}
	for _, queue := range []string{harness.SourceQueue, harness.OwnQueue, harness.BulkQueue, harness.ReplayQueue} {
		desk.Shelves = append(desk.Shelves, deadletter.Shelf{Queue: queue, Peek: f.Bus().Queue(queue).DeadLetters()})
	}
	done, err := desk.Run(f.T.Context(), desk.NewJob(deadletter.Replayed, deadletter.Selection{Limit: 10}))
	require.NoError(f.T, err)
	f.T.Logf("%+v", done)
	sweeper := deadletter.Sweeper{Ledger: ledger, Hasher: f.Hasher()}
	for _, queue := range []string{harness.SourceQueue, harness.OwnQueue, harness.BulkQueue, harness.ReplayQueue} {
		shelf := f.Bus().Queue(queue).DeadLetters()
		_, err := sweeper.Sweep(f.T.Context(), queue, shelf)
		require.NoError(f.T, err)
		shelf.Close(f.T.Context())
	}
}
