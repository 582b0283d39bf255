package store

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestADeferredMessageIsFoundByItsNumberOnly(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"), message("b"))
		got := in.take()
		require.NoError(t, q.Defer(got[0].LockToken, map[string]any{"why": "early"}))
		require.ErrorIs(t, q.Defer(got[0].LockToken, nil), ErrLockLost)
		require.NoError(t, q.Release(got[1].LockToken))
		require.Equal(t, []string{"b"}, bodies(in.take()))
		require.Equal(t, Counts{Active: 2, Locked: 1, Deferred: 1}, q.Counts())
		require.Equal(t, int32(Deferred), q.Peek(1, 1)[0].Annotations[annState])
		require.Equal(t, int32(Active), q.Peek(2, 1)[0].Annotations[annState])

		start := time.Now()
		ds, err := q.ReceiveDeferred(PeekLock, 1)
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, bodies(ds))
		require.EqualValues(t, 1, seqOf(ds[0].Message))
		require.EqualValues(t, 0, ds[0].Message.Header.DeliveryCount)
		require.Equal(t, "early", ds[0].Message.ApplicationProps["why"])
		require.Equal(t, int32(Deferred), ds[0].Message.Annotations[annState])
		require.Equal(t, start.Add(time.Minute), ds[0].LockedUntil)
		require.Equal(t, start.Add(time.Minute), ds[0].Message.Annotations[annLockedUntil])
		require.Equal(t, Counts{Active: 2, Locked: 2}, q.Counts())
		require.NoError(t, q.Complete(ds[0].LockToken))
		require.Equal(t, Counts{Active: 1, Locked: 1}, q.Counts())
		require.Empty(t, in.take())
	})
}

func TestDeferredMessagesAreReceivedAllOrNoneAndInTheOrderAskedFor(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 3)
		_, _ = q.Send(message("a"), message("b"), message("c"), message("d"), later("e", time.Hour))
		for _, d := range in.take() {
			require.NoError(t, q.Defer(d.LockToken, nil))
		}
		for name, seqs := range map[string][]int64{"active": {1, 4}, "scheduled": {1, 5}, "nobody's": {1, 99}, "negative": {-1}} {
			_, err := q.ReceiveDeferred(PeekLock, seqs...)
			require.ErrorIs(t, err, ErrMessageNotFound, name)
		}
		require.Equal(t, 3, q.Counts().Deferred)
		ds, err := q.ReceiveDeferred(PeekLock, 3, 1, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"c", "a"}, bodies(ds))
		_, err = q.ReceiveDeferred(PeekLock, 1, 2)
		require.ErrorIs(t, err, ErrMessageNotFound, "1 is locked")
		ds, err = q.ReceiveDeferred(PeekLock)
		require.NoError(t, err)
		require.Empty(t, ds)
	})
}

func TestADeferredMessageIsDeferredAgainUnlessItIsSettled(t *testing.T) {
	inQueue(t, QueueProperties{MaxDeliveryCount: 3}, func(t *testing.T, n *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"))
		require.NoError(t, q.Defer(in.one(t).LockToken, nil))
		again := func() Delivery {
			t.Helper()
			ds, err := q.ReceiveDeferred(PeekLock, 1)
			require.NoError(t, err)
			require.Len(t, ds, 1)
			return ds[0]
		}
		require.NoError(t, q.Release(again().LockToken))
		require.NoError(t, q.Defer(again().LockToken, map[string]any{"n": int64(2)}))
		require.NoError(t, q.Abandon(again().LockToken, nil))
		d := again()
		require.EqualValues(t, 1, d.Message.Header.DeliveryCount)
		require.Equal(t, int64(2), d.Message.ApplicationProps["n"])
		time.Sleep(time.Minute)
		require.ErrorIs(t, q.Complete(d.LockToken), ErrLockLost)
		require.Empty(t, in.take(), "no consumer was given it")
		require.Equal(t, Counts{Active: 1, Deferred: 1}, q.Counts())
		d = again()
		require.EqualValues(t, 2, d.Message.Header.DeliveryCount)
		require.NoError(t, q.Abandon(d.LockToken, nil))

		dlq, _ := n.Queue("q/$DeadLetterQueue")
		dead := attach(dlq, PeekLock, 1).one(t)
		require.Equal(t, reasonMaxDelivery, dead.Message.ApplicationProps[propReason])
		require.Equal(t, int32(Active), dead.Message.Annotations[annState])
		require.Equal(t, Counts{DeadLetter: 1}, q.Counts())
	})
}

func TestADeadLetterCanBeDeferredAndIsStillNotCounted(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, n *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"))
		require.NoError(t, q.DeadLetter(in.one(t).LockToken, "r", "", nil))
		dlq, _ := n.Queue("q/$DeadLetterQueue")
		din := attach(dlq, PeekLock, 10)
		require.NoError(t, dlq.Defer(din.one(t).LockToken, nil))
		for range 3 {
			ds, err := dlq.ReceiveDeferred(PeekLock, 1)
			require.NoError(t, err)
			require.EqualValues(t, 0, ds[0].Message.Header.DeliveryCount)
			require.Equal(t, "r", ds[0].Message.ApplicationProps[propReason])
			require.NoError(t, dlq.Abandon(ds[0].LockToken, nil))
		}
		require.Equal(t, Counts{Active: 1, Deferred: 1}, dlq.Counts())
		require.Equal(t, Counts{DeadLetter: 1}, q.Counts())
	})
}

func TestADeferredMessageIsReceivedAndDeleted(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(message("a"))
		require.NoError(t, q.Defer(in.one(t).LockToken, nil))
		ds, err := q.ReceiveDeferred(ReceiveAndDelete, 1)
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, bodies(ds))
		require.NotContains(t, ds[0].Message.Annotations, annLockedUntil)
		require.ErrorIs(t, q.Complete(ds[0].LockToken), ErrLockLost)
		require.ErrorIs(t, q.Defer(uuid.New(), nil), ErrLockLost)
		require.Equal(t, Counts{}, q.Counts())
	})
}
