package servicebus_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

// Items 40, 50
func TestAMessageArrivesAsItWasSent(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		at := time.Date(2026, 11, 1, 12, 0, 0, 123e6, time.UTC)
		sent := &azservicebus.Message{
			Body:      []byte{0, 1, 2, 0xff},
			MessageID: to.Ptr("id"), CorrelationID: to.Ptr("corr"), ContentType: to.Ptr("application/json"), Subject: to.Ptr("subject"),
			To: to.Ptr("to"), ReplyTo: to.Ptr("reply"), ReplyToSessionID: to.Ptr("replySession"),
			SessionID: to.Ptr("session"), PartitionKey: to.Ptr("session"), TimeToLive: to.Ptr(90 * time.Minute),
			ApplicationProperties: map[string]any{
				"string": "s", "empty": "", "bool": true, "int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(-1 << 40),
				"uint8": uint8(8), "uint16": uint16(16), "uint32": uint32(32), "uint64": uint64(1 << 40),
				"float32": float32(1.5), "float64": 2.5, "time": at, "uuid": amqp.UUID{1, 2, 3}, "bytes": []byte{1, 2}, "null": nil,
			},
		}
		start := time.Now()
		require.NoError(t, b.sender(t, "q").SendMessage(within(t), sent, nil))
		got := receiveOne(t, b.receiver(t, "q"))
		require.Equal(t, sent.Body, got.Body)
		require.Equal(t, "id", got.MessageID)
		for _, pair := range [][2]*string{
			{sent.CorrelationID, got.CorrelationID}, {sent.ContentType, got.ContentType}, {sent.Subject, got.Subject}, {sent.To, got.To},
			{sent.ReplyTo, got.ReplyTo}, {sent.ReplyToSessionID, got.ReplyToSessionID}, {sent.SessionID, got.SessionID}, {sent.PartitionKey, got.PartitionKey},
		} {
			require.Equal(t, pair[0], pair[1])
		}
		require.True(t, at.Equal(got.ApplicationProperties["time"].(time.Time)))
		got.ApplicationProperties["time"] = at // the same moment, and now in the same place
		require.Equal(t, sent.ApplicationProperties, got.ApplicationProperties)
		require.Equal(t, sent.TimeToLive, got.TimeToLive)

		require.EqualValues(t, 1, *got.SequenceNumber)
		require.WithinDuration(t, start, *got.EnqueuedTime, time.Second)
		require.WithinDuration(t, got.EnqueuedTime.Add(90*time.Minute), *got.ExpiresAt, time.Millisecond)
		require.WithinDuration(t, time.Now().Add(time.Minute), *got.LockedUntil, time.Second)
		require.NotZero(t, got.LockToken)
		require.Equal(t, azservicebus.MessageStateActive, got.State)
		require.Nil(t, got.DeadLetterReason)
	})
}

// Items 40, 44 from the sender's side: what the sender left out stays out, save for the message id.
func TestABareMessageGetsAnIDAndNothingElse(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		require.NoError(t, b.sender(t, "q").SendMessage(within(t), &azservicebus.Message{}, nil))
		got := receiveOne(t, b.receiver(t, "q"))
		require.Regexp(t, "^[0-9a-f]{32}$", got.MessageID)
		require.Empty(t, got.Body)
		require.Empty(t, got.ApplicationProperties)
		require.Nil(t, got.CorrelationID)
		require.Nil(t, got.SessionID)
		require.Zero(t, *got.TimeToLive) // which is how the SDK shows a header without ttl
		require.Nil(t, got.ScheduledEnqueueTime)
	})
}

// Item 49
func TestBodiesOfValuesAndSequencesSurvive(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		for name, body := range map[string]azservicebus.AMQPAnnotatedMessageBody{
			"value":     {Value: map[string]any{"a": int64(1), "b": []any{"x", true}}},
			"sequences": {Sequence: [][]any{{"a", int32(1)}, {"b"}}},
			"data":      {Data: [][]byte{[]byte("one"), []byte("two")}},
		} {
			err := s.SendAMQPAnnotatedMessage(within(t), &azservicebus.AMQPAnnotatedMessage{Body: body}, nil)
			require.NoError(t, err)
			m := receiveOne(t, r)
			require.Equal(t, body, m.RawAMQPMessage.Body, name)
			complete(t, r, m)
		}
	})
}

