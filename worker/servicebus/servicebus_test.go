package servicebus_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/internal/subscription"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/queuetest"
	"github.com/signalbox/signalbox/worker/servicebus"
)

const lock = 30 * time.Second

// local starts a broker in memory and connects to it through the SDK. Both end with the test.
func local(t *testing.T, queues ...string) (*sim.Broker, *servicebus.Namespace) {
	t.Helper()
	o := sim.Options{}
	for _, name := range queues {
		o.Queues = append(o.Queues, sim.Queue{Name: name, LockDuration: lock, MaxDeliveryCount: 3})
	}
	broker, err := sim.New(o)
	require.NoError(t, err)
	namespace, err := servicebus.Open(servicebus.Options{
		ConnectionString: secret.New(broker.ConnectionString("memory")),
		NewConn:          func(context.Context) (net.Conn, error) { return broker.Pipe(), nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, namespace.Close(ctx))
		require.NoError(t, broker.Close())
	})
	return broker, namespace
}

// toTopics sends what is for a subscription to its topic, as the rest of the world does.
type toTopics struct{ *servicebus.Namespace }

func (o toTopics) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	return o.Namespace.Send(ctx, subscription.SendTo(queue), m, at)
}

func (o toTopics) Schedule(ctx context.Context, queue string, m worker.Message, at time.Time) (int64, error) {
	return o.Namespace.Schedule(ctx, subscription.SendTo(queue), m, at)
}

func (o toTopics) Cancel(ctx context.Context, queue string, sequence int64) error {
	return o.Namespace.Cancel(ctx, subscription.SendTo(queue), sequence)
}

// What the worker relies on holds for a subscription, too, and another subscription of the topic is none the worse for it.
func TestTheSDKOnASubscriptionBehavesLikeAQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		broker, namespace := local(t)
		require.NoError(t, broker.CreateTopic(sim.Topic{Name: "orders", Subscriptions: []sim.Subscription{
			{Name: "ours", LockDuration: lock, MaxDeliveryCount: 3}, {Name: "theirs", MaxDeliveryCount: 1}}}))
		queue := namespace.Queue("orders/Subscriptions/ours")
		return queuetest.Harness{Queue: queue, Outbox: toTopics{namespace}, LockDuration: lock, MaxDeliveryCount: 3, DeadLetters: queue.DeadLetters(),
			Close: func() {
				theirs, err := broker.Counts("orders/Subscriptions/theirs")
				require.NoError(t, err)
				require.Zero(t, theirs.DeadLetter+theirs.Locked+theirs.Deferred)
			}}
	})
}

func TestASubscriptionIsNeverSentTo(t *testing.T) {
	t.Parallel()
	broker, namespace := local(t)
	require.NoError(t, broker.CreateTopic(sim.Topic{Name: "orders", Subscriptions: []sim.Subscription{{Name: "ours"}}}))
	const address = "orders/Subscriptions/ours"
	require.ErrorContains(t, namespace.Send(t.Context(), address, worker.Message{}, time.Time{}), "takes no messages, only its topic does")
	require.ErrorContains(t, namespace.CanSend(t.Context(), address), "takes no messages")
	_, err := namespace.Schedule(t.Context(), address, worker.Message{}, time.Now())
	require.ErrorContains(t, err, "takes no messages")
	require.ErrorContains(t, namespace.Publish(t.Context(), address, make([]worker.Message, 1))[0], "takes no messages")
}

func TestTheSDKOnTheLocalBrokerBehavesLikeAQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		_, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		return queuetest.Harness{Queue: queue, Outbox: namespace, LockDuration: lock, MaxDeliveryCount: 3, DeadLetters: queue.DeadLetters()}
	})
}
