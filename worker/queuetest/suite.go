package queuetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/worker"
	"github.com/stretchr/testify/require"
)

// Harness is one empty queue and what is needed to look at it.
type Harness struct {
	Queue            worker.Queue
	Outbox           worker.Outbox
	LockDuration     time.Duration
	MaxDeliveryCount int
	DeadLetters      Shelf
	Close            func() // ends everything the harness started; may be nil
}

// Run holds a Queue and an Outbox against what the worker relies on, each behaviour in a bubble of virtual time.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, check := range behaviours {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t)
				if h.Close != nil {
					defer h.Close()
				}
				check(t, h)
			})
		})
	}
}

var behaviours = map[string]func(*testing.T, Harness){
	"a message arrives as it was sent": func(t *testing.T, h Harness) {
		sent := h.send(t, time.Time{})
		m := h.one(t)
		require.Equal(t, h.Queue.Name(), m.Queue)
		require.Equal(t, sent.ID, m.ID)
		require.Equal(t, sent.Body, m.Body)
		require.Equal(t, sent.ContentType, m.ContentType)
		require.Equal(t, sent.Subject, m.Subject)
		require.Equal(t, sent.CorrelationID, m.CorrelationID)
		require.Equal(t, sent.Properties, m.Properties)
		require.Equal(t, 1, m.DeliveryCount)
		require.Positive(t, m.Sequence)
		require.WithinDuration(t, time.Now(), m.Enqueued, time.Minute)
		require.WithinDuration(t, time.Now().Add(h.LockDuration), m.LockedUntil, time.Second)
		require.Zero(t, m.ExpiresAt, "a message without a time to live never expires")
	},
	"no more messages than asked for": func(t *testing.T, h Harness) {
		for range 5 {
			h.send(t, time.Time{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got, err := h.Queue.Receive(ctx, 3)
		require.NoError(t, err)
		require.NotEmpty(t, got)
		require.LessOrEqual(t, len(got), 3)
	},
	"an empty queue is waited on, then none and no error": func(t *testing.T, h Harness) {
		start := time.Now()
		require.Empty(t, h.receive(t, 20*time.Second))
		require.GreaterOrEqual(t, time.Since(start), 20*time.Second)
	},
	"a completed message is gone": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		require.NoError(t, h.Queue.Complete(t.Context(), h.one(t)))
		require.Empty(t, h.receive(t, 2*h.LockDuration))
	},
	"an abandoned message comes back at once and counts a delivery": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		require.NoError(t, h.Queue.Abandon(t.Context(), h.one(t)))
		start := time.Now()
		require.Equal(t, 2, h.one(t).DeliveryCount)
		require.Less(t, time.Since(start), h.LockDuration/2)
	},
	"a lock that runs out gives the message to somebody else, and the old one settles nothing": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		old := h.one(t)
		pass(h.LockDuration + time.Second)
		m := h.one(t)
		require.Equal(t, 2, m.DeliveryCount)
		require.ErrorIs(t, h.Queue.Complete(t.Context(), old), worker.ErrLockLost)
		_, err := h.Queue.RenewLock(t.Context(), old)
		require.ErrorIs(t, err, worker.ErrLockLost)
		require.NoError(t, h.Queue.Complete(t.Context(), m))
	},
	"a renewed lock is kept": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		m := h.one(t)
		for range 4 {
			pass(h.LockDuration / 2)
			until, err := h.Queue.RenewLock(t.Context(), m)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(h.LockDuration), until, time.Second)
		}
		require.NoError(t, h.Queue.Complete(t.Context(), m))
	},
	"a dead letter keeps its body and says why": func(t *testing.T, h Harness) {
		sent := h.send(t, time.Time{})
		properties := map[string]any{"signalbox-step": "create-account"}
		require.NoError(t, h.Queue.DeadLetter(t.Context(), h.one(t), "CsuRejected", "create-account: no", properties))
		require.Empty(t, h.receive(t, 2*h.LockDuration))
		dead, err := h.DeadLetters.Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, "CsuRejected", dead[0].DeadLetterReason)
		require.Equal(t, "create-account: no", dead[0].DeadLetterDescription)
		require.Equal(t, "create-account", dead[0].Properties["signalbox-step"])
		require.Equal(t, "caf\u00e9", dead[0].Properties["text"])
		require.Equal(t, sent.Body, dead[0].Body)
	},
	"too many deliveries end in the dead-letter queue": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		for range h.MaxDeliveryCount {
			require.NoError(t, h.Queue.Abandon(t.Context(), h.one(t)))
		}
		require.Empty(t, h.receive(t, time.Minute))
		dead, err := h.DeadLetters.Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, "MaxDeliveryCountExceeded", dead[0].DeadLetterReason)
	},
	"what is peeked at says where it stands": func(t *testing.T, h Harness) {
		h.bury(t, "a", "b")
		got, err := h.DeadLetters.Receive(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, worker.Active, got[0].State)
		require.NoError(t, h.DeadLetters.Defer(t.Context(), got[0]))
		seen, err := h.DeadLetters.Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, seen, 2)
		require.Equal(t, worker.Deferred, seen[0].State)
		require.Equal(t, worker.Active, seen[1].State)
	},
	"a dead letter that is taken from the head and completed is gone": func(t *testing.T, h Harness) {
		h.bury(t, "a", "b")
		got := h.head(t, 2)
		require.Equal(t, "a", got[0].Subject)
		require.Equal(t, h.Queue.Name(), got[0].Queue)
		require.Equal(t, "Refused", got[0].DeadLetterReason)
		require.NoError(t, h.DeadLetters.Complete(t.Context(), got[0]))
		require.NoError(t, h.DeadLetters.Complete(t.Context(), got[1]))
		seen, err := h.DeadLetters.Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Empty(t, seen)
	},
	"an empty dead-letter queue is not waited on for ever": func(t *testing.T, h Harness) {
		start := time.Now()
		got, err := h.DeadLetters.Receive(t.Context(), 1)
		require.NoError(t, err)
		require.Empty(t, got)
		require.Less(t, time.Since(start), time.Minute)
	},
	"a deferred dead letter lets the next one to the head and is found by its number": func(t *testing.T, h Harness) {
		h.bury(t, "a", "b", "c")
		first := h.head(t, 1)[0]
		require.NoError(t, h.DeadLetters.Defer(t.Context(), first))
		second := h.head(t, 1)[0]
		require.Equal(t, "b", second.Subject)
		_, err := h.DeadLetters.ReceiveDeferred(t.Context(), []int64{first.Sequence, second.Sequence})
		require.ErrorIs(t, err, worker.ErrMessageNotFound, "all or none: the second is not deferred")

		got, err := h.DeadLetters.ReceiveDeferred(t.Context(), []int64{first.Sequence})
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, first.ID, got[0].ID)
		require.Equal(t, first.Body, got[0].Body)
		require.Equal(t, first.DeliveryCount, got[0].DeliveryCount)
		require.Equal(t, worker.Deferred, got[0].State)
		_, err = h.DeadLetters.ReceiveDeferred(t.Context(), []int64{first.Sequence})
		require.ErrorIs(t, err, worker.ErrMessageNotFound, "it is locked")
		require.NoError(t, h.DeadLetters.Complete(t.Context(), got[0]))
		require.NoError(t, h.DeadLetters.Abandon(t.Context(), second))
		require.Equal(t, "b", h.head(t, 1)[0].Subject)
	},
	"a deferred dead letter that is not settled is deferred again": func(t *testing.T, h Harness) {
		h.bury(t, "a")
		m := h.head(t, 1)[0]
		require.NoError(t, h.DeadLetters.Defer(t.Context(), m))
		for range h.MaxDeliveryCount + 1 { // nothing is counted, and nothing moves on
			got, err := h.DeadLetters.ReceiveDeferred(t.Context(), []int64{m.Sequence})
			require.NoError(t, err)
			require.NoError(t, h.DeadLetters.Abandon(t.Context(), got[0]))
		}
		got, err := h.DeadLetters.ReceiveDeferred(t.Context(), []int64{m.Sequence})
		require.NoError(t, err)
		require.Equal(t, m.DeliveryCount, got[0].DeliveryCount)
		pass(h.LockDuration / 2)
		until, err := h.DeadLetters.RenewLock(t.Context(), got[0])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(h.LockDuration), until, time.Second)
		pass(h.LockDuration + time.Second)
		require.ErrorIs(t, h.DeadLetters.Complete(t.Context(), got[0]), worker.ErrLockLost)
		got, err = h.DeadLetters.ReceiveDeferred(t.Context(), []int64{m.Sequence})
		require.NoError(t, err)
		require.NoError(t, h.DeadLetters.Complete(t.Context(), got[0]))
	},
	"a scheduled message comes at its time, not before": func(t *testing.T, h Harness) {
		at := time.Now().Add(10 * time.Minute)
		h.send(t, at)
		require.Empty(t, h.receive(t, 9*time.Minute))
		m := h.one(t, 2*time.Minute)
		require.False(t, time.Now().Before(at))
		require.WithinDuration(t, at, m.Enqueued, 5*time.Second)
	},
	"a message scheduled by number can be cancelled by it, until it is due": func(t *testing.T, h Harness) {
		soon, late := message(), message()
		at := time.Now().Add(10 * time.Minute)
		cancelled, err := h.Outbox.Schedule(t.Context(), h.Queue.Name(), soon, at)
		require.NoError(t, err)
		kept, err := h.Outbox.Schedule(t.Context(), h.Queue.Name(), late, at)
		require.NoError(t, err)
		require.NotEqual(t, cancelled, kept)
		require.NoError(t, h.Outbox.Cancel(t.Context(), h.Queue.Name(), cancelled))
		require.ErrorIs(t, h.Outbox.Cancel(t.Context(), h.Queue.Name(), cancelled), worker.ErrMessageNotFound)
		require.Empty(t, h.receive(t, 9*time.Minute))
		m := h.one(t, 2*time.Minute)
		require.False(t, time.Now().Before(at))
		require.Equal(t, late.ID, m.ID)
		require.Equal(t, late.Properties, m.Properties)
		require.Equal(t, late.Body, m.Body)
		require.ErrorIs(t, h.Outbox.Cancel(t.Context(), h.Queue.Name(), kept), worker.ErrMessageNotFound)
		require.NoError(t, h.Queue.Complete(t.Context(), m))
		require.Empty(t, h.receive(t, 2*h.LockDuration))
	},
	"a message in hand outlives its receiver": func(t *testing.T, h Harness) {
		h.send(t, time.Time{})
		m := h.one(t)
		h.Queue.Reopen(t.Context())
		_, err := h.Queue.RenewLock(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, h.Queue.Complete(t.Context(), m))
		require.Empty(t, h.receive(t, 2*h.LockDuration))
	},
	"a queue that is not there is said to be not there": func(t *testing.T, h Harness) {
		err := h.Outbox.Send(t.Context(), "no-such-queue", message(), time.Time{})
		require.ErrorIs(t, err, worker.ErrNotFound)
		_, err = h.Outbox.Schedule(t.Context(), "no-such-queue", message(), time.Now().Add(time.Hour))
		require.ErrorIs(t, err, worker.ErrNotFound)
	},
}

