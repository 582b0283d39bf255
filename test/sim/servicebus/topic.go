package servicebus

import (
	"fmt"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// Topic describes one topic; a zero field takes the default of the service. What is sent to it goes to each of its subscriptions
// that has a rule which selects it.
type Topic struct {
	Name               string
	MaxMessageBytes    int           // default 262144, the Standard tier's; up to 104857600
	MaxSizeMegabytes   int           // of all subscriptions and their dead letters together; default 1024
	DefaultTTL         time.Duration // default and ceiling of a message's time to live; a subscription's own is another ceiling
	DuplicateDetection bool          // a message id that was seen within the window is accepted and dropped; fixed at creation
	DuplicateWindow    time.Duration // default 10 min, at most 7 days
	Status             Status        // default StatusActive
	Metadata           string        // text that the administration API shows, at most 1024 characters

	Subscriptions []Subscription // created with it; their Topic may be left out
}

// Subscription describes one subscription; a zero field takes the default of the service.
type Subscription struct {
	Topic, Name       string
	LockDuration      time.Duration // default 1 min, at most 5 min
	MaxDeliveryCount  int           // failed attempts before the dead-letter queue; default 10
	DefaultTTL        time.Duration // default and ceiling of a message's time to live, besides the topic's
	DeadLetterExpired bool          // what expires is dead-lettered, not dropped
	Status            Status        // default StatusActive; it gets messages whatever it is
	Metadata          string        // text that the administration API shows, at most 1024 characters

	Rules []Rule // nil: one that selects everything; empty: none, so that nothing comes
}

// Path is the subscription's address.
func (s Subscription) Path() string { return s.Topic + "/Subscriptions/" + s.Name }

// Rule selects messages for a subscription; a message comes once, however many rules select it.
type Rule = store.Rule

// Filter is what a rule selects by: a TrueFilter, a FalseFilter or a CorrelationFilter.
type Filter = store.Filter

// The filters there are.
type (
	TrueFilter        = store.TrueFilter
	FalseFilter       = store.FalseFilter
	CorrelationFilter = store.CorrelationFilter
)

// DefaultRule is the name of the rule that a subscription begins with.
const DefaultRule = store.DefaultRule

// SQLFilter gives the filter of an SQL expression: 1=1 and 1=0 are all there are.
func SQLFilter(expression string) (Filter, error) { return store.SQLFilter(expression) }

func (t Topic) properties() store.QueueProperties {
	return store.QueueProperties{
		MaxMessageBytes: t.MaxMessageBytes, MaxSizeMegabytes: t.MaxSizeMegabytes, DefaultTTL: t.DefaultTTL,
		DuplicateDetection: t.DuplicateDetection, DuplicateWindow: t.DuplicateWindow, Status: t.Status, Metadata: t.Metadata,
	}
}

func (s Subscription) properties() store.QueueProperties {
	return store.QueueProperties{
		LockDuration: s.LockDuration, MaxDeliveryCount: s.MaxDeliveryCount, DefaultTTL: s.DefaultTTL,
		DeadLetterExpired: s.DeadLetterExpired, Status: s.Status, Metadata: s.Metadata,
	}
}

// CreateTopic adds a topic with its subscriptions.
func (b *Broker) CreateTopic(t Topic) error {
	if err := b.namespace.CreateTopic(t.Name, t.properties()); err != nil {
		return fmt.Errorf("servicebus: topic %q: %w", t.Name, err)
	}
	for _, s := range t.Subscriptions {
		s.Topic = t.Name
		if err := b.CreateSubscription(s); err != nil {
			return err
		}
	}
	return nil
}

// UpdateTopic gives a topic other settings and detaches its links. Its subscriptions stay as they are.
func (b *Broker) UpdateTopic(t Topic) error {
	return b.change("topic", t.Name, func() error { return b.namespace.UpdateTopic(t.Name, t.properties()) })
}

// DeleteTopic removes a topic with all of its subscriptions, and detaches every link to them.
func (b *Broker) DeleteTopic(name string) error {
	return b.drop("topic", name, func() error { return b.namespace.DeleteTopic(name) })
}

// CreateSubscription adds a subscription and its dead-letter queue to a topic. It gets what is sent from then on.
func (b *Broker) CreateSubscription(s Subscription) error {
	if err := b.namespace.CreateSubscription(s.Topic, s.Name, s.properties(), s.Rules); err != nil {
		return fmt.Errorf("servicebus: subscription %q: %w", s.Path(), err)
	}
	return nil
}

// UpdateSubscription gives a subscription other settings and detaches its links. Its rules stay.
func (b *Broker) UpdateSubscription(s Subscription) error {
	return b.change("subscription", s.Path(), func() error { return b.namespace.UpdateSubscription(s.Path(), s.properties()) })
}

// DeleteSubscription removes a subscription, by its path, with its messages and dead letters.
func (b *Broker) DeleteSubscription(path string) error {
	return b.drop("subscription", path, func() error { return b.namespace.DeleteSubscription(path) })
}

// CreateRule adds a rule to a subscription, which is named by its path.
func (b *Broker) CreateRule(subscription string, r Rule) error {
	return b.namespace.CreateRule(subscription, r)
}

// DeleteRule takes a rule away.
func (b *Broker) DeleteRule(subscription, rule string) error {
	return b.namespace.DeleteRule(subscription, rule)
}

// Topics lists the topics by name, Subscriptions those of a topic.
func (b *Broker) Topics() []string { return b.namespace.Topics() }

// Subscriptions lists the names of a topic's subscriptions.
func (b *Broker) Subscriptions(topic string) ([]string, error) {
	return b.namespace.Subscriptions(topic)
}

// received lists everything that messages wait in: queues, and subscriptions by path.
func (b *Broker) received() []string {
	all := b.Queues()
	for _, t := range b.Topics() {
		names, _ := b.Subscriptions(t) // it may be gone meanwhile
		for _, name := range names {
			all = append(all, Subscription{Topic: t, Name: name}.Path())
		}
	}
	return all
}
