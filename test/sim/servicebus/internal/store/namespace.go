package store

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
		return fmt.Errorf("%w: %q is not a queue name", ErrProperty, name)
	}
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return fmt.Errorf("store: queue %q: %w", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.queues[strings.ToLower(name)] != nil {
		return ErrExists
	}
	bytes := new(atomic.Int64)
	q := newQueue(name, p, bytes)
	q.dead = newQueue(name+deadLetterSuffix, p, bytes)
	q.dead.parent = q
	q.closed, q.dead.closed = n.closed, n.closed
	n.queues[strings.ToLower(name)] = q
	return nil
}

// UpdateQueue gives a queue other settings; zero fields of p take the service's defaults. What is fixed at creation
// must stay as it is.
func (n *Namespace) UpdateQueue(name string, p QueueProperties) error {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return fmt.Errorf("store: queue %q: %w", name, err)
	}
	q, err := n.Queue(name)
	switch {
	case err != nil:
		return err
	case q.IsDeadLetter():
		return ErrNotAllowed
	case q.Properties().DuplicateDetection != p.DuplicateDetection:
		return fmt.Errorf("store: queue %q: %w: duplicate detection is chosen at creation", name, ErrProperty)
	}
	q.set(p, time.Now())
	return nil
}

// DeleteQueue removes a queue, its dead-letter queue and all messages. Whoever still holds it is told ErrNotFound.
// Like Close it waits for deliver calls that are under way.
func (n *Namespace) DeleteQueue(name string) error {
	q, err := n.Queue(name)
	switch {
	case err != nil:
		return err
	case q.IsDeadLetter():
		return ErrNotAllowed
	}
	n.mu.Lock()
	if n.queues[strings.ToLower(q.path)] == q {
		delete(n.queues, strings.ToLower(q.path))
	}
	n.mu.Unlock()
	q.delete()
	q.dead.delete()
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
