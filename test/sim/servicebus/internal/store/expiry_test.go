package store

import (
	"math"
	"testing"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"github.com/stretchr/testify/require"
)

func TestAnExpiredMessageIsGone(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, _ = q.Send(living("a", 5*time.Second), message("b"), living("c", 20*time.Second))
		pass(5*time.Second - time.Millisecond)
		require.Len(t, q.Peek(0, 10), 3)
		in := attach(q, PeekLock, 0)
		pass(time.Millisecond)
		in.SetCredit(10)
		require.Equal(t, []string{"b", "c"}, bodies(in.take()))
		require.Equal(t, Counts{Active: 2, Locked: 2}, q.Counts())
		in.Detach()
		pass(time.Hour)
		require.Len(t, q.Peek(0, 10), 1, "without anybody who receives")
		require.Equal(t, int64(1), q.Describe().Bytes)
	})
}

func TestAnExpiredMessageIsDeadLetteredWhereThatIsWanted(t *testing.T) {
	inQueue(t, QueueProperties{DeadLetterExpired: true}, func(t *testing.T, n *Namespace, q *Queue) {
		start := time.Now()
		_, _ = q.Send(living("a", 5*time.Second))
		pass(10 * time.Second)
		dlq, _ := n.Queue("q/$DeadLetterQueue")
		d := attach(dlq, PeekLock, 1).one(t)
		require.Equal(t, "TTLExpiredException", d.Message.ApplicationProps[propReason])
		require.NotEmpty(t, d.Message.ApplicationProps[propDescription])
		require.Equal(t, "q", d.Message.Annotations[annDeadLetterFrom])
		require.EqualValues(t, 1, seqOf(d.Message))
		require.EqualValues(t, 0, d.Message.Header.DeliveryCount)
		require.EqualValues(t, 5000, *d.Message.Header.TTL, "what held is still told")
		require.Equal(t, start.Add(5*time.Second), d.Message.Properties.AbsoluteExpiryTime)
		require.NoError(t, dlq.Abandon(d.LockToken, nil))
		pass(24 * time.Hour)
		require.Equal(t, Counts{DeadLetter: 1}, q.Counts(), "a dead letter never expires")
	})
}

func TestTheQueuesTimeToLiveIsDefaultAndCeiling(t *testing.T) {
	inQueue(t, QueueProperties{DefaultTTL: 10 * time.Second}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, _ = q.Send(message("default"), living("shorter", 3*time.Second), living("capped", time.Hour), living("none", 0))
		start := time.Now()
		for i, want := range []time.Duration{10 * time.Second, 3 * time.Second, 10 * time.Second, 10 * time.Second} {
			m := q.Peek(int64(i+1), 1)[0]
			require.EqualValues(t, want.Milliseconds(), *m.Header.TTL)
			require.Equal(t, start, m.Properties.CreationTime)
			require.Equal(t, start.Add(want), m.Properties.AbsoluteExpiryTime)
		}
		pass(3 * time.Second)
		require.Equal(t, 3, q.Counts().Active)
		pass(7 * time.Second)
		require.Equal(t, Counts{}, q.Counts())
	})
}

func TestATimeToLiveBeyondWhatTheWireCanSayIsTheLargestItCan(t *testing.T) {
	inQueue(t, QueueProperties{DefaultTTL: 100 * 24 * time.Hour}, func(t *testing.T, _ *Namespace, q *Queue) {
		start := time.Now()
		_, _ = q.Send(message("a"))
		m := q.Peek(0, 1)[0]
		require.EqualValues(t, uint32(math.MaxUint32), *m.Header.TTL)
		require.Equal(t, start.Add(100*24*time.Hour), m.Properties.AbsoluteExpiryTime)
	})
}

