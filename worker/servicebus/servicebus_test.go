package servicebus_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/signalbox/signalbox/internal/secret"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker/queuetest"
	"github.com/signalbox/signalbox/worker/servicebus"
	"github.com/stretchr/testify/require"
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

func TestTheSDKOnTheLocalBrokerBehavesLikeAQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		_, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		return queuetest.Harness{Queue: queue, Outbox: namespace, LockDuration: lock, MaxDeliveryCount: 3, DeadLetters: queue.DeadLetters()}
	})
}
