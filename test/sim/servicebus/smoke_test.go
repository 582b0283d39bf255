package servicebus

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"
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