func TestALockedMessageExpiresWhenItComesBack(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, q *Queue, d Delivery){
		"abandoned": func(t *testing.T, q *Queue, d Delivery) { require.NoError(t, q.Abandon(d.LockToken, nil)) },
		"released":  func(t *testing.T, q *Queue, d Delivery) { require.NoError(t, q.Release(d.LockToken)) },
		"its lock lost": func(t *testing.T, q *Queue, d Delivery) {
			require.NoError(t, q.LoseLock(d.LockToken))
		},
		"its lock over": func(*testing.T, *Queue, Delivery) { pass(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
				in := attach(q, PeekLock, 10)
				_, _ = q.Send(living("a", 5*time.Second))
				d := in.one(t)
				pass(10 * time.Second)
				require.Equal(t, Counts{Active: 1, Locked: 1}, q.Counts())
				_, err := q.Renew(d.LockToken)
				require.NoError(t, err)
				end(t, q, d)
				require.Empty(t, in.take())
				require.Equal(t, Counts{}, q.Counts())
			})
		})
	}
}

func TestAMessageInHandIsSettledAfterItsTime(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		in := attach(q, PeekLock, 10)
		_, _ = q.Send(living("a", 5*time.Second), living("b", 5*time.Second))
		got := in.take()
		pass(10 * time.Second)
		require.NoError(t, q.Complete(got[0].LockToken))
		require.NoError(t, q.DeadLetter(got[1].LockToken, "r", "", nil))
		require.Equal(t, Counts{DeadLetter: 1}, q.Counts())
	})
}

func TestADeferredMessageExpiresWhenSomebodyAsksForIt(t *testing.T) {
	for deadLetter, want := range map[bool]Counts{false: {}, true: {DeadLetter: 1}} {
		inQueueSub(t, QueueProperties{DeadLetterExpired: deadLetter}, func(t *testing.T, q *Queue) {
			in := attach(q, PeekLock, 10)
			_, _ = q.Send(living("a", 5*time.Second), message("b"))
			for _, d := range in.take() {
				require.NoError(t, q.Defer(d.LockToken, nil))
			}
			pass(time.Hour)
			require.Equal(t, Counts{Active: 2, Deferred: 2}, q.Counts())
			_, err := q.ReceiveDeferred(PeekLock, 2, 1)
			require.ErrorIs(t, err, ErrMessageNotFound)
			want.Active, want.Deferred = 1, 1
			require.Equal(t, want, q.Counts())
		})
	}
}

func TestTheTimeToLiveOfAScheduledMessageBeginsWhenItsTimeComes(t *testing.T) {
	inQueue(t, QueueProperties{DefaultTTL: 10 * time.Second}, func(t *testing.T, _ *Namespace, q *Queue) {
		_, _ = q.Schedule(later("a", time.Minute))
		pass(time.Minute + 9*time.Second)
		m := q.Peek(0, 1)[0]
		require.Equal(t, time.Now().Add(time.Second), m.Properties.AbsoluteExpiryTime)
		pass(time.Second)
		require.Equal(t, Counts{}, q.Counts())
	})
}

func TestAMessageHeldBackByAFaultExpires(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		q.DelayDeliveries(10 * time.Second)
		_, _ = q.Send(living("a", 5*time.Second), message("b"))
		in := attach(q, PeekLock, 10)
		pass(10 * time.Second)
		require.Equal(t, []string{"b"}, bodies(in.take()))
	})
}

func TestTheSendersWordOnExpiryIsReplaced(t *testing.T) {
	inQueue(t, QueueProperties{}, func(t *testing.T, _ *Namespace, q *Queue) {
		m := living("a", time.Hour)
		m.Properties = &wire.Properties{CreationTime: time.Unix(1, 0), AbsoluteExpiryTime: time.Unix(2, 0)}
		_, _ = q.Send(m)
		got := q.Peek(0, 1)[0].Properties
		require.Equal(t, time.Now(), got.CreationTime)
		require.Equal(t, time.Now().Add(time.Hour), got.AbsoluteExpiryTime)
	})
}
