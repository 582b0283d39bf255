package store

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// A topic is a Queue that keeps nothing but what is scheduled: everything else it gives to each of its subscriptions that a rule
// selects it for. So duplicates are found, and scheduled messages wait and are cancelled, on the topic, as on any queue. A
// subscription is a Queue that only its topic sends to: numbers, locks, delivery counts and dead letters are its own.
// Source: learn.microsoft.com, Service Bus "Queues, topics, and subscriptions" and "Topic filters and actions".

// Kind is what an address leads to.
type Kind int

// The kinds.
const (
	KindQueue Kind = iota
	KindTopic
	KindSubscription
)

// DefaultRule is the name of the rule that a subscription begins with.
const DefaultRule = "$Default"

const subscriptionsPart = "/Subscriptions/"

// Rule says which messages of its topic a subscription gets.
type Rule struct {
	Name    string
	Filter  Filter
	Created time.Time
}

// topic is what makes a Queue a topic. The Queue's mu guards it, and with it the rules of every subscription.
type topic struct {
	subscriptions map[string]*Queue          // by lower-case path
	rules         map[*Queue]map[string]Rule // by lower-case name
}

// Kind is what the queue is; a dead-letter queue is a queue.
func (q *Queue) Kind() Kind {
	switch {
	case q.topic != nil:
		return KindTopic
	case q.of != nil:
		return KindSubscription
	}
	return KindQueue
}

// Topic is the topic of a subscription, or of the dead-letter queue of one; nil for all others.
func (q *Queue) Topic() *Queue {
	if q.parent != nil {
		return q.parent.of
	}
	return q.of
}

// size counts subscriptions, and correlation filters of theirs.
func (t *topic) size() (subscriptions, correlations int) {
	for _, rules := range t.rules {
		for _, r := range rules {
			if _, is := r.Filter.(CorrelationFilter); is {
				correlations++
			}
		}
	}
	return len(t.subscriptions), correlations
}

// spread gives a message, whose time it is, to the subscriptions that want it, each a copy. The time to live that the topic
// allows travels with it. It needs the topic's mu.
func (q *Queue) spread(m *wire.Message, now time.Time) {
	ttl := timeToLive(m, q.props)
	for _, s := range q.topic.subscriptions {
		if !selected(q.topic.rules[s], m) {
			continue
		}
		own := clone(m)
		if ttl > 0 {
			if own.Header == nil {
				own.Header = &wire.Header{}
			}
			ms := uint32(min(ttl.Milliseconds(), math.MaxUint32))
			own.Header.TTL = &ms
		}
		s.mu.Lock()
		if !s.deleted {
			s.add(own, now)
			s.settleDown()
		}
		s.mu.Unlock()
	}
}

// selected says whether any of the rules selects the message: it comes once, however many do.
func selected(rules map[string]Rule, m *wire.Message) bool {
	for _, r := range rules {
		if r.Filter.selects(m) {
			return true
		}
	}
	return false
}

// CreateTopic makes a topic. Of p it uses what is about sending and about the size of all; zero fields take the service's defaults.
func (n *Namespace) CreateTopic(name string, p QueueProperties) error {
	if err := checkName(name, "topic"); err != nil {
		return err
	}
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	q := newQueue(name, p, new(atomic.Int64))
	q.topic = &topic{subscriptions: map[string]*Queue{}, rules: map[*Queue]map[string]Rule{}}
	return n.add(q)
}

// UpdateTopic is UpdateQueue for a topic. Its subscriptions take messages as large as it does.
func (n *Namespace) UpdateTopic(name string, p QueueProperties) error {
	q, err := n.entity(name, KindTopic)
	if err != nil {
		return err
	}
	if err := q.update(p); err != nil {
		return err
	}
	largest := q.Properties().MaxMessageBytes
	for _, s := range q.list() {
		own := s.Properties()
		own.MaxMessageBytes = largest
		s.set(own, time.Now())
	}
	return nil
}

// DeleteTopic removes a topic with its subscriptions, as DeleteQueue does a queue.
func (n *Namespace) DeleteTopic(name string) error {
	q, err := n.entity(name, KindTopic)
	if err != nil {
		return err
	}
	q.mu.Lock()
	q.deleted = true // from here on nobody subscribes
	q.mu.Unlock()
	n.remove(append(q.list(), q)...)
	return nil
}

// list gives a topic's subscriptions by path.
func (q *Queue) list() []*Queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := slices.Collect(maps.Values(q.topic.subscriptions))
	slices.SortFunc(all, func(a, b *Queue) int { return strings.Compare(a.path, b.path) })
	return all
}

