package store

import (
	"container/heap"
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Queue is a queue, a subscription, the dead-letter queue of either, or a topic: a queue that keeps only what is scheduled, see topic.go.
//
// A message is in exactly one place: ready, held back by a fault, locked by a consumer, taken by one that receives and
// deletes, deferred, or scheduled. One timer serves the earliest of all that is due. When messages are ready and a consumer has credit, one goroutine hands
// them out and ends when either runs out; an idle queue has none.
type Queue struct {
	path   string
	dead   *Queue        // nil on a dead-letter queue and on a topic
	parent *Queue        // nil on all but a dead-letter queue
	bytes  *atomic.Int64 // what a queue and its dead-letter queue hold together; a topic and all of its subscriptions
	topic  *topic        // nil on all but a topic
	of     *Queue        // the topic of a subscription

	mu        sync.Mutex // a topic's before its subscriptions', a queue's before its dead-letter queue's
	props     QueueProperties
	created   time.Time
	updated   time.Time
	accessed  time.Time // last sent to or received from; zero: never
	history   history
	lastSeq   int64
	all       index
	ready     index
	locked    map[uuid.UUID]*entry // the taken ones, too
	scheduled int
	deferred  int
	due       dueHeap
	timer     *time.Timer
	armed     time.Time // when the timer fires; zero when it is not set
	waiting   list.List // of *Consumer with credit, the next one to be served first
	handing   bool      // the goroutine that hands out is running
	closed    bool
	deleted   bool
	running   sync.WaitGroup
	faults
}

type place int

const (
	gone place = iota
	ready
	held
	locked
	taken
	deferred
	scheduled
)

type entry struct {
	msg      *wire.Message // ours alone
	seq      int64
	enqueued time.Time
	failed   uint32 // attempts that failed: the delivery count on the wire
	deferred bool   // set aside, also while it is locked
	place    place
	due      time.Time     // when held, locked or scheduled, or ready and going to expire
	ttl      time.Duration // zero: for ever
	expires  time.Time     // zero: never, as in a dead-letter queue
	bytes    int64
	at       int       // position in the heap
	token    uuid.UUID // when locked or taken
	holder   *Consumer // who has it or had it last
	source   string    // the queue it was dead-lettered in
}

func newQueue(path string, p QueueProperties, bytes *atomic.Int64) *Queue {
	now := time.Now()
	return &Queue{path: path, props: p, bytes: bytes, created: now, updated: now, locked: make(map[uuid.UUID]*entry)}
}

// Path is the address of the queue, spelled as at its creation.
func (q *Queue) Path() string { return q.path }

// IsDeadLetter tells a dead-letter queue, to which nobody may send.
func (q *Queue) IsDeadLetter() bool { return q.parent != nil }

// Parent is the queue or subscription that a dead-letter queue belongs to; nil for all others.
func (q *Queue) Parent() *Queue { return q.parent }

// both are the queue and, where it has one, its dead-letter queue.
func (q *Queue) both() []*Queue {
	if q.dead == nil {
		return []*Queue{q}
	}
	return []*Queue{q, q.dead}
}

// Counts is a snapshot. Active includes the locked and the deferred ones, as it does in the service. Deferred are
// those that are not locked.
type Counts struct{ Active, Locked, Deferred, Scheduled, DeadLetter int }

// Counts counts the messages of the queue, and those of its dead-letter queue in DeadLetter.
func (q *Queue) Counts() Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts()
}

func (q *Queue) counts() Counts {
	c := Counts{Active: q.all.size - q.scheduled, Locked: len(q.locked), Deferred: q.deferred, Scheduled: q.scheduled}
	if q.dead != nil {
		q.dead.mu.Lock()
		c.DeadLetter = q.dead.all.size
		q.dead.mu.Unlock()
	}
	return c
}

// Peek returns up to max messages from that number on, in order, whatever their state.
func (q *Queue) Peek(from int64, max int) []*wire.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return nil
	}
	var msgs []*wire.Message
	for e := q.all.next(from); e != nil && len(msgs) < max; e = q.all.next(e.seq + 1) {
		msgs = append(msgs, e.show())
	}
	return msgs
}

// offer makes a message available, at once or after the delay of a fault: to consumers, or by its number when it is
// deferred.
func (q *Queue) offer(e *entry, now time.Time) {
	if e.deferred {
		e.place = deferred
		q.deferred++
		return
	}
	if q.delay > 0 {
		q.wait(e, held, now.Add(q.delay))
		return
	}
	q.makeReady(e, now)
}

// wait puts an entry, which is in no place, where something will happen to it.
func (q *Queue) wait(e *entry, where place, until time.Time) {
	e.place, e.due = where, until
	heap.Push(&q.due, e)
}

// lift takes an entry out of its place and leaves it in the index of all.
func (q *Queue) lift(e *entry) {
	switch e.place {
	case ready:
		q.ready.remove(e.seq)
		if !e.expires.IsZero() {
			heap.Remove(&q.due, e.at)
		}
	case locked:
		delete(q.locked, e.token)
		heap.Remove(&q.due, e.at)
	case taken:
		delete(q.locked, e.token)
	case deferred:
		q.deferred--
	case scheduled:
		q.scheduled--
		heap.Remove(&q.due, e.at)
	case held:
		heap.Remove(&q.due, e.at)
	}
	e.place = gone
}

// keep counts an entry, which is in no place, among the queue's.
func (q *Queue) keep(e *entry) {
	q.all.put(e)
	q.bytes.Add(e.bytes)
}

// drop removes an entry from the queue.
func (q *Queue) drop(e *entry) {
	q.lift(e)
	q.all.remove(e.seq)
	q.bytes.Add(-e.bytes)
}

// settleDown ends every change: the timer is set for what is due first, and what can be handed out is.
func (q *Queue) settleDown() {
	if q.closed {
		return
	}
	if len(q.due) > 0 && (q.armed.IsZero() || q.due[0].due.Before(q.armed)) {
		q.armed = q.due[0].due
		if q.timer == nil {
			q.timer = time.AfterFunc(time.Until(q.armed), q.tick)
		} else {
			q.timer.Reset(time.Until(q.armed))
		}
	}
	if !q.handing && q.ready.size > 0 && q.waiting.Len() > 0 {
		q.handing = true
		q.running.Add(1)
		go q.handOut()
	}
}

// tick does what is due. It may come too early, when what it was set for has gone; then it only sets itself again.
func (q *Queue) tick() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.armed = time.Time{}
	if q.closed {
		return
	}
	now := time.Now()
	for len(q.due) > 0 && !q.due[0].due.After(now) {
		e := q.due[0]
		switch e.place {
		case locked:
			q.fail(e, now)
		case scheduled:
			q.drop(e)
			q.add(e.msg, now) // its time has come, so it is stored for now
		default: // held back, or ready and expired
			q.lift(e)
			q.makeReady(e, now)
		}
	}
	q.settleDown()
}

func (q *Queue) close() {
	q.mu.Lock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	q.mu.Unlock()
	q.running.Wait()
}

func (q *Queue) delete() {
	q.mu.Lock()
	q.deleted = true
	q.mu.Unlock()
	q.close()
}
