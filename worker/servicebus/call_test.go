package servicebus_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// gate is what holds up writes while it is shut, as a frozen process or a full socket does.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
}

func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
	return func() { close(g.open) }
}

func (g *gate) pass() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open != nil {
		<-open
	}
}

// gated is a connection whose writes go through a gate.
type gated struct {
	net.Conn
	gate *gate
}

// Write implements net.Conn.
func (g gated) Write(b []byte) (int, error) {
	g.gate.pass()
	return g.Conn.Write(b)
}

// The frame of a send is not written before its time is over, and meanwhile the broker detaches the link: go-amqp then waits for the
// link, which has ended, to take its credit back. One processor, and the frame that waits behind, have the link end first: else,
// as with the race detector, which has goroutines run in any order, the send may end by itself.
func TestASendThatTheSDKDoesNotEndIsGivenUpAndTheNextOneGetsThrough(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		broker, err := sim.New(sim.Options{Queues: []sim.Queue{{Name: "orders"}, {Name: "customers"}, {Name: "returns"}}})
		require.NoError(t, err)
		var network gate
		namespace, err := servicebus.Open(servicebus.Options{ConnectionString: secret.New(broker.ConnectionString("memory")),
			NewConn: func(context.Context) (net.Conn, error) { return gated{broker.Pipe(), &network}, nil }})
		require.NoError(t, err)
		ends(t, broker, namespace)
		send := func(ctx context.Context, queue, id string) error {
			return namespace.Send(ctx, queue, event(id, 1), time.Time{})
		}
		require.NoError(t, send(t.Context(), "orders", "1"))
		require.NoError(t, send(t.Context(), "customers", "1"))
		require.NoError(t, send(t.Context(), "returns", "1"))

		open := network.shut()
		other := make(chan error, 2)
		go func() { other <- send(t.Context(), "customers", "2") }() // its frame is the one that the socket does not take
		synctest.Wait()
		const patience = time.Second
		began, sent := time.Now(), make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			sent <- send(ctx, "orders", "2")
		}()
		synctest.Wait()
		go func() { other <- send(t.Context(), "returns", "2") }()
		synctest.Wait()
		require.NoError(t, broker.DetachLinks("orders"))
		<-time.After(patience + time.Millisecond)
		open()

		select {
		case err := <-sent:
			require.ErrorIs(t, err, context.DeadlineExceeded, "it may have been sent")
			require.Less(t, time.Since(began), 5*time.Second)
		case <-time.After(time.Hour):
			require.Fail(t, "the send does not end")
		}
		require.NoError(t, errors.Join(<-other, <-other), "they had nothing to do with it")
		require.NoError(t, send(t.Context(), "orders", "2"))
		require.NoError(t, send(t.Context(), "customers", "3"))
		for queue, want := range map[string]int{"orders": 2, "customers": 3} {
			counts, err := broker.Counts(queue)
			require.NoError(t, err)
			require.Equal(t, want, counts.Active, queue)
		}
	})
}

// ends closes both with the test.
func ends(t *testing.T, broker *sim.Broker, namespace *servicebus.Namespace) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, namespace.Close(ctx))
		require.NoError(t, broker.Close())
	})
}

// slowTokens gives tokens. It can be told to answer the next question only once it is released; the SDK asks it without a deadline.
type slowTokens struct {
	mu   sync.Mutex
	held chan struct{}
}

func (c *slowTokens) hold() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := make(chan struct{})
	c.held = held
	return func() { close(held) }
}

// GetToken implements azcore.TokenCredential.
func (c *slowTokens) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	if held != nil {
		<-held
	}
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestACallThatTheClaimsStepHoldsUpIsGivenUpAndTheNextOneGetsThrough(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, n *servicebus.Namespace, q *servicebus.Queue, m worker.Message) error{
		"send": func(ctx context.Context, n *servicebus.Namespace, _ *servicebus.Queue, _ worker.Message) error {
			return n.Send(ctx, "orders", event("2", 1), time.Time{})
		},
		"publish": func(ctx context.Context, n *servicebus.Namespace, _ *servicebus.Queue, _ worker.Message) error {
			return n.SendAll(ctx, "orders", []worker.Message{event("2", 1), event("3", 1)})
		},
		"schedule": func(ctx context.Context, n *servicebus.Namespace, _ *servicebus.Queue, _ worker.Message) error {
			number, err := n.Schedule(ctx, "orders", event("2", 1), time.Now().Add(time.Hour))
			if err != nil {
				return err
			}
			return n.Cancel(ctx, "orders", number)
		},
		"ask whether it can send": func(ctx context.Context, n *servicebus.Namespace, _ *servicebus.Queue, _ worker.Message) error {
			return n.CanSend(ctx, "orders")
		},
		"peek": func(ctx context.Context, _ *servicebus.Namespace, q *servicebus.Queue, _ worker.Message) error {
			_, err := q.Browse().Peek(ctx, 0, 1)
			return err
		},
		"renew": func(ctx context.Context, _ *servicebus.Namespace, q *servicebus.Queue, m worker.Message) error {
			_, err := q.RenewLock(ctx, m)
			return err
		},
		"complete": func(ctx context.Context, _ *servicebus.Namespace, q *servicebus.Queue, m worker.Message) error {
			return q.Complete(ctx, m)
		},
		"open": func(ctx context.Context, _ *servicebus.Namespace, q *servicebus.Queue, _ worker.Message) error {
			q.Reopen(ctx)
			return q.Open(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				broker, err := sim.New(sim.Options{Queues: []sim.Queue{{Name: "orders", LockDuration: 5 * time.Minute}}})
				require.NoError(t, err)
				var tokens slowTokens
				namespace, err := servicebus.Open(servicebus.Options{Host: "memory", Credential: &tokens,
					NewConn: func(context.Context) (net.Conn, error) { return broker.Pipe(), nil }})
				require.NoError(t, err)
				ends(t, broker, namespace)
				require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
				queue := namespace.Queue("orders")
				got, err := queue.Receive(soon(t), 1)
				require.NoError(t, err)
				require.Len(t, got, 1)

				release := tokens.hold()
				t.Cleanup(release)
				broker.DropConnections()
				began, ended := time.Now(), make(chan error, 1)
				go func() { ended <- call(t.Context(), namespace, queue, got[0]) }()
				select {
				case err = <-ended:
					require.Less(t, time.Since(began), time.Minute)
				case <-time.After(time.Hour):
					require.Fail(t, "the call does not end")
				}
				if err != nil {
					require.ErrorIs(t, err, worker.ErrTimeout)
					require.NoError(t, call(t.Context(), namespace, queue, got[0]))
				}
			})
		})
	}
}
