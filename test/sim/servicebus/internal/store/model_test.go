package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
	"pgregory.net/rapid"
)

// TestTheStoreBehavesLikeItsModel runs random operations on a queue, its dead-letter queue and four consumers, and
// on a model that keeps lists and searches them. After each operation the store comes to rest and the two are
// compared: every delivery, in its order, to a consumer that may have it, and all that peek and Counts show.
func TestTheStoreBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	op := rapid.Custom(func(t *rapid.T) modelOp {
		return modelOp{
			kind: rapid.SampledFrom([]string{
				"send", "send", "sendMany", "sendTTL", "sendTTL", "sendSame", "sendSame", "schedule", "credit", "credit", "credit", "credit", "complete", "abandon", "release",
				"deadLetter", "renew", "lose", "loseAll", "cancel", "sleep", "twice", "detach", "stale", "defer", "defer", "deferred",
			}).Draw(t, "kind"),
			pick: rapid.IntRange(0, 11).Draw(t, "pick"),
			n:    rapid.IntRange(0, 6).Draw(t, "n"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		ops := rapid.SliceOfN(op, 40, 120).Draw(rt, "ops")
		props := QueueProperties{
			LockDuration: modelLock, MaxDeliveryCount: modelMax, DuplicateWindow: modelWindow,
			DefaultTTL:         rapid.SampledFrom([]time.Duration{0, 0, 15 * time.Second}).Draw(rt, "default TTL"),
			DeadLetterExpired:  rapid.Bool().Draw(rt, "dead-letter expired"),
			DuplicateDetection: rapid.Bool().Draw(rt, "duplicate detection"),
		}
		var err error
		synctest.Test(t, func(*testing.T) { err = runModel(props, ops) }) // a panic of rapid must not leave the bubble
		if err != nil {
			rt.Fatal(err)
		}
	})
}

type modelOp struct {
	kind    string
	pick, n int
}

const (
	modelLock = 10 * time.Second
	modelMax  = 2

	modelWindow = 12 * time.Second
)

type modelMessage struct {
	name      string
	seq       int64
	failed    uint32
	scheduled time.Time // zero: active
	deferred  bool
	ttl       time.Duration // zero: for ever
	expires   time.Time     // zero: never
	until     time.Time     // zero: not locked
	token     uuid.UUID
	holder    *modelConsumer
}

type modelQueue struct {
	real *Queue
	dead bool
	msgs []*modelMessage
}

type modelConsumer struct {
	q      *modelQueue
	mode   Mode
	real   *Consumer
	credit int
}

type modelSighting struct {
	seq int64
	at  time.Time
}

type modelEvent struct {
	c *modelConsumer
	d Delivery
}

type model struct {
	props     QueueProperties
	known     map[string]modelSighting // message ids, for duplicate detection
	q, dlq    *modelQueue
	consumers []*modelConsumer
	seq       int64
	named     int
	twice     int
	stale     []uuid.UUID

	mu  sync.Mutex
	log []modelEvent
}

func runModel(props QueueProperties, ops []modelOp) error {
	n := New()
	defer n.Close()
	if err := n.CreateQueue("q", props); err != nil {
		return err
	}
	q, _ := n.Queue("q")
	dlq, _ := n.Queue("q/$DeadLetterQueue")
	m := &model{props: props, known: make(map[string]modelSighting), q: &modelQueue{real: q}, dlq: &modelQueue{real: dlq, dead: true}}
	for range 2 {
		m.attach(m.q, PeekLock)
	}
	m.attach(m.q, ReceiveAndDelete)
	m.attach(m.dlq, PeekLock)
	for i, o := range ops {
		if err := m.do(o); err != nil {
			return fmt.Errorf("operation %d, %v: %w", i, o, err)
		}
		if err := m.compare(); err != nil {
			return fmt.Errorf("after operation %d, %v: %w", i, o, err)
		}
	}
	return nil
}

func (m *model) attach(q *modelQueue, mode Mode) {
	c := &modelConsumer{q: q, mode: mode}
	c.real = q.real.Attach(mode, func(d Delivery) {
		if mode == ReceiveAndDelete {
			_ = q.real.Complete(d.LockToken)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.log = append(m.log, modelEvent{c, d})
	})
	m.consumers = append(m.consumers, c)
}

func (m *model) do(o modelOp) error {
	consumer := m.consumers[o.pick%len(m.consumers)]
	switch o.kind {
	case "send", "sendMany", "sendTTL", "sendSame", "schedule":
		return m.send(o)
	case "credit":
		consumer.credit = o.n
		consumer.real.SetCredit(o.n)
	case "twice":
		m.twice = o.n % 3
		m.q.real.DeliverTwice(m.twice)
	case "detach":
		consumer.credit = 0
		consumer.real.Detach()
		i := slices.Index(m.consumers, consumer)
		m.attach(consumer.q, consumer.mode)
		m.consumers[i] = m.consumers[len(m.consumers)-1]
		m.consumers = m.consumers[:len(m.consumers)-1]
	case "cancel":
		return m.cancel(o)
	case "deferred":
		return m.receiveDeferred(o)
	case "sleep":
		return m.sleep(time.Duration(o.pick*o.n) * time.Second / 2)
	case "loseAll":
		q, n := consumer.q, 0
		for _, e := range slices.Clone(q.msgs) {
			if !e.until.IsZero() {
				m.fail(q, e)
				n++
			}
		}
		if got := q.real.LoseLocks(); got != n {
			return fmt.Errorf("LoseLocks %d, want %d", got, n)
		}
	case "stale":
		for _, token := range append(m.stale, uuid.New()) {
			if err := m.q.real.Complete(token); !errors.Is(err, ErrLockLost) {
				return fmt.Errorf("a stale token: %w", err)
			}
		}
	default:
		return m.settle(o)
	}
	return nil
}

func (m *model) send(o modelOp) error {
	var msgs []*wire.Message
	var want []int64
	count, twice := 1, m.twice
	if o.kind == "sendMany" {
		count = o.n
	}
	for range count {
		m.named++
		name := fmt.Sprint(m.named)
		msg, id := message(name), "its own "+name
		e := &modelMessage{name: name, ttl: m.props.DefaultTTL}
		switch o.kind {
		case "schedule":
			msg = later(name, time.Duration(o.n-1)*time.Second)
			if o.n > 1 {
				e.scheduled = time.Now().Add(time.Duration(o.n-1) * time.Second)
			}
		case "sendTTL":
			msg = living(name, time.Duration(1+5*o.n)*time.Second)
			if own := time.Duration(1+5*o.n) * time.Second; e.ttl == 0 || own < e.ttl {
				e.ttl = own
			}
		case "sendSame":
			id = fmt.Sprint("of ", o.pick%3)
		}
		msg.Properties = &wire.Properties{MessageID: id}
		msgs = append(msgs, msg)
		want = append(want, m.store(e, id))
		if twice > 0 {
			twice--
			again := *e
			m.store(&again, id)
		}
	}
	m.twice = twice
	got, err := m.q.real.Send(msgs...)
	if err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("numbers %v, %w, want %v", got, err, want)
	}
	return nil
}

// store adds a message unless its id was seen within the window.
func (m *model) store(e *modelMessage, id string) int64 {
	seen, ok := m.known[id]
	if m.props.DuplicateDetection && ok && time.Since(seen.at) < modelWindow {
		return seen.seq
	}
	seq := m.add(e)
	m.known[id] = modelSighting{seq, time.Now()}
	return seq
}

func (m *model) add(e *modelMessage) int64 {
	m.seq++
	e.seq = m.seq
	if e.ttl > 0 && e.scheduled.IsZero() {
		e.expires = time.Now().Add(e.ttl)
	}
	m.q.msgs = append(m.q.msgs, e)
	return e.seq
}

func (m *model) cancel(o modelOp) error {
	if len(m.q.msgs) == 0 {
		return nil
	}
	e := m.q.msgs[o.pick%len(m.q.msgs)]
	err := m.q.real.CancelScheduled(e.seq)
	if e.scheduled.IsZero() {
		if !errors.Is(err, ErrMessageNotFound) {
			return fmt.Errorf("cancelling an active message: %w", err)
		}
		return nil
	}
	m.remove(m.q, e)
	return err
}

// receiveDeferred asks for one message, whatever its state, or for that and the next.
func (m *model) receiveDeferred(o modelOp) error {
	q := m.q
	if o.n == 0 {
		q = m.dlq
	}
	if len(q.msgs) == 0 {
		return nil
	}
	asked := []*modelMessage{q.msgs[o.pick%len(q.msgs)]}
	if next := q.msgs[(o.pick+1)%len(q.msgs)]; o.n > 3 && next != asked[0] {
		asked = append(asked, next)
	}
	mode := PeekLock
	if o.n == 1 {
		mode = ReceiveAndDelete
	}
	there := true
	var seqs []int64
	for _, e := range asked {
		if e.deferred && e.until.IsZero() && e.expired() {
			m.end(e)
			there = false
		}
		there = there && e.deferred && e.until.IsZero()
		seqs = append(seqs, e.seq)
	}
	got, err := q.real.ReceiveDeferred(mode, seqs...)
	if !there {
		if !errors.Is(err, ErrMessageNotFound) {
			return fmt.Errorf("what is not deferred was received: %w", err)
		}
		return nil
	}
	if err != nil || len(got) != len(asked) {
		return fmt.Errorf("%d deferred messages, %w, want %d", len(got), err, len(asked))
	}
	for i, e := range asked {
		if string(got[i].Message.Body) != e.name || seqOf(got[i].Message) != e.seq || got[i].Message.Header.DeliveryCount != e.failed {
			return fmt.Errorf("deferred %q number %d, want %q %d", got[i].Message.Body, seqOf(got[i].Message), e.name, e.seq)
		}
		if mode == ReceiveAndDelete {
			m.remove(q, e)
			continue
		}
		e.until, e.token = time.Now().Add(modelLock), got[i].LockToken
	}
	return nil
}

func (m *model) remove(q *modelQueue, e *modelMessage) {
	q.msgs = slices.DeleteFunc(q.msgs, func(x *modelMessage) bool { return x == e })
}

func (m *model) unlock(e *modelMessage) {
	m.stale = append(m.stale, e.token)
	e.until, e.token = time.Time{}, uuid.UUID{}
}

func (e *modelMessage) expired() bool { return !e.expires.IsZero() && !e.expires.After(time.Now()) }

// end is what becomes of an expired message.
func (m *model) end(e *modelMessage) {
	if m.props.DeadLetterExpired {
		m.bury(e)
		return
	}
	m.remove(m.q, e)
}

// available ends a message that is expired now that it is available.
func (m *model) available(e *modelMessage) {
	if e.expired() && !e.deferred {
		m.end(e)
	}
}

func (m *model) fail(q *modelQueue, e *modelMessage) {
	m.unlock(e)
	if q.dead {
		return
	}
	if e.failed++; e.failed >= modelMax {
		m.bury(e)
		return
	}
	m.available(e)
}

func (m *model) bury(e *modelMessage) {
	m.remove(m.q, e)
	e.holder, e.deferred, e.expires = nil, false, time.Time{}
	m.dlq.msgs = append(m.dlq.msgs, e)
	slices.SortFunc(m.dlq.msgs, func(a, b *modelMessage) int { return int(a.seq - b.seq) })
}

func (m *model) settle(o modelOp) error {
	q := m.q
	if o.n == 0 {
		q = m.dlq
	}
	var held []*modelMessage
	for _, e := range q.msgs {
		if !e.until.IsZero() {
			held = append(held, e)
		}
	}
	if len(held) == 0 {
		return nil
	}
	e := held[o.pick%len(held)]
	token := e.token
	switch o.kind {
	case "complete":
		m.unlock(e)
		m.remove(q, e)
		return q.real.Complete(token)
	case "abandon":
		m.fail(q, e)
		return q.real.Abandon(token, nil)
	case "lose":
		m.fail(q, e)
		return q.real.LoseLock(token)
	case "release":
		m.unlock(e)
		m.available(e)
		return q.real.Release(token)
	case "defer":
		m.unlock(e)
		e.deferred = true
		return q.real.Defer(token, nil)
	case "deadLetter":
		err := q.real.DeadLetter(token, "r", "d", nil)
		if q.dead {
			if !errors.Is(err, ErrNotAllowed) {
				return fmt.Errorf("dead-lettering a dead letter: %w", err)
			}
			return nil
		}
		m.unlock(e)
		m.bury(e)
		return err
	case "renew":
		until, err := q.real.Renew(token)
		e.until = time.Now().Add(modelLock)
		if !until.Equal(e.until) {
			return fmt.Errorf("renewed until %v, want %v", until, e.until)
		}
		return err
	}
	return fmt.Errorf("no operation %q", o.kind)
}

// sleep goes from one moment at which something is due to the next.
func (m *model) sleep(d time.Duration) error {
	end := time.Now().Add(d)
	for {
		next := end
		for _, q := range []*modelQueue{m.q, m.dlq} {
			for _, e := range q.msgs {
				for _, at := range []time.Time{e.until, e.scheduled, e.expires} {
					if at.After(time.Now()) && at.Before(next) {
						next = at
					}
				}
			}
		}
		time.Sleep(time.Until(next))
		m.expire(next)
		if err := m.compare(); err != nil || !next.Before(end) {
			return err
		}
	}
}

func (m *model) expire(now time.Time) {
	var due []*modelMessage
	for _, e := range m.q.msgs {
		if !e.scheduled.IsZero() && !e.scheduled.After(now) {
			due = append(due, e)
		}
	}
	for _, q := range []*modelQueue{m.q, m.dlq} {
		for _, e := range slices.Clone(q.msgs) {
			if !e.until.IsZero() && !e.until.After(now) {
				m.fail(q, e)
			}
		}
	}
	for _, e := range slices.Clone(m.q.msgs) {
		if e.until.IsZero() && e.scheduled.IsZero() {
			m.available(e)
		}
	}
	slices.SortStableFunc(due, func(a, b *modelMessage) int { return a.scheduled.Compare(b.scheduled) })
	for _, e := range due {
		m.remove(m.q, e)
		e.scheduled = time.Time{}
		m.add(e)
	}
}

// compare plays the deliveries that were seen on the model and then looks at both.
func (m *model) compare() error {
	synctest.Wait()
	m.mu.Lock()
	seen := m.log
	m.log = nil
	m.mu.Unlock()
	for _, ev := range seen {
		if err := m.delivered(ev.c, ev.d); err != nil {
			return err
		}
	}
	for _, q := range []*modelQueue{m.q, m.dlq} {
		if c, e := m.withCredit(q, nil), q.next(); c != nil && e != nil {
			return fmt.Errorf("%s: %q waits although there is credit", q.real.Path(), e.name)
		}
		if err := q.compare(); err != nil {
			return err
		}
	}
	got, want := m.q.real.Counts(), m.q.counts()
	want.DeadLetter = len(m.dlq.msgs)
	if got != want {
		return fmt.Errorf("counts %+v, want %+v", got, want)
	}
	return nil
}

func (m *model) withCredit(q *modelQueue, not *modelConsumer) *modelConsumer {
	for _, c := range m.consumers {
		if c.q == q && c.credit > 0 && c != not {
			return c
		}
	}
	return nil
}

func (m *model) delivered(c *modelConsumer, d Delivery) error {
	e := c.q.next()
	if c.q.dead { // what dies and what comes back at one moment may be handed out while the rest is on its way
		e = c.q.named(string(d.Message.Body), seqOf(d.Message))
	}
	if e == nil {
		return fmt.Errorf("%s: %q delivered, want nothing", c.q.real.Path(), d.Message.Body)
	}
	if string(d.Message.Body) != e.name || seqOf(d.Message) != e.seq || d.Message.Header.DeliveryCount != e.failed {
		return fmt.Errorf("%s: delivered %q number %d count %d, want %q %d %d", c.q.real.Path(),
			d.Message.Body, seqOf(d.Message), d.Message.Header.DeliveryCount, e.name, e.seq, e.failed)
	}
	if c.credit == 0 {
		return fmt.Errorf("%q delivered without credit", e.name)
	}
	if e.holder == c && m.withCredit(c.q, c) != nil {
		return fmt.Errorf("%q went back to the one that had it", e.name)
	}
	c.credit--
	if c.mode == ReceiveAndDelete {
		m.remove(c.q, e)
		return nil
	}
	e.until, e.token, e.holder = time.Now().Add(modelLock), d.LockToken, c
	if !d.LockedUntil.Equal(e.until) {
		return fmt.Errorf("locked until %v, want %v", d.LockedUntil, e.until)
	}
	return nil
}

func (q *modelQueue) next() *modelMessage {
	for _, e := range q.msgs {
		if e.until.IsZero() && e.scheduled.IsZero() && !e.deferred {
			return e
		}
	}
	return nil
}

func (q *modelQueue) named(name string, seq int64) *modelMessage {
	for _, e := range q.msgs {
		if e.until.IsZero() && !e.deferred && e.name == name && e.seq == seq {
			return e
		}
	}
	return nil
}

func (q *modelQueue) counts() (c Counts) {
	for _, e := range q.msgs {
		if !e.scheduled.IsZero() {
			c.Scheduled++
			continue
		}
		c.Active++
		if !e.until.IsZero() {
			c.Locked++
		} else if e.deferred {
			c.Deferred++
		}
	}
	return c
}

func (q *modelQueue) compare() error {
	peeked := q.real.Peek(0, 1000)
	var got, want []string
	for _, m := range peeked {
		got = append(got, fmt.Sprint(string(m.Body), " ", seqOf(m), " ", m.Header.DeliveryCount, " ", m.Annotations[annState], " ", timeToLive(m, QueueProperties{})))
	}
	for _, e := range q.msgs {
		state := Active
		if !e.scheduled.IsZero() {
			state = Scheduled
		} else if e.deferred {
			state = Deferred
		}
		want = append(want, fmt.Sprint(e.name, " ", e.seq, " ", e.failed, " ", int(state), " ", e.ttl))
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: peek shows %q, want %q", q.real.Path(), got, want)
	}
	return nil
}
