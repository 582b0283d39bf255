// Package topics runs a small fleet on a subscription of a topic to which another system has subscribed, too, in virtual time and with
// the settings of an operator who set none, and holds that nothing the fleet does reaches the other.
package topics

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
)

func TestMain(m *testing.M) {
	harness.Main(m, func(m *testing.M) { goleak.VerifyTestMain(m) })
}

const (
	topic    = "events"
	ours     = "events/Subscriptions/signalbox"
	patience = 24 * time.Hour // of virtual time
)

// topics is a topic with our subscription, one of another system that gets everything, and one that takes orders alone.
func topics() []servicebus.Topic {
	return []servicebus.Topic{{Name: topic, Subscriptions: []servicebus.Subscription{
		{Name: "signalbox", LockDuration: time.Minute}, {Name: "billing", LockDuration: time.Minute},
		{Name: "warehouse", LockDuration: time.Minute, Rules: []servicebus.Rule{{Name: "orders", Filter: servicebus.CorrelationFilter{
			Properties: map[string]any{"cloudEvents_type": "signalbox.order.placed.v1"}}}}},
	}}}
}

// fleet is a world on the topic, and its processes.
type fleet struct {
	*harness.World
	processes []*harness.Process
}

// bubble runs a story about a fleet of two, whose source is our subscription.
func bubble(t *testing.T, o harness.Options, story func(f *fleet)) {
	t.Helper()
	t.Parallel()
	o.Defaults, o.From, o.Topics = true, ours, topics()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{World: harness.NewVirtual(t, o)}
		f.processes = append(f.processes, f.Start(nil), f.Start(nil))
		story(f)
		for _, p := range f.processes {
			p.Stop()
		}
		<-time.After(5 * time.Minute) // late writes would show, and what still waits has given up
	})
}

func (f *fleet) count(metric string, labels ...string) (n float64) {
	for _, p := range f.processes {
		n += p.Count(metric, labels...)
	}
	return n
}

// subscriber is another system: a plain receiver of the SDK's that completes what it gets.
type subscriber struct {
	mu   sync.Mutex
	ids  []string // of events, in the order of their arrival
	odd  []string // properties of ours that it saw
	stop func()
}

// subscribe lets another system receive from a subscription until its stop is called.
func (f *fleet) subscribe(name string) *subscriber {
	f.T.Helper()
	client, err := azservicebus.NewClientFromConnectionString(f.Broker.ConnectionString("memory"), &azservicebus.ClientOptions{
		NewWebSocketConn: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return f.Broker.Pipe(), nil
		}})
	require.NoError(f.T, err)
	receiver, err := client.NewReceiverForSubscription(topic, name, nil)
	require.NoError(f.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	s, ended := &subscriber{}, make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			got, _ := receiver.ReceiveMessages(ctx, 50, nil)
			for _, m := range got {
				s.take(m)
				_ = receiver.CompleteMessage(context.Background(), m, nil)
			}
		}
	}()
	s.stop = func() {
		cancel()
		<-ended
		_ = client.Close(context.Background())
	}
	return s
}

func (s *subscriber) take(m *azservicebus.ReceivedMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := m.ApplicationProperties["cloudEvents_id"].(string)
	if id == "" {
		id = m.MessageID
	}
	s.ids = append(s.ids, id)
	for name := range m.ApplicationProperties {
		if len(name) > 10 && name[:10] == "signalbox-" {
			s.odd = append(s.odd, name)
		}
	}
}

// requireOnce asserts that the subscriber got exactly these events, once each, and nothing that we had marked.
func (s *subscriber) requireOnce(t testing.TB, want []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.ElementsMatch(t, want, s.ids)
	require.Empty(t, s.odd)
}

// replay sends every dead letter once more, and takes it out.
func (f *fleet) replay() deadletter.Job {
	f.T.Helper()
	ledger := redisledger.New(f.Redis, f.Keys())
	desk := &deadletter.Desk{Outbox: f.Bus(), Lane: harness.ReplayQueue, Ledger: ledger, Jobs: ledger, Runs: redisstore.NewTracer(f.Redis, f.Keys()), Hasher: f.Hasher()}
	for _, queue := range f.Queues() {
		desk.Shelves = append(desk.Shelves, deadletter.Shelf{Queue: queue, Own: !subscription.Is(queue), Peek: f.Bus().Queue(queue).DeadLetters()})
	}
	job, err := desk.Run(f.T.Context(), desk.NewJob(deadletter.Replayed, deadletter.Selection{Limit: 10}))
	require.NoError(f.T, err)
	sweeper := deadletter.Sweeper{Ledger: ledger, Hasher: f.Hasher()}
	for _, queue := range f.Queues() {
		shelf := f.Bus().Queue(queue).DeadLetters()
		_, err := sweeper.Sweep(f.T.Context(), queue, shelf)
		require.NoError(f.T, err)
		shelf.Close(f.T.Context())
	}
	return job
}

func customer(i int, event string, at time.Time) harness.Customer {
	return harness.Customer{Event: event, ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("customer.%d@example.com", i),
		First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: at}
}
