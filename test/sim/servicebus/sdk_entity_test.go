package servicebus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

func identified(body, id string) *azservicebus.Message {
	m := text(body)
	m.MessageID = to.Ptr(id)
	return m
}

// Item 106
func TestASecondMessageOfOneIDIsAcceptedAndDropped(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", DuplicateDetection: true, DuplicateWindow: 30 * time.Second}}}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		sendAll(t, s, identified("a", "1"), identified("b", "2"), identified("dropped", "1"))
		got := receive(t, r, 2)
		require.Equal(t, "a b", bodies(got))
		complete(t, r, got...)
		sendAll(t, s, identified("dropped", "1")) // it is known although it is gone
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		for _, m := range []*azservicebus.Message{identified("c", "3"), identified("dropped", "3"), identified("dropped", "2"), text("d"), text("e")} {
			require.NoError(t, batch.AddMessage(m, nil))
		}
		require.NoError(t, s.SendMessageBatch(within(t), batch, nil))
		got = receive(t, r, 3)
		require.Equal(t, "c d e", bodies(got))
		complete(t, r, got...)
		nothing(t, r)

		time.Sleep(30 * time.Second)
		sendAll(t, s, identified("a again", "1"))
		require.Equal(t, "a again", string(receiveOne(t, r).Body))
	})
}

// Item 106: a scheduled message takes part.
func TestAScheduledMessageIsDetectedAsADuplicate(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", DuplicateDetection: true}}}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		due := time.Now().Add(time.Minute)
		first, err := s.ScheduleMessages(within(t), []*azservicebus.Message{identified("a", "1")}, due, nil)
		require.NoError(t, err)
		again, err := s.ScheduleMessages(within(t), []*azservicebus.Message{identified("b", "1")}, due, nil)
		require.NoError(t, err)
		require.Equal(t, first, again)
		b.requireCounts(t, servicebus.Counts{Scheduled: 1})
		got, err := r.ReceiveMessages(withinD(t, 2*time.Minute), 10, nil)
		require.NoError(t, err)
		require.Equal(t, "a", bodies(got))
	})
}

// Item 47: a queue that is really full.
func TestAQueueThatIsFullRefusesUntilThereIsRoom(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxSizeMegabytes: 1}}}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		large := strings.Repeat("x", 200<<10)
		for range 5 {
			send(t, s, large)
		}
		start := time.Now()
		requireCondition(t, s.SendMessage(within(t), text(large), nil), "amqp:resource-limit-exceeded")
		_, err := s.ScheduleMessages(within(t), []*azservicebus.Message{text(large)}, time.Now().Add(time.Hour), nil)
		require.ErrorContains(t, err, "403")
		require.Less(t, time.Since(start), 5*time.Second)
		complete(t, r, receiveOne(t, r))
		send(t, s, large)
	})
}

// Item 108
func TestAStatusRefusesItsSide(t *testing.T) {
	const disabled = "com.microsoft:entity-disabled"
	for status, want := range map[servicebus.Status]struct{ send, receive bool }{
		servicebus.StatusSendDisabled: {receive: true}, servicebus.StatusReceiveDisabled: {send: true}, servicebus.StatusDisabled: {},
	} {
		t.Run(string(status), func(t *testing.T) {
			inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
				s, r := b.sender(t, "q"), b.receiver(t, "q")
				send(t, s, "a", "b", "c")
				held := receiveOne(t, r)
				require.NoError(t, b.UpdateQueue(servicebus.Queue{Name: "q", Status: status}))
				start := time.Now()

				err := s.SendMessage(within(t), text("d"), nil)
				if want.send {
					require.NoError(t, err)
				} else {
					requireCondition(t, err, disabled)
				}
				if want.receive {
					require.Equal(t, "b", bodies(receiveThrough(t, r, 1)))
					complete(t, r, held)
				} else {
					_, err = r.ReceiveMessages(within(t), 1, nil)
					require.NoError(t, err, "the link is found lost")
					_, err = r.ReceiveMessages(within(t), 1, nil)
					requireCondition(t, err, disabled)
				}
				require.Less(t, time.Since(start), 5*time.Second)

				require.NoError(t, b.UpdateQueue(servicebus.Queue{Name: "q"}))
				send(t, s, "e")
				complete(t, b.receiver(t, "q"), receiveThrough(t, r, 1)...)
			})
		})
	}
}

// Item 108: from the start, and raw links that are open meet it as a rejection.
func TestAQueueMayBeMadeWithAStatus(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", Status: servicebus.StatusSendDisabled}}}, func(t *testing.T, b *bed) {
		requireCondition(t, b.sender(t, "q").SendMessage(within(t), text("a"), nil), "com.microsoft:entity-disabled")
		nothing(t, b.receiver(t, "q"))
	})
}

func TestADeletedQueueIsNotFoundByThoseWhoUsedIt(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		send(t, s, "a")
		m := receiveOne(t, r)
		require.NoError(t, b.DeleteQueue("Q"))
		requireCode(t, s.SendMessage(within(t), text("b"), nil), azservicebus.CodeNotFound)
		requireCode(t, r.CompleteMessage(within(t), m, nil), azservicebus.CodeNotFound)
		_, err := newReceiver(t, b.client(t), "q", deadLetters).PeekMessages(within(t), 1, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
		require.ErrorContains(t, b.DeleteQueue("q"), "could not be found")
		require.Empty(t, b.Queues())

		require.NoError(t, b.CreateQueue(servicebus.Queue{Name: "q"}))
		require.ErrorContains(t, b.CreateQueue(servicebus.Queue{Name: "Q"}), "already exists")
		send(t, s, "c")
		require.Equal(t, "c", bodies(peek(t, b.receiver(t, "q"), 10)))
	})
}

// Items 8, 9, as large as the Premium tier lets a message be.
func TestTheLargestMessageThereIsComesThrough(t *testing.T) {
	const limit = 100 << 20
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxMessageBytes: limit}}}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		require.ErrorIs(t, batch.AddMessage(text(strings.Repeat("x", 1<<20)), nil), azservicebus.ErrMessageTooLarge, "a batch stays within 1 MiB")
		body := strings.Repeat("0123456789abcdef", (limit-1<<10)/16)
		send(t, s, body)
		m := receiveOne(t, r)
		require.True(t, body == string(m.Body))
		complete(t, r, m)
		require.ErrorIs(t, s.SendMessage(within(t), text(strings.Repeat("x", limit+1)), nil), azservicebus.ErrMessageTooLarge)
		require.ErrorContains(t, b.CreateQueue(servicebus.Queue{Name: "larger", MaxMessageBytes: limit + 1}), "message size")
	})
}
