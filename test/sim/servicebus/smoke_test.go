package servicebus

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func newBroker(t *testing.T, o Options) *Broker {
	t.Helper()
	if o.Queues == nil {
		o.Queues = []Queue{{Name: "orders", MaxMessageBytes: 2 << 20}}
	}
	b, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// overTCP returns an SDK client connected over a real socket.
func overTCP(t *testing.T, b *Broker) *azservicebus.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = b.Serve(l) }()
	return clientAt(t, b.ConnectionString(l.Addr().String()), nil)
}

// overPipe returns an SDK client connected in memory.
func overPipe(t *testing.T, b *Broker) *azservicebus.Client {
	t.Helper()
	return clientAt(t, b.ConnectionString("memory"), func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
		return b.Pipe(), nil
	})
}

func clientAt(t *testing.T, connection string, dial func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error)) *azservicebus.Client {
	t.Helper()
	c, err := azservicebus.NewClientFromConnectionString(connection, &azservicebus.ClientOptions{
		NewWebSocketConn: dial,
		RetryOptions:     azservicebus.RetryOptions{RetryDelay: 20 * time.Millisecond, MaxRetryDelay: time.Second},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAMessageIsSentReceivedAndCompleted(t *testing.T) {
	for name, connect := range map[string]func(*testing.T, *Broker) *azservicebus.Client{
		"over TCP": overTCP, "over a pipe": overPipe,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, Options{})
			c, ctx := connect(t, b), deadline(t)
			sender, err := c.NewSender("orders", nil)
			require.NoError(t, err)
			subject := "hello"
			require.NoError(t, sender.SendMessage(ctx, &azservicebus.Message{
				Body: []byte("one"), Subject: &subject, ApplicationProperties: map[string]any{"n": int32(7), "s": "text"},
			}, nil))

			receiver, err := c.NewReceiverForQueue("orders", nil)
			require.NoError(t, err)
			msgs, err := receiver.ReceiveMessages(ctx, 1, nil)
			require.NoError(t, err)
			require.Len(t, msgs, 1)
			require.Equal(t, "one", string(msgs[0].Body))
			require.Equal(t, "hello", *msgs[0].Subject)
			require.Equal(t, map[string]any{"n": int32(7), "s": "text"}, msgs[0].ApplicationProperties)
			require.EqualValues(t, 1, msgs[0].DeliveryCount)
			require.EqualValues(t, 1, *msgs[0].SequenceNumber)
			require.NotEmpty(t, msgs[0].MessageID)
			require.WithinDuration(t, time.Now().Add(time.Minute), *msgs[0].LockedUntil, 10*time.Second)

			require.NoError(t, receiver.CompleteMessage(ctx, msgs[0], nil))
			counts, err := b.Counts("orders")
			require.NoError(t, err)
			require.Zero(t, counts)
		})
	}
}

// inMemory runs a test in virtual time with an SDK client that is connected in memory.
func inMemory(t *testing.T, o Options, test func(t *testing.T, s smoke)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t, o)
		dials := new(atomic.Int32)
		c := clientAt(t, b.ConnectionString("memory"), func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			dials.Add(1)
			return b.Pipe(), nil
		})
		sender, err := c.NewSender("orders", nil)
		require.NoError(t, err)
		receiver, err := c.NewReceiverForQueue("orders", nil)
		require.NoError(t, err)
		test(t, smoke{b, c, dials, sender, receiver, deadline(t)})
	})
}

type smoke struct {
	broker   *Broker
	client   *azservicebus.Client
	dials    *atomic.Int32 // connections the client has opened
	sender   *azservicebus.Sender
	receiver *azservicebus.Receiver
	ctx      context.Context
}

func (s smoke) send(t *testing.T, body string) {
	t.Helper()
	require.NoError(t, s.sender.SendMessage(s.ctx, &azservicebus.Message{Body: []byte(body)}, nil))
}

func (s smoke) receive(t *testing.T) *azservicebus.ReceivedMessage {
	t.Helper()
	msgs, err := s.receiver.ReceiveMessages(s.ctx, 1, nil)
	require.NoError(t, err)
	require.Len(t, msgs, 1)
	return msgs[0]
}

func TestABatchBecomesItsMessages(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		batch, err := s.sender.NewMessageBatch(s.ctx, nil)
		require.NoError(t, err)
		for i := range 100 {
			require.NoError(t, batch.AddMessage(&azservicebus.Message{Body: []byte(strconv.Itoa(i))}, nil))
		}
		require.NoError(t, s.sender.SendMessageBatch(s.ctx, batch, nil))
		for got := 0; got < 100; {
			msgs, err := s.receiver.ReceiveMessages(s.ctx, 100, nil)
			require.NoError(t, err)
			for _, m := range msgs {
				require.Equal(t, strconv.Itoa(got), string(m.Body))
				require.NoError(t, s.receiver.CompleteMessage(s.ctx, m, nil))
				got++
			}
		}
		requireCounts(t, s.broker, Counts{})
	})
}

