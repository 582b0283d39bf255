// Package servicebus is a local Azure Service Bus: an AMQP 1.0 broker that the unmodified SDKs reach with a
// connection string holding UseDevelopmentEmulator=true. It is as strict as the service where clients depend
// on it, and breaks on purpose when told to (see the methods in fault.go).
//
// Over TCP:
//
//	b, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{{Name: "orders"}}})
//	go b.Serve(listener)
//	client, err := azservicebus.NewClientFromConnectionString(b.ConnectionString(listener.Addr().String()), nil)
//
// In memory, for tests inside testing/synctest: the SDK's only hook for a connection of one's own is the one
// for WebSockets. It speaks plain AMQP over whatever net.Conn the hook returns:
//
//	azservicebus.NewClientFromConnectionString(b.ConnectionString("memory"), &azservicebus.ClientOptions{
//		NewWebSocketConn: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return b.Pipe(), nil },
//	})
//
// Concurrency: every exported method is safe for concurrent use. Time is the standard library's. No goroutine
// is left after Close.
// Source: OASIS AMQP 1.0, part 2; the SDKs' own code where the specification leaves room.
package servicebus

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("servicebus: broker closed")

// Options say what a broker holds and how it behaves.
type Options struct {
	Queues      []Queue       // created at the start, each with its dead-letter queue
	Topics      []Topic       // created at the start, each with its subscriptions
	IdleTimeout time.Duration // announced to clients; one that is silent for twice as long is dropped; default 4 min
}

// Broker is a namespace with queues, topics and everything that is connected to it.
type Broker struct {
	namespace   *store.Namespace
	idleTimeout time.Duration
	created     time.Time
	faults      faults

	mu          sync.Mutex
	closed      bool
	listeners   map[net.Listener]bool
	connections map[*connection]bool
	running     sync.WaitGroup // one for each listener and each connection
}

// New returns a broker that serves nothing yet. The caller must Close it.
func New(o Options) (*Broker, error) {
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 4 * time.Minute
	}
	if o.IdleTimeout < time.Millisecond {
		return nil, fmt.Errorf("servicebus: idle timeout %v", o.IdleTimeout)
	}
	b := &Broker{
		namespace: store.New(), idleTimeout: o.IdleTimeout, created: time.Now(),
		listeners: make(map[net.Listener]bool), connections: make(map[*connection]bool),
	}
	if err := b.create(o); err != nil {
		b.namespace.Close()
		return nil, err
	}
	return b, nil
}

func (b *Broker) create(o Options) error {
	for _, q := range o.Queues {
		if err := b.CreateQueue(q); err != nil {
			return err
		}
	}
	for _, t := range o.Topics {
		if err := b.CreateTopic(t); err != nil {
			return err
		}
	}
	return nil
}

// ConnectionString is what a client at addr ("host:port", or any name when the connection is in memory) needs.
func (b *Broker) ConnectionString(addr string) string {
	return "Endpoint=sb://" + addr + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
}

// Close tells every client that the connection is forced to close, waits until the last has gone, and stops
// the queues.
func (b *Broker) Close() error {
	b.mu.Lock()
	b.closed = true
	for l := range b.listeners {
		_ = l.Close()
	}
	b.mu.Unlock()
	b.CloseConnections()
	b.running.Wait()
	b.namespace.Close()
	return nil
}
