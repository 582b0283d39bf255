package servicebus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

// The files sdk_*_test.go drive the broker with the unmodified SDK. Each test names the items of the conformance
// checklist that it covers; docs/reference/local-service-bus.md has the table.

// bed is a broker and the clients of one test.
type bed struct {
	*servicebus.Broker
	dial  func() (net.Conn, error)
	addr  string
	dials atomic.Int32 // connections that clients have opened
}

// inMemory runs a test in virtual time, with a broker that clients reach through pipes. Waits cost nothing there,
// and a goroutine that the broker or a client leaves behind fails the test.
func inMemory(t *testing.T, o servicebus.Options, test func(t *testing.T, b *bed)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, o)
		b.addr = "memory"
		b.dial = func() (net.Conn, error) { return b.Pipe(), nil }
		test(t, b)
	})
}

// overTCP returns a broker on a port of its own.
func overTCP(t *testing.T, o servicebus.Options) *bed {
	t.Helper()
	t.Parallel()
	b := newBed(t, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b.addr = l.Addr().String()
	go func() { _ = b.Serve(l) }() // ends with the broker's Close
	return b
}

func newBed(t *testing.T, o servicebus.Options) *bed {
	if o.Queues == nil {
		o.Queues = []servicebus.Queue{{Name: "q"}}
	}
	broker, err := servicebus.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	return &bed{Broker: broker}
}

// quick are retries that a test can wait for.
var quick = azservicebus.RetryOptions{RetryDelay: 50 * time.Millisecond, MaxRetryDelay: time.Second}

func (b *bed) client(t *testing.T) *azservicebus.Client {
	t.Helper()
	o := azservicebus.ClientOptions{RetryOptions: quick}
	if b.dial != nil {
		o.NewWebSocketConn = func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			b.dials.Add(1)
			return b.dial()
		}
	}
	c, err := azservicebus.NewClientFromConnectionString(b.ConnectionString(b.addr), &o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func (b *bed) sender(t *testing.T, queue string) *azservicebus.Sender {
	t.Helper()
	return newSender(t, b.client(t), queue)
}

func newSender(t *testing.T, c *azservicebus.Client, queue string) *azservicebus.Sender {
	t.Helper()
	s, err := c.NewSender(queue, nil)
	require.NoError(t, err)
	return s
}

func (b *bed) receiver(t *testing.T, queue string) *azservicebus.Receiver {
	t.Helper()
	return newReceiver(t, b.client(t), queue, nil)
}

func newReceiver(t *testing.T, c *azservicebus.Client, queue string, o *azservicebus.ReceiverOptions) *azservicebus.Receiver {
	t.Helper()
	r, err := c.NewReceiverForQueue(queue, o)
	require.NoError(t, err)
	return r
}

var deadLetters = &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter}

// within gives a call ten seconds.
func within(t *testing.T) context.Context { return withinD(t, 10*time.Second) }

func withinD(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func text(body string) *azservicebus.Message { return &azservicebus.Message{Body: []byte(body)} }

func send(t *testing.T, s *azservicebus.Sender, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		require.NoError(t, s.SendMessage(within(t), text(body), nil))
	}
}

// receive collects n messages; a client may hand them over in several calls.
func receive(t *testing.T, r *azservicebus.Receiver, n int) []*azservicebus.ReceivedMessage {
	t.Helper()
	var got []*azservicebus.ReceivedMessage
	ctx := within(t)
	for len(got) < n {
		more, err := r.ReceiveMessages(ctx, n-len(got), nil)
		require.NoError(t, err, "after %d of %d messages", len(got), n)
		got = append(got, more...)
	}
	return got
}

func receiveOne(t *testing.T, r *azservicebus.Receiver) *azservicebus.ReceivedMessage {
	t.Helper()
	return receive(t, r, 1)[0]
}

// nothing makes sure that no message comes for two seconds.
func nothing(t *testing.T, r *azservicebus.Receiver) {
	t.Helper()
	got, err := r.ReceiveMessages(withinD(t, 2*time.Second), 1, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, got)
}

func complete(t *testing.T, r *azservicebus.Receiver, msgs ...*azservicebus.ReceivedMessage) {
	t.Helper()
	for _, m := range msgs {
		require.NoError(t, r.CompleteMessage(within(t), m, nil))
	}
}

func peek(t *testing.T, r *azservicebus.Receiver, max int) []*azservicebus.ReceivedMessage {
	t.Helper()
	from := int64(0)
	got, err := r.PeekMessages(within(t), max, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
	require.NoError(t, err)
	return got
}

func bodies(msgs []*azservicebus.ReceivedMessage) string {
	var out []string
	for _, m := range msgs {
		out = append(out, string(m.Body))
	}
	return strings.Join(out, " ")
}

func requireCode(t *testing.T, err error, code azservicebus.Code) {
	t.Helper()
	var e *azservicebus.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", err)
}

func requireCondition(t *testing.T, err error, condition string) {
	t.Helper()
	var e *amqp.Error
	require.True(t, errors.As(err, &e), "%T %v", err, err)
	require.Equal(t, amqp.ErrCond(condition), e.Condition)
}

func (b *bed) requireCounts(t *testing.T, want servicebus.Counts) {
	t.Helper()
	got, err := b.Counts("q")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// numbered names n messages in the order of their sending.
func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("m%05d", i)
	}
	return out
}
