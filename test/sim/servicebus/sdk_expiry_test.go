package servicebus_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

func living(body string, ttl time.Duration) *azservicebus.Message {
	m := text(body)
	m.TimeToLive = &ttl
	return m
}

func sendAll(t *testing.T, s *azservicebus.Sender, msgs ...*azservicebus.Message) {
	t.Helper()
	for _, m := range msgs {
		require.NoError(t, s.SendMessage(within(t), m, nil))
	}
}

// Item 105
func TestAnExpiredMessageIsNotDelivered(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		sendAll(t, s, living("short", 3*time.Second), living("long", time.Minute))
		time.Sleep(3 * time.Second)
		got, err := r.ReceiveMessages(within(t), 10, nil)
		require.NoError(t, err)
		require.Equal(t, "long", bodies(got))
		b.requireCounts(t, servicebus.Counts{Active: 1, Locked: 1})
		complete(t, r, got...)

		sendAll(t, s, living("in hand", 3*time.Second))
		m := receiveOne(t, r)
		time.Sleep(10 * time.Second)
		complete(t, r, m) // a lock protects it
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 105: with dead-lettering on, and never in the dead-letter queue.
func TestAnExpiredMessageIsDeadLettered(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", DeadLetterExpired: true}}}, func(t *testing.T, b *bed) {
		sendAll(t, b.sender(t, "q"), living("a", 3*time.Second))
		time.Sleep(24 * time.Hour)
		b.requireCounts(t, servicebus.Counts{DeadLetter: 1})
		r := newReceiver(t, b.client(t), "q", deadLetters)
		dead := receiveOne(t, r)
		require.Equal(t, to.Ptr("TTLExpiredException"), dead.DeadLetterReason)
		require.NotEmpty(t, *dead.DeadLetterErrorDescription)
		require.Equal(t, to.Ptr("q"), dead.DeadLetterSource)
		require.EqualValues(t, 1, dead.DeliveryCount)
		complete(t, r, dead)
	})
}

// Item 105: the entity's default is the ceiling of what messages say, and the message tells its end.
func TestTheQueuesTimeToLiveCapsTheMessages(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", DefaultTTL: time.Minute}}}, func(t *testing.T, b *bed) {
		sendAll(t, b.sender(t, "q"), text("default"), living("capped", time.Hour), living("short", time.Second))
		r := b.receiver(t, "q")
		for i, want := range []time.Duration{time.Minute, time.Minute, time.Second} {
			m := peek(t, r, 3)[i]
			require.Equal(t, want, *m.TimeToLive)
			require.Equal(t, m.EnqueuedTime.Add(want), *m.ExpiresAt)
			require.True(t, m.ExpiresAt.Equal(*m.RawAMQPMessage.Properties.AbsoluteExpiryTime))
			require.True(t, m.EnqueuedTime.Equal(*m.RawAMQPMessage.Properties.CreationTime))
		}
		time.Sleep(time.Minute)
		nothing(t, r)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 105: a deferred message is looked at only when somebody asks for it.
func TestADeferredMessageExpiresWhenItIsAskedFor(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", DeadLetterExpired: true}}}, func(t *testing.T, b *bed) {
		sendAll(t, b.sender(t, "q"), living("a", 3*time.Second))
		r := b.receiver(t, "q")
		seq := deferMessage(t, r, receiveOne(t, r))
		time.Sleep(time.Minute)
		b.requireCounts(t, servicebus.Counts{Active: 1, Deferred: 1})
		_, err := r.ReceiveDeferredMessages(within(t), []int64{seq}, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
		b.requireCounts(t, servicebus.Counts{DeadLetter: 1})
	})
}