// Item 41
func TestABatchOfAHundredIsAHundredMessagesInOrder(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		for _, body := range numbered(100) {
			m := text(body)
			m.ApplicationProperties = map[string]any{"body": body}
			require.NoError(t, batch.AddMessage(m, nil))
		}
		require.NoError(t, s.SendMessageBatch(within(t), batch, nil))
		got := receive(t, b.receiver(t, "q"), 100)
		require.Equal(t, strings.Join(numbered(100), " "), bodies(got))
		require.Equal(t, "m00099", got[99].ApplicationProperties["body"])
	})
}

// Item 43: the partition key that is not the session id is what a queue without sessions can find wrong.
func TestABatchWithOneBadMessageIsRefusedAsAWhole(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		bad := text("bad")
		bad.SessionID, bad.PartitionKey = to.Ptr("one"), to.Ptr("other")
		require.NoError(t, batch.AddMessage(text("good"), nil))
		require.NoError(t, batch.AddMessage(bad, nil))
		requireCondition(t, s.SendMessageBatch(within(t), batch, nil), "amqp:not-allowed")
		b.requireCounts(t, servicebus.Counts{})
		send(t, s, "the link is as good as before")
		require.EqualValues(t, 1, b.dials.Load())
	})
}

// Item 28
func TestABatchIsLimitedByTheQueuesMessageSize(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxMessageBytes: 20_000}}}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		for err == nil {
			err = batch.AddMessage(text(strings.Repeat("x", 1000)), nil)
		}
		require.ErrorIs(t, err, azservicebus.ErrMessageTooLarge)
		require.Greater(t, batch.NumBytes(), uint64(18_000))
		n := int(batch.NumMessages())
		require.NoError(t, s.SendMessageBatch(within(t), batch, nil))
		b.requireCounts(t, servicebus.Counts{Active: n})
	})
}

// Item 29
func TestAMessageAboveTheLimitIsTooLarge(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxMessageBytes: 20_000}}}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		err := s.SendMessage(within(t), text(strings.Repeat("x", 20_001)), nil)
		require.ErrorIs(t, err, azservicebus.ErrMessageTooLarge)
		send(t, s, strings.Repeat("x", 19_000))
		b.requireCounts(t, servicebus.Counts{Active: 1})
	})
}

// Item 45
func TestSixtyFourGoroutinesOnOneSenderLoseAndDoubleNothing(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for i := range 20 {
					assertNoError(t, s.SendMessage(within(t), text(fmt.Sprint(w, "/", i)), nil))
				}
			})
		}
		wg.Wait()
		seen := map[string]int{}
		for _, m := range receive(t, b.receiver(t, "q"), 64*20) {
			seen[string(m.Body)]++
		}
		require.Len(t, seen, 64*20)
		b.requireCounts(t, servicebus.Counts{Active: 64 * 20, Locked: 64 * 20})
	})
}

// Items 46, 39: throttling is a rejection, so the link stays.
func TestAThrottledSendIsRepeatedOnItsLinkUntilItSucceeds(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		send(t, s, "a")
		require.NoError(t, b.RejectSends("q", 3, "com.microsoft:server-busy"))
		send(t, s, "b") // the SDK tries four times
		require.NoError(t, b.RejectSends("q", 4, "com.microsoft:server-busy"))
		requireCondition(t, s.SendMessage(within(t), text("c"), nil), "com.microsoft:server-busy")
		b.requireCounts(t, servicebus.Counts{Active: 2})
		require.EqualValues(t, 1, b.dials.Load())
	})
}

// Item 47
func TestAFullQueueIsNotTriedAgain(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		require.NoError(t, b.RejectSends("q", 1, "amqp:resource-limit-exceeded"))
		requireCondition(t, s.SendMessage(within(t), text("a"), nil), "amqp:resource-limit-exceeded")
		b.requireCounts(t, servicebus.Counts{})
		send(t, s, "b")
	})
}

// Item 109
func TestSequenceNumbersGrowStrictly(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		send(t, s, numbered(20)...)
		_, err := s.ScheduleMessages(within(t), []*azservicebus.Message{text("later")}, time.Now().Add(time.Hour), nil)
		require.NoError(t, err)
		send(t, s, numbered(20)...)
		var last int64
		for _, m := range peek(t, b.receiver(t, "q"), 100) {
			require.Greater(t, *m.SequenceNumber, last)
			last = *m.SequenceNumber
		}
		require.EqualValues(t, 41, last)
	})
}