var (
	subscriptionName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9_])?$`)
	ruleName         = regexp.MustCompile(`^[$A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9_])?$`)
)

// CreateSubscription makes a subscription of a topic and its dead-letter queue. Rules nil: the one that selects everything;
// empty: none, so it gets nothing. Of p it uses what is about receiving.
func (n *Namespace) CreateSubscription(topicName, name string, p QueueProperties, rules []Rule) error {
	t, err := n.entity(topicName, KindTopic)
	if err != nil {
		return err
	}
	if !subscriptionName.MatchString(name) {
		return PropertyError{fmt.Sprintf("%q is not the name of a subscription", name)}
	}
	if p, err = t.asked(p); err != nil {
		return err
	}
	if rules == nil {
		rules = []Rule{{Name: DefaultRule, Filter: TrueFilter{}}}
	}
	byName := map[string]Rule{}
	for _, r := range rules {
		if err := putRule(byName, r); err != nil {
			return err
		}
	}
	s := withDeadLetters(t.path+subscriptionsPart+name, p, t.bytes)
	s.of = t
	n.mu.Lock()
	defer n.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deleted {
		return ErrNotFound
	}
	if err := n.add(s); err != nil {
		return err
	}
	t.topic.subscriptions[strings.ToLower(s.path)], t.topic.rules[s] = s, byName
	return nil
}

// asked completes the settings of a subscription: duplicates and sizes are the topic's affair.
func (q *Queue) asked(p QueueProperties) (QueueProperties, error) {
	of := q.Properties()
	p.DuplicateDetection, p.DuplicateWindow, p.MaxMessageBytes, p.MaxSizeMegabytes = false, 0, of.MaxMessageBytes, of.MaxSizeMegabytes
	p = p.withDefaults()
	return p, p.check()
}

// UpdateSubscription is UpdateQueue for a subscription, by its path. Its rules stay.
func (n *Namespace) UpdateSubscription(path string, p QueueProperties) error {
	s, err := n.entity(path, KindSubscription)
	if err != nil {
		return err
	}
	if p, err = s.of.asked(p); err != nil {
		return err
	}
	s.set(p, time.Now())
	return nil
}

// DeleteSubscription is DeleteQueue for a subscription, by its path.
func (n *Namespace) DeleteSubscription(path string) error {
	s, err := n.entity(path, KindSubscription)
	if err != nil {
		return err
	}
	t := s.of
	t.mu.Lock()
	delete(t.topic.subscriptions, strings.ToLower(s.path))
	delete(t.topic.rules, s)
	t.mu.Unlock()
	n.remove(s)
	return nil
}

// Subscriptions lists the names of a topic's subscriptions, sorted.
func (n *Namespace) Subscriptions(topicName string) ([]string, error) {
	t, err := n.entity(topicName, KindTopic)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range t.list() {
		names = append(names, s.path[len(t.path)+len(subscriptionsPart):])
	}
	return names, nil
}

// Rules lists a subscription's rules by name.
func (n *Namespace) Rules(path string) ([]Rule, error) {
	s, err := n.entity(path, KindSubscription)
	if err != nil {
		return nil, err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	all := slices.Collect(maps.Values(s.of.topic.rules[s]))
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// CreateRule adds a rule to a subscription, UpdateRule gives one another filter, DeleteRule takes it away. They hold for what
// is sent from then on.
func (n *Namespace) CreateRule(path string, r Rule) error {
	return n.change(path, func(rules map[string]Rule) error { return putRule(rules, r) })
}

// UpdateRule replaces the rule of that name.
func (n *Namespace) UpdateRule(path string, r Rule) error {
	return n.change(path, func(rules map[string]Rule) error {
		old, there := rules[strings.ToLower(r.Name)]
		if !there {
			return ErrNotFound
		}
		r.Name, r.Created = old.Name, old.Created
		rules[strings.ToLower(r.Name)] = r
		return nil
	})
}

// DeleteRule removes the rule of that name.
func (n *Namespace) DeleteRule(path, name string) error {
	return n.change(path, func(rules map[string]Rule) error {
		if _, there := rules[strings.ToLower(name)]; !there {
			return ErrNotFound
		}
		delete(rules, strings.ToLower(name))
		return nil
	})
}

func (n *Namespace) change(path string, do func(rules map[string]Rule) error) error {
	s, err := n.entity(path, KindSubscription)
	if err != nil {
		return err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	rules, there := s.of.topic.rules[s]
	if !there {
		return ErrNotFound
	}
	return do(rules)
}

func putRule(rules map[string]Rule, r Rule) error {
	switch {
	case !ruleName.MatchString(r.Name):
		return PropertyError{fmt.Sprintf("%q is not the name of a rule", r.Name)}
	case r.Filter == nil:
		return PropertyError{fmt.Sprintf("the rule %q has no filter", r.Name)}
	case rules[strings.ToLower(r.Name)].Filter != nil:
		return ErrExists
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	rules[strings.ToLower(r.Name)] = r
	return nil
}
