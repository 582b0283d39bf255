package servicebus

import (
	"fmt"
	"strings"
	"sync"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// faults are what the broker was told to do wrong, by lower-case path of a queue. Each is asked at the one
// place where it shows: send by an inlet, token by put-token.
type faults struct {
	mu     sync.Mutex
	sends  map[string]*sendFault
	denied map[string]bool
}

type sendFault struct {
	left int
	err  *wire.Error
}

// RejectSends lets the next n sends to the queue fail with the condition, for example
// "com.microsoft:server-busy" or "amqp:resource-limit-exceeded". Zero ends it.
func (b *Broker) RejectSends(queue string, n int, condition string) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	b.faults.mu.Lock()
	defer b.faults.mu.Unlock()
	if b.faults.sends == nil {
		b.faults.sends = make(map[string]*sendFault)
	}
	b.faults.sends[key(q)] = &sendFault{n, &wire.Error{
		Condition: wire.Symbol(condition), Description: "The request was refused because the broker was told to.",
	}}
	return nil
}

// DenyTokens makes put-token for the queue answer 401, or stop doing so. Links that are attached stay.
func (b *Broker) DenyTokens(queue string, deny bool) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	b.faults.mu.Lock()
	defer b.faults.mu.Unlock()
	if b.faults.denied == nil {
		b.faults.denied = make(map[string]bool)
	}
	b.faults.denied[key(q)] = deny
	return nil
}

// send is the error that a send to q must fail with, nil for none.
func (f *faults) send(q *store.Queue) *wire.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.sends[key(q)]
	if fault == nil || fault.left <= 0 {
		return nil
	}
	fault.left--
	return fault.err
}

// token says whether put-token for q must be refused.
func (f *faults) token(q *store.Queue) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.denied[key(q)]
}

// queue finds the queue that a fault is meant for.
func (b *Broker) queue(path string) (*store.Queue, error) {
	q, err := b.namespace.Queue(path)
	if err != nil {
		return nil, fmt.Errorf("servicebus: queue %q: %w", path, err)
	}
	return q, nil
}

func key(q *store.Queue) string { return strings.ToLower(q.Path()) }
