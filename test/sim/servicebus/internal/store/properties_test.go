package store

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestEveryPropertyOutOfItsRangeIsReported(t *testing.T) {
	t.Parallel()
	n := New()
	defer n.Close()
	err := n.CreateQueue("q", QueueProperties{
		LockDuration: time.Hour, MaxDeliveryCount: -1, MaxMessageBytes: 1 << 30, MaxSizeMegabytes: -1, DefaultTTL: time.Millisecond,
		DuplicateWindow: time.Second, Status: "Asleep", Metadata: strings.Repeat("ä", 1025),
	})
	require.ErrorIs(t, err, ErrProperty)
	for _, what := range []string{"lock duration of 1h", "delivery count of -1", "message size of 1073741824", "size of -1 megabytes", "time to live of 1ms", "window of 1s", `"Asleep"`, "metadata"} {
		require.ErrorContains(t, err, what)
	}
	require.NoError(t, n.CreateQueue("q", QueueProperties{MaxMessageBytes: 100 << 20, MaxSizeMegabytes: 80 << 10, Metadata: strings.Repeat("ä", 1024)}))
}

func TestAFullQueueTakesNoMoreUntilSomethingLeaves(t *testing.T) {
	inQueue(t, QueueProperties{MaxSizeMegabytes: 1, MaxMessageBytes: 1 << 20}, func(t *testing.T, n *Namespace, q *Queue) {
		large := strings.Repeat("x", 300<<10)
		in := attach(q, PeekLock, 1)
		_, err := q.Send(message(large), message(large), message(large))
		require.NoError(t, err)
		_, err = q.Send(message(large))
		require.ErrorIs(t, err, ErrFull)
		_, err = q.Send(message("y"), message(large))
		require.ErrorIs(t, err, ErrFull)
		_, err = q.Send(message("y"))
		require.NoError(t, err)

		require.NoError(t, q.DeadLetter(in.one(t).LockToken, "r", "", nil))
		_, err = q.Send(message(large))
		require.ErrorIs(t, err, ErrFull, "dead letters take their queue's room")
		require.Equal(t, int64(3*300<<10+1), q.Describe().Bytes)
		dlq, _ := n.Queue("q/$DeadLetterQueue")
		require.NoError(t, dlq.Complete(attach(dlq, PeekLock, 1).one(t).LockToken))
		_, err = q.Send(message(large))
		require.NoError(t, err)
	})
}

func TestTheSizeOfAMessageIsThatOfItsEncoding(t *testing.T) {
	inQueue(t, QueueProperties{MaxMessageBytes: 1000}, func(t *testing.T, _ *Namespace, q *Queue) {
		encoded, err := wire.Marshal(&wire.Message{ApplicationProps: map[string]any{"p": strings.Repeat("x", 900)}, Body: make([]byte, 50)})
		require.NoError(t, err)
		m := &wire.Message{Size: len(encoded), Body: make([]byte, 50)}
		_, err = q.Send(m)
		require.NoError(t, err)
		require.Equal(t, int64(len(encoded)), q.Describe().Bytes)
		m.Size = 1001
		_, err = q.Send(m)
		require.ErrorIs(t, err, ErrTooLarge)
	})
}

func TestAStatusClosesTheSideItNames(t *testing.T) {
	for status, want := range map[Status]struct{ send, receive bool }{
		StatusActive: {true, true}, StatusDisabled: {}, StatusSendDisabled: {receive: true}, StatusReceiveDisabled: {send: true},
	} {
		t.Run(string(status), func(t *testing.T) {
			inQueue(t, QueueProperties{}, func(t *testing.T, n *Namespace, q *Queue) {
				_, _ = q.Send(message("a"), message("b"))
				in := attach(q, PeekLock, 1)
				held := in.one(t)
				require.NoError(t, n.UpdateQueue("q", QueueProperties{Status: status}))
				in.SetCredit(1)
				require.Equal(t, want.receive, len(in.take()) == 1)
				_, err := q.Send(message("c"))
				require.Equal(t, want.send, err == nil, "%v", err)
				if !want.send {
					require.ErrorIs(t, err, ErrDisabled)
				}
				_, err = q.ReceiveDeferred(PeekLock, 1)
				if want.receive {
					require.ErrorIs(t, err, ErrMessageNotFound)
				} else {
					require.ErrorIs(t, err, ErrDisabled)
				}
				require.NoError(t, q.Complete(held.LockToken), "what is in hand can be settled")
				require.NotEmpty(t, q.Peek(0, 10))

				require.NoError(t, n.UpdateQueue("q", QueueProperties{}))
				in.SetCredit(10)
				require.NotEmpty(t, append(in.take(), held))
				_, err = q.Send(message("d"))
				require.NoError(t, err)
			})
		})
	}
}

