package trouble

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
)

// An operator's command may end before it has swept. The fleet does it then, one process of it, whoever lives.
func TestTheFleetTakesOutWhatAnOperatorsCommandLeft(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		for range 3 {
			f.Send(worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte("not an event")})
		}
		<-time.After(time.Minute)
		require.Equal(f.T, 3, f.DeadLetters())

		ledger := redisledger.New(f.Redis, f.Keys())
		desk := &deadletter.Desk{Outbox: f.Bus(), Lane: harness.ReplayQueue, Ledger: ledger, Jobs: ledger, Runs: redisstore.NewTracer(f.Redis, f.Keys()),
			Hasher: f.Hasher(), Shelves: []deadletter.Shelf{{Queue: harness.SourceQueue, Peek: f.Bus().Queue(harness.SourceQueue).DeadLetters()}}}
		_, err := desk.Run(f.T.Context(), desk.NewJob(deadletter.Discarded, deadletter.Selection{Limit: 2}))
		require.NoError(f.T, err)
		require.Equal(f.T, 3, f.DeadLetters(), "noted, not yet taken")
		f.processes[0].Stop()
		<-time.After(11 * time.Minute)
		require.Equal(f.T, 1, f.DeadLetters())
		require.NotEmpty(f.T, f.processes[1].Lines("replayed and discarded dead letters are taken out"))
	}, func(f *fleet) { require.Equal(f.T, 1, f.DeadLetters()) })
}