func TestAnAbandonedMessageComesBackCounted(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		s.send(t, "x")
		require.NoError(t, s.receiver.AbandonMessage(s.ctx, s.receive(t), &azservicebus.AbandonMessageOptions{
			PropertiesToModify: map[string]any{"why": "later"},
		}))
		m := s.receive(t)
		require.EqualValues(t, 2, m.DeliveryCount)
		require.Equal(t, "later", m.ApplicationProperties["why"])
	})
}

func TestADeadLetterKeepsItsReason(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		s.send(t, "x")
		reason, description := "BusinessRule", "because"
		require.NoError(t, s.receiver.DeadLetterMessage(s.ctx, s.receive(t), &azservicebus.DeadLetterOptions{
			Reason: &reason, ErrorDescription: &description, PropertiesToModify: map[string]any{"n": int64(1)},
		}))
		var err error
		s.receiver, err = s.client.NewReceiverForQueue("orders", &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
		require.NoError(t, err)
		m := s.receive(t)
		require.Equal(t, reason, *m.DeadLetterReason)
		require.Equal(t, description, *m.DeadLetterErrorDescription)
		require.Equal(t, int64(1), m.ApplicationProperties["n"])
		require.NoError(t, s.receiver.CompleteMessage(s.ctx, m, nil))
		requireCounts(t, s.broker, Counts{})
	})
}

func TestPeekScheduleAndCancel(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		start := time.Now()
		seqs, err := s.sender.ScheduleMessages(s.ctx, []*azservicebus.Message{
			{Body: []byte("cancelled")}, {Body: []byte("due")},
		}, start.Add(20*time.Second), nil)
		require.NoError(t, err)
		require.Len(t, seqs, 2)
		msgs, err := s.receiver.PeekMessages(s.ctx, 10, nil)
		require.NoError(t, err)
		require.Len(t, msgs, 2)
		require.Equal(t, azservicebus.MessageStateScheduled, msgs[0].State)
		require.NoError(t, s.sender.CancelScheduledMessages(s.ctx, seqs[:1], nil))
		require.Equal(t, "due", string(s.receive(t).Body))
		require.Equal(t, 20*time.Second, time.Since(start).Round(time.Second))
	})
}

func TestARenewedLockOutlivesItsFirstEnd(t *testing.T) {
	inMemory(t, Options{Queues: []Queue{{Name: "orders", LockDuration: 10 * time.Second}}}, func(t *testing.T, s smoke) {
		s.send(t, "x")
		m := s.receive(t)
		first := *m.LockedUntil
		time.Sleep(8 * time.Second) // virtual: the lock is nearly over
		require.NoError(t, s.receiver.RenewMessageLock(s.ctx, m, nil))
		require.WithinDuration(t, first.Add(8*time.Second), *m.LockedUntil, time.Second)
		time.Sleep(8 * time.Second) // virtual: beyond the first end
		require.NoError(t, s.receiver.CompleteMessage(s.ctx, m, nil))
	})
}

func TestAMebibyteGoesBothWays(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		body := make([]byte, 1<<20)
		for i := range body {
			body[i] = byte(i * 7 >> 3)
		}
		s.send(t, string(body))
		require.Equal(t, body, s.receive(t).Body)
	})
}

func TestAnIdleReceiverStaysConnected(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		_, err := s.receiver.ReceiveMessages(ctx, 1, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 1, s.dials.Load())
	})
}

func TestManyMessagesOnOneSenderDoNotBlock(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		group := errgroup.Group{}
		for range 50 {
			group.Go(func() error {
				for range 400 {
					if err := s.sender.SendMessage(s.ctx, &azservicebus.Message{Body: []byte("x")}, nil); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		requireCounts(t, s.broker, Counts{Active: 20_000})
	})
}

func TestManySendersOpenAtOnce(t *testing.T) {
	inMemory(t, Options{}, func(t *testing.T, s smoke) {
		group := errgroup.Group{}
		for range 50 {
			sender, err := s.client.NewSender("orders", nil)
			require.NoError(t, err)
			group.Go(func() error { return sender.SendMessage(s.ctx, &azservicebus.Message{}, nil) })
		}
		require.NoError(t, group.Wait())
		requireCounts(t, s.broker, Counts{Active: 50})
		require.EqualValues(t, 1, s.dials.Load())
	})
}
