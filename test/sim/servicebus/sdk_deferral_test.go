package servicebus_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

func receiveDeferred(t *testing.T, r *azservicebus.Receiver, seqs ...int64) []*azservicebus.ReceivedMessage {
	t.Helper()
	got, err := r.ReceiveDeferredMessages(within(t), seqs, nil)
	require.NoError(t, err)
	require.Len(t, got, len(seqs))
	return got
}

func deferMessage(t *testing.T, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) int64 {
	t.Helper()
	require.NoError(t, r.DeferMessage(within(t), m, nil))
	return *m.SequenceNumber
}

// Items 55, 76
func TestADeferredMessageWaitsForItsNumber(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b", "c")
		r := b.receiver(t, "q")
		got := receive(t, r, 3)
		require.NoError(t, r.DeferMessage(within(t), got[1], &azservicebus.DeferMessageOptions{PropertiesToModify: map[string]any{"why": "early"}}))
		complete(t, r, got[0], got[2])
		nothing(t, r)
		b.requireCounts(t, servicebus.Counts{Active: 1, Deferred: 1})
		seen := peek(t, r, 10)
		require.Equal(t, "b", bodies(seen))
		require.Equal(t, azservicebus.MessageStateDeferred, seen[0].State)

		m := receiveDeferred(t, r, *got[1].SequenceNumber)[0]
		require.Equal(t, "b", string(m.Body))
		require.Equal(t, "early", m.ApplicationProperties["why"])
		require.Equal(t, azservicebus.MessageStateDeferred, m.State)
		require.EqualValues(t, 1, m.DeliveryCount)
		require.NotZero(t, m.LockToken)
		require.NotEqual(t, got[1].LockToken, m.LockToken)
		require.WithinDuration(t, time.Now().Add(time.Minute), *m.LockedUntil, time.Second)
		require.NoError(t, r.RenewMessageLock(within(t), m, nil))
		complete(t, r, m)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 55: by update-disposition, because the link is gone.
func TestAMessageIsDeferredAfterItsLinkWasDetached(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		m := receiveOne(t, r)
		require.NoError(t, b.DetachLinks("q"))
		time.Sleep(time.Second)
		require.NoError(t, r.DeferMessage(within(t), m, &azservicebus.DeferMessageOptions{PropertiesToModify: map[string]any{"p": "v"}}))
		b.requireCounts(t, servicebus.Counts{Active: 1, Deferred: 1})
		again := receiveDeferred(t, b.receiver(t, "q"), *m.SequenceNumber)[0]
		require.Equal(t, "v", again.ApplicationProperties["p"])
		requireCode(t, r.DeferMessage(within(t), &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil), azservicebus.CodeLockLost)
	})
}

// Item 55: what the receiver of a deferred message may do with it besides completing it.
func TestADeferredMessageIsSettledInEveryWay(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		seq := deferMessage(t, r, receiveOne(t, r))
		require.NoError(t, r.AbandonMessage(within(t), receiveDeferred(t, r, seq)[0], nil))
		nothing(t, r)
		m := receiveDeferred(t, r, seq)[0]
		require.EqualValues(t, 2, m.DeliveryCount)
		require.NoError(t, r.DeferMessage(within(t), m, nil))
		require.NoError(t, r.DeadLetterMessage(within(t), receiveDeferred(t, r, seq)[0], &azservicebus.DeadLetterOptions{Reason: to.Ptr("late")}))
		b.requireCounts(t, servicebus.Counts{DeadLetter: 1})
		dead := receiveOne(t, newReceiver(t, b.client(t), "q", deadLetters))
		require.Equal(t, to.Ptr("late"), dead.DeadLetterReason)
		require.Equal(t, azservicebus.MessageStateActive, dead.State)
	})
}

// Item 81: with the SDK's code for it.
func TestWhatIsNotDeferredCannotBeReceivedByItsNumber(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "deferred", "active")
		r := b.receiver(t, "q")
		seq := deferMessage(t, r, receiveOne(t, r))
		for _, seqs := range [][]int64{{seq + 1}, {99}, {seq, 99}} {
			_, err := r.ReceiveDeferredMessages(within(t), seqs, nil)
			requireCode(t, err, azservicebus.CodeNotFound)
		}
		receiveDeferred(t, r, seq)
		_, err := r.ReceiveDeferredMessages(within(t), []int64{seq}, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
	})
}

// Items 55, 65
func TestADeferredMessageIsReceivedAndDeleted(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		seq := deferMessage(t, r, receiveOne(t, r))
		taker := newReceiver(t, b.client(t), "q", &azservicebus.ReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
		require.Equal(t, "a", bodies(receiveDeferred(t, taker, seq)))
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 75
func TestADeadLetterIsDeferredAndStaysOne(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b")
		r := b.receiver(t, "q")
		for _, m := range receive(t, r, 2) {
			require.NoError(t, r.DeadLetterMessage(within(t), m, &azservicebus.DeadLetterOptions{Reason: to.Ptr("r")}))
		}
		dr := newReceiver(t, b.client(t), "q", deadLetters)
		seq := deferMessage(t, dr, receiveOne(t, dr))
		second := receiveOne(t, dr)
		require.Equal(t, "b", string(second.Body), "what is deferred lets the next one to the head")
		require.NoError(t, dr.AbandonMessage(within(t), second, nil))
		seen := peek(t, dr, 10)
		require.Equal(t, "a b", bodies(seen))
		require.Equal(t, azservicebus.MessageStateDeferred, seen[0].State)
		require.Equal(t, azservicebus.MessageStateActive, seen[1].State)
		for range 3 {
			m := receiveDeferred(t, dr, seq)[0]
			require.EqualValues(t, 1, m.DeliveryCount)
			require.Equal(t, to.Ptr("r"), m.DeadLetterReason)
			require.NoError(t, dr.AbandonMessage(within(t), m, nil))
		}
		complete(t, dr, receiveDeferred(t, dr, seq)...)
		b.requireCounts(t, servicebus.Counts{DeadLetter: 1})
	})
}
