package servicebus

import (
	"fmt"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// Queue describes one queue; a zero field takes the default of the service.
type Queue struct {
	Name               string
	LockDuration       time.Duration // default 1 min, at most 5 min
	MaxDeliveryCount   int           // failed attempts before the dead-letter queue; default 10
	MaxMessageBytes    int           // default 262144, the Standard tier's; Premium's is 1048576, and up to 104857600
	MaxSizeMegabytes   int           // of the queue and its dead letters together; default 1024
	DefaultTTL         time.Duration // default and ceiling of a message's time to live; default: messages live for ever
	DeadLetterExpired  bool          // what expires is dead-lettered, not dropped
	DuplicateDetection bool          // a message id that was seen within the window is accepted and dropped; fixed at creation
	DuplicateWindow    time.Duration // default 10 min, at most 7 days
	Status             Status        // default StatusActive
	Metadata           string        // text that the administration API shows, at most 1024 characters
}

// Status says what a queue and its dead-letter queue can be used for.
type Status = store.Status

// The statuses, in the service's words.
const (
	StatusActive          = store.StatusActive
	StatusDisabled        = store.StatusDisabled
	StatusSendDisabled    = store.StatusSendDisabled
	StatusReceiveDisabled = store.StatusReceiveDisabled
)

func (q Queue) properties() store.QueueProperties {
	return store.QueueProperties{
		LockDuration: q.LockDuration, MaxDeliveryCount: q.MaxDeliveryCount, MaxMessageBytes: q.MaxMessageBytes,
		MaxSizeMegabytes: q.MaxSizeMegabytes, DefaultTTL: q.DefaultTTL, DeadLetterExpired: q.DeadLetterExpired,
		DuplicateDetection: q.DuplicateDetection, DuplicateWindow: q.DuplicateWindow, Status: q.Status, Metadata: q.Metadata,
	}
}

// CreateQueue adds a queue and its dead-letter queue.
func (b *Broker) CreateQueue(q Queue) error { return b.createQueue(q.Name, q.properties()) }

func (b *Broker) createQueue(name string, p store.QueueProperties) error {
	if err := b.namespace.CreateQueue(name, p); err != nil {
		return fmt.Errorf("servicebus: queue %q: %w", name, err)
	}
	return nil
}

// UpdateQueue gives a queue other settings and detaches its links, as the service does. Locks and times to live that
// messages have stay as they are.
func (b *Broker) UpdateQueue(q Queue) error { return b.updateQueue(q.Name, q.properties()) }

func (b *Broker) updateQueue(name string, p store.QueueProperties) error {
	return b.change("queue", name, func() error { return b.namespace.UpdateQueue(name, p) })
}

// change updates a queue, topic or subscription, and detaches its links.
func (b *Broker) change(what, path string, update func() error) error {
	q, err := b.namespace.Queue(path)
	if err == nil {
		err = update()
	}
	if err != nil {
		return fmt.Errorf("servicebus: %s %q: %w", what, path, err)
	}
	b.detach(func(l *link) bool { return l.belongsTo(q) && l.node == nodeEntity })
	return nil
}

// drop deletes one, and detaches every link to it.
func (b *Broker) drop(what, path string, remove func() error) error {
	q, err := b.namespace.Queue(path)
	if err == nil {
		err = remove()
	}
	if err != nil {
		return fmt.Errorf("servicebus: %s %q: %w", what, path, err)
	}
	b.detach(func(l *link) bool { return l.belongsTo(q) || l.queue != nil && l.queue.Topic() == q })
	return nil
}

// DeleteQueue removes a queue, its dead-letter queue and all messages, and detaches every link to them.
func (b *Broker) DeleteQueue(name string) error {
	return b.drop("queue", name, func() error { return b.namespace.DeleteQueue(name) })
}

// belongsTo says whether the link leads to the queue, topic or subscription, to its dead-letter queue, or to the management node of either.
func (l *link) belongsTo(q *store.Queue) bool {
	return l.queue != nil && (l.queue == q || l.queue.Parent() == q)
}

// Queues lists the queues by name, as they were spelled at their creation.
func (b *Broker) Queues() []string { return b.namespace.Queues() }

// Counts is how many messages a queue holds. Active includes the locked and the deferred ones.
type Counts = store.Counts

// Counts counts the messages of a queue, or of a subscription or dead-letter queue by its path. Those of a topic are its scheduled ones.
func (b *Broker) Counts(queue string) (Counts, error) {
	q, err := b.queue(queue)
	if err != nil {
		return Counts{}, err
	}
	return q.Counts(), nil
}
