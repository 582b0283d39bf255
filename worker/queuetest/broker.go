// Package queuetest has a broker in memory that behaves like Service Bus as far as the worker can tell, with
// switches to break it, and the suite of behaviours that every worker.Queue must show.
package queuetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/worker"
)

// Broker holds queues in memory. Time is the standard library's: use it inside testing/synctest.
type Broker struct {
	mu       sync.Mutex
	queues   map[string]*Queue
	sequence int64
	journal  []string
	sendErr  func(queue string) error
}

// NewBroker makes an empty broker.
func NewBroker() *Broker { return &Broker{queues: map[string]*Queue{}} }

// Settings of one queue.
type Settings struct {
	LockDuration     time.Duration // default 1 min
	MaxDeliveryCount int           // default 10
}

// Queue makes a queue.
func (b *Broker) Queue(name string, s Settings) *Queue {
	if s.LockDuration == 0 {
		s.LockDuration = time.Minute
	}
	if s.MaxDeliveryCount == 0 {
		s.MaxDeliveryCount = 10
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	q := &Queue{broker: b, name: name, settings: s, changed: make(chan struct{})}
	b.queues[name] = q
	return q
}

// FailSends makes Send fail as fail says; nil ends it.
func (b *Broker) FailSends(fail func(queue string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendErr = fail
}

// Journal lists what was done so far, in order: "send <queue>", "complete <queue>" and so on.
func (b *Broker) Journal() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.journal)
}

// Send implements worker.Outbox.
func (b *Broker) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sendErr != nil {
		if err := b.sendErr(queue); err != nil {
			return err
		}
	}
	q, ok := b.queues[queue]
	if !ok {
		return worker.ErrNotFound
	}
	b.journal = append(b.journal, "send "+queue)
	q.add(m, at)
	return nil
}

// SendAll implements worker.Outbox.
func (b *Broker) SendAll(ctx context.Context, queue string, messages []worker.Message) error {
	for _, m := range messages {
		if err := b.Send(ctx, queue, m, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// Schedule implements worker.Outbox.
func (b *Broker) Schedule(ctx context.Context, queue string, m worker.Message, at time.Time) (int64, error) {
	if err := b.Send(ctx, queue, m, at); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.queues[queue].messages {
		if s.ID == m.ID {
			return s.Sequence, nil
		}
	}
	return 0, worker.ErrMessageNotFound
}

// Cancel implements worker.Outbox.
func (b *Broker) Cancel(ctx context.Context, queue string, sequence int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	q, ok := b.queues[queue]
	if !ok {
		return worker.ErrNotFound
	}
	for i, m := range q.messages {
		if m.Sequence == sequence && m.visible.After(time.Now()) {
			b.journal = append(b.journal, "cancel "+queue)
			q.messages = slices.Delete(q.messages, i, i+1)
			return nil
		}
	}
	return worker.ErrMessageNotFound
}

// stored is a message in a queue.
type stored struct {
	worker.Message
	failed  int       // deliveries that ended without success
	visible time.Time // scheduled for
	token   string    // of the current lock, empty when there is none
	until   time.Time
}

// Queue is one queue of a Broker.
type Queue struct {
	broker   *Broker
	name     string
	settings Settings
	messages []*stored
	dead     []*letter
	changed  chan struct{}

	receive func(ctx context.Context) ([]worker.Message, error)
	settle  func(operation string) error
	renew   func() error
	reopens int
}

var _ worker.Queue = (*Queue)(nil)

// Name implements worker.Queue.
func (q *Queue) Name() string { return q.name }

// FailReceives makes Receive answer as fail does; nil ends it.
func (q *Queue) FailReceives(fail func(ctx context.Context) ([]worker.Message, error)) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	q.receive = fail
}

// FailSettlements makes complete, abandon and dead_letter fail as fail says; nil ends it.
func (q *Queue) FailSettlements(fail func(operation string) error) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	q.settle = fail
}

// FailRenewals makes RenewLock fail as fail says; nil ends it.
func (q *Queue) FailRenewals(fail func() error) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	q.renew = fail
}

// LoseLocks takes every lock away, as a restart of the broker does.
func (q *Queue) LoseLocks() {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	for _, m := range slices.Clone(q.messages) {
		if m.token != "" {
			q.unlock(m)
		}
	}
}

// Reopens counts the calls of Reopen.
func (q *Queue) Reopens() int {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	return q.reopens
}

// Len is the number of messages, without dead letters.
func (q *Queue) Len() int {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	return len(q.messages)
}

// Peek shows messages from a sequence number on, without locking them.
func (q *Queue) Peek(_ context.Context, from int64, most int) ([]worker.Message, error) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	var all []worker.Message
	for _, m := range q.messages {
		shown := m.Message
		shown.State = worker.Active
		if m.visible.After(time.Now()) {
			shown.State = worker.Scheduled
		}
		all = append(all, shown)
	}
	return page(all, from, most), nil
}

func page(all []worker.Message, from int64, most int) []worker.Message {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b worker.Message) int { return int(a.Sequence - b.Sequence) })
	all = slices.DeleteFunc(all, func(m worker.Message) bool { return m.Sequence < from })
	return all[:min(most, len(all))]
}