func message() worker.Message {
	return worker.Message{
		ID: uuid.NewString(), CorrelationID: "c-1", ContentType: "application/json", Subject: "changed",
		Properties: map[string]any{"text": "caf\u00e9", "number": int64(42), "yes": true, "half": 0.5},
		Body:       []byte(`{"name":"caf\u00e9"}`),
	}
}

func (h Harness) send(t *testing.T, at time.Time) worker.Message {
	t.Helper()
	m := message()
	require.NoError(t, h.Outbox.Send(t.Context(), h.Queue.Name(), m, at))
	return m
}

// receive waits for one message, across the empty returns that are normal, for at most the time given.
func (h Harness) receive(t *testing.T, patience time.Duration) []worker.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		got, err := h.Queue.Receive(ctx, 1)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			require.NoError(t, err)
		}
		if len(got) > 0 || ctx.Err() != nil {
			return got
		}
		pass(100 * time.Millisecond) // after an early empty return, as the worker does
	}
}

func (h Harness) one(t *testing.T, patience ...time.Duration) worker.Message {
	t.Helper()
	got := h.receive(t, append(patience, 30*time.Second)[0])
	require.Len(t, got, 1)
	return got[0]
}

// bury dead-letters messages with these subjects.
func (h Harness) bury(t *testing.T, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		m := message()
		m.Subject = subject
		require.NoError(t, h.Outbox.Send(t.Context(), h.Queue.Name(), m, time.Time{}))
		require.NoError(t, h.Queue.DeadLetter(t.Context(), h.one(t), "Refused", "no", nil))
	}
}

// head takes n messages from the head of the dead-letter queue, however many calls that takes.
func (h Harness) head(t *testing.T, n int) []worker.Message {
	t.Helper()
	var got []worker.Message
	for range 10 * n {
		more, err := h.DeadLetters.Receive(t.Context(), n-len(got))
		require.NoError(t, err)
		if got = append(got, more...); len(got) == n {
			break
		}
	}
	require.Len(t, got, n)
	return got
}

// pass lets virtual time go by; it is only called inside a bubble.
func pass(d time.Duration) { <-time.After(d) }
