package simulate_test

import (
	"context"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/simulate"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

func TestAQueueIsReadFromItsFlag(t *testing.T) {
	t.Parallel()
	q, err := simulate.Queue("orders,lock=30s,max-delivery=5,max-bytes=1048576")
	require.NoError(t, err)
	require.Equal(t, servicebus.Queue{Name: "orders", LockDuration: 30 * time.Second, MaxDeliveryCount: 5, MaxMessageBytes: 1 << 20}, q)
	q, err = simulate.Queue("orders")
	require.NoError(t, err)
	require.Equal(t, servicebus.Queue{Name: "orders"}, q)
	for _, text := range []string{"", "lock=30s", "orders,", "orders,lock", "orders,lock=1", "orders,max-delivery=x", "orders,tulip=1"} {
		_, err = simulate.Queue(text)
		require.Error(t, err, text)
	}
}

func TestTopicsAndSubscriptionsAreReadFromTheirFlags(t *testing.T) {
	t.Parallel()
	topic, err := simulate.Topic("news,duplicate-window=10m")
	require.NoError(t, err)
	subject := "order"
	var all []servicebus.Subscription
	for _, text := range []string{"News/subscriptions/signalbox,max-delivery=5", "other/Subscriptions/billing,lock=30s,subject=order,property.area=us"} {
		s, err := simulate.Subscription(text)
		require.NoError(t, err)
		all = append(all, s)
	}
	require.Equal(t, []servicebus.Topic{
		{Name: "news", DuplicateDetection: true, DuplicateWindow: 10 * time.Minute, Subscriptions: []servicebus.Subscription{{Topic: "News", Name: "signalbox", MaxDeliveryCount: 5}}},
		{Name: "other", Subscriptions: []servicebus.Subscription{{Topic: "other", Name: "billing", LockDuration: 30 * time.Second,
			Rules: []servicebus.Rule{{Name: "declared", Filter: servicebus.CorrelationFilter{Label: &subject, Properties: map[string]any{"area": "us"}}}}}}},
	}, simulate.Subscribe([]servicebus.Topic{topic}, all))
	for _, text := range []string{"", "news", "/Subscriptions/x", "news/Subscriptions/s,tulip=1", "news/Subscriptions/s,lock=x"} {
		_, err = simulate.Subscription(text)
		require.Error(t, err, text)
	}
	_, err = simulate.Topic("news,lock=30s")
	require.ErrorContains(t, err, `"lock" is none of duplicate-window, max-bytes`)
}

func TestAQueueThatASinkSendsToIsMadeAndIsNoSource(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s := simulate.ServiceBus{Listen: "127.0.0.1:0", Queues: simulate.DefaultQueues(), SinkQueues: []servicebus.Queue{{Name: "outcomes"}}}
	require.NoError(t, s.Serve(ctx, func(_ []string, env []simulate.Variable) {
		defer stop()
		bus := map[string]string{}
		for _, v := range env {
			bus[v.Name] = v.Value
		}
		require.Equal(t, "signalbox-in", bus["SIGNALBOX_SERVICEBUS_QUEUES"])
		client, err := azservicebus.NewClientFromConnectionString(bus["SIGNALBOX_SERVICEBUS_CONNECTION_STRING"], nil)
		require.NoError(t, err)
		sender, err := client.NewSender("outcomes", nil)
		require.NoError(t, err)
		require.NoError(t, sender.SendMessage(t.Context(), &azservicebus.Message{}, nil))
		require.NoError(t, client.Close(t.Context()))
	}))
}

func TestAnExportedVariableIsReadByAShellAsItIs(t *testing.T) {
	t.Parallel()
	require.Equal(t, `export A='{"x":"it'\''s $HOME"}'`, simulate.Variable{Name: "A", Value: `{"x":"it's $HOME"}`}.Export())
}

func TestOnlyLoopbackIsLocal(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "x": false} {
		require.Equal(t, want, simulate.Local(address), address)
	}
}