// Open implements worker.Queue: it fails as receives do.
func (q *Queue) Open(ctx context.Context) error {
	q.broker.mu.Lock()
	fail := q.receive
	q.broker.mu.Unlock()
	if fail == nil {
		return nil
	}
	_, err := fail(ctx)
	return err
}

// Receive implements worker.Queue.
func (q *Queue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	for {
		q.broker.mu.Lock()
		if fail := q.receive; fail != nil {
			q.broker.mu.Unlock()
			return fail(ctx)
		}
		got := q.take(most)
		next, changed := q.next(), q.changed
		q.broker.mu.Unlock()
		if len(got) > 0 || ctx.Err() != nil {
			return got, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(next):
		}
	}
}

// take locks what is there; the caller holds the mutex.
func (q *Queue) take(most int) []worker.Message {
	now := time.Now()
	var got []worker.Message
	for _, m := range slices.Clone(q.messages) {
		if m.token != "" && !m.until.After(now) {
			q.unlock(m)
		}
	}
	for _, m := range q.messages {
		if len(got) == most {
			break
		}
		if m.token != "" || m.visible.After(now) {
			continue
		}
		m.token, m.until = uuid.NewString(), now.Add(q.settings.LockDuration)
		m.DeliveryCount, m.LockedUntil = m.failed+1, m.until
		out := m.Message
		out.Handle, out.State = m.token, worker.Active
		out.Properties = maps.Clone(m.Properties)
		out.Body = slices.Clone(m.Body)
		got = append(got, out)
	}
	return got
}

// next says when something may change by itself.
func (q *Queue) next() time.Duration {
	soonest := time.Hour
	for _, m := range q.messages {
		for _, at := range []time.Time{m.visible, m.until} {
			if d := time.Until(at); d > 0 {
				soonest = min(soonest, d)
			}
		}
	}
	return soonest
}

// unlock ends a delivery without success; the caller holds the mutex.
func (q *Queue) unlock(m *stored) {
	m.token = ""
	if m.failed++; m.failed >= q.settings.MaxDeliveryCount {
		q.bury(m, "MaxDeliveryCountExceeded", "Message could not be consumed after "+q.name+"'s maximum of delivery attempts.", nil)
	}
	q.wake()
}

func (q *Queue) bury(m *stored, reason, description string, properties map[string]any) {
	q.remove(m)
	dead := m.Message
	dead.Properties = maps.Clone(dead.Properties)
	if dead.Properties == nil {
		dead.Properties = map[string]any{}
	}
	maps.Copy(dead.Properties, properties)
	dead.Properties["DeadLetterReason"], dead.Properties["DeadLetterErrorDescription"] = reason, description
	dead.DeadLetterReason, dead.DeadLetterDescription = reason, description
	dead.State, dead.Handle = worker.Active, nil
	q.dead = append(q.dead, &letter{Message: dead})
}

func (q *Queue) add(m worker.Message, at time.Time) {
	q.broker.sequence++
	now := time.Now()
	if at.Before(now) {
		at = now
	}
	q.messages = append(q.messages, &stored{visible: at, Message: worker.Message{
		Queue: q.name, ID: m.ID, CorrelationID: m.CorrelationID, ContentType: m.ContentType, Subject: m.Subject,
		Properties: maps.Clone(m.Properties), Body: slices.Clone(m.Body), Sequence: q.broker.sequence, Enqueued: at,
	}})
	q.wake()
}

func (q *Queue) remove(m *stored) {
	q.messages = slices.DeleteFunc(q.messages, func(other *stored) bool { return other == m })
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Reopen implements worker.Queue.
func (q *Queue) Reopen(context.Context) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	q.reopens++
}

// held finds the message that m locks; the caller holds the mutex.
func (q *Queue) held(m worker.Message) (*stored, error) {
	for _, s := range q.messages {
		if token, ok := m.Handle.(string); ok && s.token == token && s.until.After(time.Now()) {
			return s, nil
		}
	}
	return nil, worker.ErrLockLost
}

// RenewLock implements worker.Queue.
func (q *Queue) RenewLock(ctx context.Context, m worker.Message) (time.Time, error) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	if q.renew != nil {
		if err := q.renew(); err != nil {
			return time.Time{}, err
		}
	}
	s, err := q.held(m)
	if err != nil {
		return time.Time{}, err
	}
	s.until = time.Now().Add(q.settings.LockDuration)
	return s.until, ctx.Err()
}

// Complete implements worker.Queue.
func (q *Queue) Complete(_ context.Context, m worker.Message) error {
	return q.end("complete", m, q.remove)
}

// Abandon implements worker.Queue.
func (q *Queue) Abandon(_ context.Context, m worker.Message) error {
	return q.end("abandon", m, q.unlock)
}

// DeadLetter implements worker.Queue.
func (q *Queue) DeadLetter(_ context.Context, m worker.Message, reason, description string, properties map[string]any) error {
	return q.end("dead_letter", m, func(s *stored) { q.bury(s, reason, description, properties) })
}

func (q *Queue) end(operation string, m worker.Message, how func(*stored)) error {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	if q.settle != nil {
		if err := q.settle(operation); err != nil {
			return err
		}
	}
	s, err := q.held(m)
	if err != nil {
		return err
	}
	q.broker.journal = append(q.broker.journal, operation+" "+q.name)
	how(s)
	return nil
}
