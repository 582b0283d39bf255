package servicebus_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

// Items 76, 81
func TestPeekPagesThroughAThousandMessagesInEveryState(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		names := numbered(999)
		for _, body := range names {
			require.NoError(t, batch.AddMessage(text(body), nil))
		}
		require.NoError(t, s.SendMessageBatch(within(t), batch, nil))
		_, err = s.ScheduleMessages(within(t), []*azservicebus.Message{text("later")}, time.Now().Add(time.Hour), nil)
		require.NoError(t, err)
		receive(t, b.receiver(t, "q"), 5) // and locked

		var got []*azservicebus.ReceivedMessage
		for {
			page, err := r.PeekMessages(within(t), 250, nil) // the client remembers where it was
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		require.Len(t, got, 1000)
		for i, m := range got[:999] {
			require.Equal(t, names[i], string(m.Body))
			require.Equal(t, azservicebus.MessageStateActive, m.State)
			require.EqualValues(t, i+1, *m.SequenceNumber)
		}
		require.Equal(t, azservicebus.MessageStateScheduled, got[999].State)
	})
}

// Item 77
func TestAScheduledMessageIsSeenButNotReceivedUntilItsTime(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		due := time.Now().Add(time.Minute)
		seqs, err := s.ScheduleMessages(within(t), []*azservicebus.Message{text("comes"), text("cancelled")}, due, nil)
		require.NoError(t, err)
		require.Len(t, seqs, 2)
		peeked := peek(t, r, 10)
		require.Equal(t, "comes cancelled", bodies(peeked))
		require.Equal(t, azservicebus.MessageStateScheduled, peeked[0].State)
		require.Equal(t, seqs[0], *peeked[0].SequenceNumber)
		require.WithinDuration(t, due, *peeked[0].ScheduledEnqueueTime, time.Millisecond)
		nothing(t, r)
		b.requireCounts(t, servicebus.Counts{Scheduled: 2})
		require.NoError(t, s.CancelScheduledMessages(within(t), seqs[1:], nil))
		requireCode(t, s.CancelScheduledMessages(within(t), seqs[1:], nil), azservicebus.CodeNotFound)

		got, err := r.ReceiveMessages(withinD(t, 2*time.Minute), 10, nil)
		require.NoError(t, err)
		require.Equal(t, "comes", bodies(got))
		require.WithinDuration(t, due, time.Now(), time.Second)
		require.WithinDuration(t, due, *got[0].EnqueuedTime, time.Second)
		require.WithinDuration(t, due, *got[0].ScheduledEnqueueTime, time.Millisecond)
		require.Greater(t, *got[0].SequenceNumber, seqs[1])
		require.Equal(t, azservicebus.MessageStateActive, got[0].State)
	})
}

// Item 78
func TestAPlainSendWithAScheduledTimeIsScheduled(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		due := time.Now().Add(time.Minute)
		later, past := text("later"), text("past")
		later.ScheduledEnqueueTime, past.ScheduledEnqueueTime = &due, to.Ptr(time.Now().Add(-time.Hour))
		require.NoError(t, s.SendMessage(within(t), later, nil))
		require.NoError(t, s.SendMessage(within(t), past, nil))
		require.Equal(t, azservicebus.MessageStateScheduled, peek(t, r, 1)[0].State)
		complete(t, r, receive(t, r, 1)...)
		b.requireCounts(t, servicebus.Counts{Scheduled: 1})
		got, err := r.ReceiveMessages(withinD(t, 2*time.Minute), 1, nil)
		require.NoError(t, err)
		require.Equal(t, "later", bodies(got))
		require.WithinDuration(t, due, time.Now(), time.Second)
	})
}

// Items 79, 82
func TestAHundredMessagesAreScheduledInOneCall(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		var msgs []*azservicebus.Message
		for _, body := range numbered(100) {
			msgs = append(msgs, text(body))
		}
		seqs, err := s.ScheduleMessages(within(t), msgs, time.Now().Add(time.Hour), nil)
		require.NoError(t, err)
		require.Len(t, seqs, 100)
		require.IsIncreasing(t, seqs)
		require.NoError(t, s.CancelScheduledMessages(within(t), seqs, nil))
		b.requireCounts(t, servicebus.Counts{})
	})
}
