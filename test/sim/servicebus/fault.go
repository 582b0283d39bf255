package servicebus

import (
	"fmt"
	"strings"
	"sync"
	"time"

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
	left  int
	until time.Time // counts when left does not
	err   *wire.Error
}

// RejectSends lets the next n sends to the queue fail with the condition, for example
// "com.microsoft:server-busy" or "amqp:resource-limit-exceeded". Zero ends it.
func (b *Broker) RejectSends(queue string, n int, condition string) error {
	return b.rejectSends(queue, sendFault{left: n}, condition)
}

// RejectSendsFor is RejectSends for as long as d from now.
func (b *Broker) RejectSendsFor(queue string, d time.Duration, condition string) error {
	return b.rejectSends(queue, sendFault{until: time.Now().Add(d)}, condition)
}

func (b *Broker) rejectSends(queue string, fault sendFault, condition string) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	fault.err = &wire.Error{
		Condition: wire.Symbol(condition), Description: "The request was refused because the broker was told to.",
	}
	b.faults.mu.Lock()
	defer b.faults.mu.Unlock()
	if b.faults.sends == nil {
		b.faults.sends = make(map[string]*sendFault)
	}
	b.faults.sends[key(q)] = &fault
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

// LoseLock ends the lock on a message now, as if its time were up: the attempt counts, the message comes back, and
// its holder finds the lock lost.
func (b *Broker) LoseLock(queue string, token [16]byte) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	return q.LoseLock(token)
}

// LoseLocks ends all locks of the queue so, and says how many.
func (b *Broker) LoseLocks(queue string) (int, error) {
	q, err := b.queue(queue)
	if err != nil {
		return 0, err
	}
	return q.LoseLocks(), nil
}

// DelayDeliveries holds each message of the queue back for d from when it becomes available. Zero ends it.
func (b *Broker) DelayDeliveries(queue string, d time.Duration) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	q.DelayDeliveries(d)
	return nil
}

// DeliverTwice stores each of the next n messages twice, as happens when a sender repeats a send whose answer it
// did not see. The copy has the same message id, its own sequence number right after the first's, and a delivery
// count of its own.
func (b *Broker) DeliverTwice(queue string, n int) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	q.DeliverTwice(n)
	return nil
}

// send is the error that a send to q must fail with, nil for none.
func (f *faults) send(q *store.Queue) *wire.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.sends[key(q)]
	switch {
	case fault == nil:
		return nil
	case fault.left > 0:
		fault.left--
		return fault.err
	case time.Now().Before(fault.until):
		return fault.err
	}
	return nil
}

// token says whether put-token for q must be refused.
func (f *faults) token(q *store.Queue) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.denied[key(q)]
}

// queue finds the queue, topic, subscription or dead-letter queue that a fault is meant for.
func (b *Broker) queue(path string) (*store.Queue, error) {
	q, err := b.namespace.Queue(path)
	if err != nil {
		return nil, fmt.Errorf("servicebus: queue %q: %w", path, err)
	}
	return q, nil
}

func key(q *store.Queue) string { return strings.ToLower(q.Path()) }
