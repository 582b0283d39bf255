// Package servicebus is the azservicebus adapter of the worker's ports: Queue, Outbox, the peek and the shelf
// of package deadletter, and a Publisher that sends many messages at once.
//
// Every call has a deadline, and is given up soon after it (call.go). The SDK's own retries are short, because the worker backs off itself; settlement alone
// uses the SDK's fixed ones. Errors wrap those of package worker (ErrLockLost, ErrNotFound, …).
// Concurrency: a Namespace and all it gives are safe for concurrent use, but for Receive, which is one loop's.
// Source: azservicebus 1.11.0; what it does beyond its documentation was read in its source.
package servicebus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/internal/bounded"
	"github.com/signalbox/signalbox/internal/secret"
)

// Options say how to reach a namespace: by connection string, or by host name and credential.
type Options struct {
	ConnectionString secret.String
	Host             string // such as example.servicebus.windows.net
	Credential       azcore.TokenCredential

	Connections           int                       // TCP connections, shared out among queues; default 1
	CallTimeout           time.Duration             // of every call but receive, unless the caller's is shorter; default 10 s
	TimeAfterFirstMessage time.Duration             // how long a receive goes on collecting; default 5 ms
	Retry                 azservicebus.RetryOptions // default: 5 retries, 500 ms doubling to 30 s
	ApplicationID         string                    // shown to the service; default signalbox

	// NewConn replaces the TCP connection, for a broker inside the process.
	NewConn func(ctx context.Context) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Connections == 0 {
		o.Connections = 1
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = 10 * time.Second
	}
	if o.TimeAfterFirstMessage == 0 {
		o.TimeAfterFirstMessage = 5 * time.Millisecond
	}
	if o.Retry == (azservicebus.RetryOptions{}) {
		o.Retry = azservicebus.RetryOptions{MaxRetries: 5, RetryDelay: 500 * time.Millisecond, MaxRetryDelay: 30 * time.Second}
	}
	if o.ApplicationID == "" {
		o.ApplicationID = "signalbox"
	}
	return o
}

// Validate reports every problem at once.
func (o Options) Validate() error {
	var problems []error
	switch byKey, byToken := !o.ConnectionString.IsZero(), o.Host != "" || o.Credential != nil; {
	case byKey && byToken:
		problems = append(problems, errors.New("servicebus: both a connection string and a host with credential"))
	case !byKey && (o.Host == "" || o.Credential == nil):
		problems = append(problems, errors.New("servicebus: neither a connection string nor a host with credential"))
	}
	if o.Connections < 0 || o.CallTimeout < 0 || o.TimeAfterFirstMessage < 0 {
		problems = append(problems, errors.New("servicebus: a negative number of connections or time"))
	}
	return errors.Join(problems...)
}

// Namespace is a Service Bus namespace.
type Namespace struct {
	options Options
	next    atomic.Uint32 // round robin over the clients
	ending  context.Context
	end     context.CancelFunc

	mu      sync.Mutex
	clients []*azservicebus.Client // as many as at first; each may be replaced
	senders map[string]*sender
	closing sync.WaitGroup // what is being closed in the background
}

// Open makes the clients. Nothing is dialled yet.
func Open(o Options) (*Namespace, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	n := &Namespace{options: o.withDefaults(), senders: map[string]*sender{}}
	n.ending, n.end = context.WithCancel(context.Background())
	for range n.options.Connections {
		client, err := n.options.client()
		if err != nil {
			return nil, fmt.Errorf("servicebus: %w", err)
		}
		n.clients = append(n.clients, client)
	}
	return n, nil
}

func (o Options) client() (*azservicebus.Client, error) {
	options := &azservicebus.ClientOptions{ApplicationID: o.ApplicationID, RetryOptions: o.Retry}
	if o.NewConn != nil {
		options.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return o.NewConn(ctx)
		}
	}
	if o.ConnectionString.IsZero() {
		return azservicebus.NewClient(o.Host, o.Credential, options)
	}
	client, err := azservicebus.NewClientFromConnectionString(o.ConnectionString.Reveal(), options)
	if err != nil { // the SDK's text quotes parts of the string
		return nil, errUnusable
	}
	return client, nil
}

var errUnusable = errors.New("the connection string cannot be used: it needs Endpoint, SharedAccessKeyName and SharedAccessKey, or SharedAccessSignature")

// place is the number of a client for the next queue that needs one.
func (n *Namespace) place() int { return int(n.next.Add(1)-1) % n.options.Connections }

// client is the one that has a place now.
func (n *Namespace) client(place int) *azservicebus.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clients[place]
}

// Close closes every link and connection. Locks in hand run out by themselves.
func (n *Namespace) Close(ctx context.Context) error {
	n.mu.Lock()
	n.end()
	last := slices.Clone(n.clients)
	n.mu.Unlock()
	return bounded.Call(ctx, 0, func() error {
		n.closing.Wait()
		var problems []error
		for _, client := range last {
			problems = append(problems, client.Close(ctx))
		}
		return errors.Join(problems...)
	})
}
