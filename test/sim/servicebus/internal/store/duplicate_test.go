package store

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"github.com/stretchr/testify/require"
)

func identified(id any) *wire.Message {
	return &wire.Message{Properties: &wire.Properties{MessageID: id}, Body: []byte("x")}
}

func TestADuplicateIsAcceptedAndDropped(t *testing.T) {
	inQueue(t, QueueProperties{DuplicateDetection: true, DuplicateWindow: time.Minute}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		seqs, err := q.Send(identified("a"), identified("b"), identified("a"))
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 1}, seqs, "also within one batch")
		for _, d := range in.take() {
			require.NoError(t, q.Complete(d.LockToken))
		}
		time.Sleep(time.Minute - time.Millisecond)
		seqs, _ = q.Send(identified("a"))
		require.Equal(t, []int64{1}, seqs, "also when it has been consumed")
		require.Empty(t, in.take())

		time.Sleep(time.Millisecond)
		seqs, _ = q.Send(identified("a"))
		require.Equal(t, []int64{3}, seqs, "a duplicate does not make the window longer")
		require.Len(t, in.take(), 1)
	})
}

func TestIDsOfAnyTypeAreDetected(t *testing.T) {
	inQueue(t, QueueProperties{DuplicateDetection: true}, func(t *testing.T, _ *Namespace, q *Queue) {
		id := uuid.New()
		for range 2 {
			_, _ = q.Send(identified("1"), identified(uint64(1)), identified([]byte("1")), identified(id), identified(nil))
		}
		require.Equal(t, 6, q.Counts().Active, "those without an id are no duplicates of each other")
	})
}

func TestAScheduledMessageIsADuplicateToo(t *testing.T) {
	inQueue(t, QueueProperties{DuplicateDetection: true, DuplicateWindow: time.Minute}, func(t *testing.T, _ *Namespace, q *Queue) {
		m := later("a", time.Hour)
		m.Properties = &wire.Properties{MessageID: "a"}
		seqs, _ := q.Schedule(m)
		again, _ := q.Schedule(m)
		require.Equal(t, seqs, again, "so that a repeated call can cancel what the first one scheduled")
		_, _ = q.Send(identified("a"))
		require.Equal(t, Counts{Scheduled: 1}, q.Counts())
		pass(time.Hour)
		require.Len(t, q.Peek(0, 10), 1)
		require.Equal(t, Counts{Active: 1}, q.Counts(), "it is not its own duplicate when its time comes")
	})
}

func TestWithoutDetectionDuplicatesAreStored(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, _ = q.Send(identified("a"), identified("a"))
		require.Equal(t, 2, q.Counts().Active)
	})
}

func TestWhatIsSentTwiceIsDetected(t *testing.T) {
	inQueue(t, QueueProperties{DuplicateDetection: true}, func(t *testing.T, _ *Namespace, q *Queue) {
		q.DeliverTwice(1)
		_, _ = q.Send(identified("a"))
		require.Equal(t, 1, q.Counts().Active)
	})
}

func TestTheHistoryForgetsWhatIsOlderThanTheWindow(t *testing.T) {
	inQueue(t, QueueProperties{DuplicateDetection: true, DuplicateWindow: 10 * time.Second}, func(t *testing.T, _ *Namespace, q *Queue) {
		for i := range 1000 {
			_, _ = q.Send(identified(strconv.Itoa(i)))
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, len(q.history.seen), 101)
		require.LessOrEqual(t, len(q.history.order), 101)
	})
}
