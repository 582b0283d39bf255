package store

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrExists is what CreateQueue returns for a name that is taken, in any case of letters.
var ErrExists = errors.New("store: the messaging entity already exists")

const deadLetterSuffix = "/$DeadLetterQueue"

// Namespace holds queues by name.
type Namespace struct {
	mu     sync.RWMutex
	queues map[string]*Queue // by lower-case path, sub-queues not among them
	closed bool
}

// New returns a namespace without queues.
func New() *Namespace { return &Namespace{queues: make(map[string]*Queue)} }

var queueName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9_])?$`)

// CreateQueue makes a queue and its dead-letter queue. Zero fields of p take the service's defaults.
func (n *Namespace) CreateQueue(name string, p QueueProperties) error {
	if !queueName.MatchString(name) {
		return fmt.Errorf("store: %q is not a queue name", name)
	}
	if p.LockDuration == 0 {
		p.LockDuration = time.Minute
	}
	if p.MaxDeliveryCount == 0 {
		p.MaxDeliveryCount = 10
	}
	if p.MaxMessageBytes == 0 {
		p.MaxMessageBytes = 262144
	}
	if p.LockDuration < 0 || p.LockDuration > 5*time.Minute || p.MaxDeliveryCount < 0 || p.MaxMessageBytes < 0 {
		return fmt.Errorf("store: queue %q: properties out of range: %+v", name, p)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.queues[strings.ToLower(name)] != nil {
		return ErrExists
	}
	q := newQueue(name, p)
	q.dead = newQueue(name+deadLetterSuffix, p)
	q.dead.parent = q
	q.closed, q.dead.closed = n.closed, n.closed
	n.queues[strings.ToLower(name)] = q
	return nil
}

// Queue finds a queue or a dead-letter queue by address: "q" or "q/$DeadLetterQueue" in any case of letters, with
// or without a leading slash or a scheme and host.
func (n *Namespace) Queue(path string) (*Queue, error) {
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	path = strings.ToLower(strings.Trim(path, "/"))
	name, dead := strings.CutSuffix(path, strings.ToLower(deadLetterSuffix))
	n.mu.RLock()
	q := n.queues[name]
	n.mu.RUnlock()
	if q == nil {
		return nil, ErrNotFound
	}
	if dead {
		return q.dead, nil
	}
	return q, nil
}

// Queues lists the names as they were given at creation, sorted.
func (n *Namespace) Queues() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var names []string
	for q := range maps.Values(n.queues) {
		names = append(names, q.path)
	}
	slices.Sort(names)
	return names
}

// Close ends all deliveries and timers and waits for deliver calls that are under way, so the caller must not
// hold a lock that they take. Messages can still be looked at.
func (n *Namespace) Close() {
	n.mu.Lock()
	n.closed = true
	queues := slices.Collect(maps.Values(n.queues))
	n.mu.Unlock()
	for _, q := range queues {
		q.close()
		q.dead.close()
	}
}