func TestNewSettingsHoldFromNowOn(t *testing.T) {
	inQueue(t, QueueProperties{LockDuration: time.Minute}, func(t *testing.T, n *Namespace, q *Queue) {
		created := time.Now()
		in := attach(q, PeekLock, 1)
		_, _ = q.Send(message("a"), message("b"))
		first := in.one(t)
		pass(time.Second)
		require.NoError(t, n.UpdateQueue("Q", QueueProperties{LockDuration: 5 * time.Second, DefaultTTL: time.Minute, Metadata: "mine"}))
		in.SetCredit(1)
		require.Equal(t, time.Now().Add(5*time.Second), in.one(t).LockedUntil)
		_, err := q.Renew(first.LockToken)
		require.NoError(t, err)
		_, _ = q.Send(message("c"))
		require.Nil(t, q.Peek(1, 1)[0].Header.TTL, "it was there before")
		require.NotNil(t, q.Peek(3, 1)[0].Header.TTL)
		d := q.Describe()
		require.Equal(t, "q", d.Path)
		require.Equal(t, "mine", d.Properties.Metadata)
		require.Equal(t, created, d.Created)
		require.Equal(t, time.Now(), d.Updated)
		require.Equal(t, time.Now(), d.Accessed)
		require.Equal(t, Counts{Active: 3, Locked: 2}, d.Counts)
		dlq, _ := n.Queue("q/$DeadLetterQueue")
		require.Equal(t, 5*time.Second, dlq.Properties().LockDuration)

		require.ErrorIs(t, n.UpdateQueue("q", QueueProperties{DuplicateDetection: true}), ErrProperty)
		require.ErrorIs(t, n.UpdateQueue("q", QueueProperties{LockDuration: time.Hour}), ErrProperty)
		require.ErrorIs(t, n.UpdateQueue("none", QueueProperties{}), ErrNotFound)
		require.ErrorIs(t, n.UpdateQueue("q/$DeadLetterQueue", QueueProperties{}), ErrNotAllowed)
	})
}

func TestADeletedQueueIsGoneForEverybodyWhoHoldsIt(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, n *Namespace, q *Queue) {
		in := attach(q, PeekLock, 1)
		_, _ = q.Send(message("a"), later("b", time.Minute), living("c", time.Minute))
		d := in.one(t)
		require.ErrorIs(t, n.DeleteQueue("q/$DeadLetterQueue"), ErrNotAllowed)
		require.NoError(t, n.DeleteQueue("Q"))
		require.ErrorIs(t, n.DeleteQueue("q"), ErrNotFound)
		_, err := n.Queue("q/$DeadLetterQueue")
		require.ErrorIs(t, err, ErrNotFound)
		_, err = q.Send(message("d"))
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorIs(t, q.Complete(d.LockToken), ErrNotFound)
		require.ErrorIs(t, q.CancelScheduled(2), ErrNotFound)
		_, err = q.ReceiveDeferred(PeekLock, 1)
		require.ErrorIs(t, err, ErrNotFound)
		require.Empty(t, q.Peek(0, 10))
		in.SetCredit(10)
		pass(time.Hour)
		require.Empty(t, in.take())

		require.NoError(t, n.CreateQueue("q", QueueProperties{}))
		fresh, _ := n.Queue("q")
		seqs, _ := fresh.Send(message("a"))
		require.Equal(t, []int64{1}, seqs)
		require.Zero(t, fresh.Describe().Counts.Locked)
	})
}
