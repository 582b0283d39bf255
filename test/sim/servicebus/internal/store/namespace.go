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

// ErrExists is for a name that is taken, in any case of letters: queues and topics share theirs.
var ErrExists = errors.New("store: the messaging entity already exists")

const deadLetterSuffix = "/$DeadLetterQueue"

// Namespace holds queues, topics and subscriptions by name.
type Namespace struct {
	mu     sync.RWMutex      // before that of any queue
	queues map[string]*Queue // by lower-case path, sub-queues not among them
	closed bool
}

// New returns an empty namespace.
func New() *Namespace { return &Namespace{queues: make(map[string]*Queue)} }

var queueName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9_])?$`)

// checkName says what is wrong with the name of a queue or topic. One that looks like a subscription's path could not be told from it.
func checkName(name, what string) error {
	if !queueName.MatchString(name) || strings.Contains(strings.ToLower("/"+name+"/"), "/subscriptions/") {
		return PropertyError{fmt.Sprintf("%q is not the name of a %s", name, what)}
	}
	return nil
}

// CreateQueue makes a queue and its dead-letter queue. Zero fields of p take the service's defaults.
func (n *Namespace) CreateQueue(name string, p QueueProperties) error {
	if err := checkName(name, "queue"); err != nil {
		return err
	}
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.add(withDeadLetters(name, p, new(atomic.Int64)))
}

func withDeadLetters(path string, p QueueProperties, bytes *atomic.Int64) *Queue {
	q := newQueue(path, p, bytes)
	q.dead = newQueue(path+deadLetterSuffix, p, bytes)
	q.dead.parent = q
	return q
}

// add takes a new queue, topic or subscription in, unless its name is taken. It needs the namespace's lock.
func (n *Namespace) add(q *Queue) error {
	if n.queues[strings.ToLower(q.path)] != nil {
		return ErrExists
	}
	for _, one := range q.both() {
		one.closed = n.closed
	}
	n.queues[strings.ToLower(q.path)] = q
	return nil
}

// UpdateQueue gives a queue other settings; zero fields of p take the service's defaults. What is fixed at creation
// must stay as it is.
func (n *Namespace) UpdateQueue(name string, p QueueProperties) error {
	q, err := n.entity(name, KindQueue)
	if err != nil {
		return err
	}
	return q.update(p)
}

func (q *Queue) update(p QueueProperties) error {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return err
	}
	if q.Properties().DuplicateDetection != p.DuplicateDetection {
		return PropertyError{"duplicate detection is chosen at creation"}
	}
	q.set(p, time.Now())
	return nil
}

// DeleteQueue removes a queue, its dead-letter queue and all messages. Whoever still holds it is told ErrNotFound.
// Like Close it waits for deliver calls that are under way.
func (n *Namespace) DeleteQueue(name string) error {
	q, err := n.entity(name, KindQueue)
	if err != nil {
		return err
	}
	n.remove(q)
	return nil
}

// remove takes entities out, and then ends them.
func (n *Namespace) remove(all ...*Queue) {
	n.mu.Lock()
	for _, q := range all {
		if n.queues[strings.ToLower(q.path)] == q {
			delete(n.queues, strings.ToLower(q.path))
		}
	}
	n.mu.Unlock()
	for _, q := range all {
		for _, one := range q.both() {
			one.delete()
		}
	}
}

// entity finds what has the path, if it is of that kind. ErrNotAllowed for a dead-letter queue.
func (n *Namespace) entity(path string, kind Kind) (*Queue, error) {
	q, err := n.Queue(path)
	switch {
	case err != nil:
		return nil, err
	case q.IsDeadLetter():
		return nil, ErrNotAllowed
	case q.Kind() != kind:
		return nil, ErrNotFound
	}
	return q, nil
}

// Queue finds a queue, topic, subscription or dead-letter queue by address: "q", "t", "t/Subscriptions/s" or
// "q/$DeadLetterQueue" in any case of letters, with or without a leading slash or a scheme and host.
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
	switch {
	case !dead:
		return q, nil
	case q.dead == nil: // a topic
		return nil, ErrNotFound
	}
	return q.dead, nil
}

// Queues lists the queues' names as they were given at creation, sorted; Topics the topics'.
func (n *Namespace) Queues() []string { return n.list(KindQueue) }

// Topics lists the topics.
func (n *Namespace) Topics() []string { return n.list(KindTopic) }

func (n *Namespace) list(kind Kind) []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var names []string
	for q := range maps.Values(n.queues) {
		if q.Kind() == kind {
			names = append(names, q.path)
		}
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
		for _, one := range q.both() {
			one.close()
		}
	}
}
