package store

import (
	"container/list"
	"time"

	"github.com/google/uuid"
)

// Consumer takes messages off a queue as far as its credit goes.
type Consumer struct {
	q       *Queue
	mode    Mode
	deliver func(Delivery)

	// under q.mu
	credit   int
	taken    uint32        // deliveries since Attach
	turn     *list.Element // place in q.waiting; nil without credit
	detached bool
}

// Attach adds a consumer, without credit. Calls of deliver come one after the other, hold no lock of the store and
// must not block; they come from a goroutine of the queue, so SetCredit may be called under a lock that deliver takes.
func (q *Queue) Attach(mode Mode, deliver func(Delivery)) *Consumer {
	return &Consumer{q: q, mode: mode, deliver: deliver}
}

// SetCredit says how many more messages the consumer may be given from now on. A caller that counts deliveries
// itself and may be in the middle of one wants SetLimit.
func (c *Consumer) SetCredit(total int) {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.setCredit(total)
}

// SetLimit is SetCredit without its race: it says how many messages may be given in all since Attach, which for a
// link is delivery-count plus link-credit of the peer's flow, and counts round 2^32 as they do.
func (c *Consumer) SetLimit(deliveries uint32) {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.setCredit(max(0, int(int32(deliveries-c.taken)))) // serial number arithmetic
}

func (c *Consumer) setCredit(total int) {
	if c.detached {
		return
	}
	c.credit = total
	c.queueUp()
	c.q.settleDown()
}

// Detach ends deliveries: none begins after it returns, one that has begun may still be running. Messages that
// were delivered stay locked until they are settled or their lock ends.
func (c *Consumer) Detach() {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.detached, c.credit = true, 0
	c.queueUp()
}

// queueUp keeps the consumer among the waiting ones exactly while it has credit.
func (c *Consumer) queueUp() {
	switch {
	case c.credit > 0 && c.turn == nil:
		c.turn = c.q.waiting.PushBack(c)
	case c.credit <= 0 && c.turn != nil:
		c.q.waiting.Remove(c.turn)
		c.turn = nil
	}
}

// handOut delivers while there are messages and credit.
func (q *Queue) handOut() {
	defer q.running.Done()
	for {
		c, d, ok := q.take()
		if !ok {
			return
		}
		c.deliver(d)
	}
}

func (q *Queue) take() (*Consumer, Delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	e := q.ready.next(0)
	for ; e != nil && e.expired(now); e = q.ready.next(0) { // the timer may be a moment late
		q.lift(e)
		q.expire(e, now)
	}
	if q.closed || e == nil || q.waiting.Len() == 0 || !q.props.Status.Receives() {
		q.handing = false
		return nil, Delivery{}, false
	}
	q.accessed = now
	c := q.nextFor(e)
	c.credit--
	c.taken++
	c.queueUp()
	if c.turn != nil {
		q.waiting.MoveToBack(c.turn)
	}
	d := q.hand(e, c.mode)
	e.holder = c
	q.settleDown() // the timer may have to come earlier
	return c, d, true
}

// hand takes a message out of its place for a receiver.
func (q *Queue) hand(e *entry, mode Mode) Delivery {
	q.lift(e)
	e.token = uuid.New()
	q.locked[e.token] = e
	if mode == ReceiveAndDelete {
		e.place = taken
		return Delivery{LockToken: e.token, Message: e.show()}
	}
	until := time.Now().Add(q.props.LockDuration)
	q.wait(e, locked, until)
	d := Delivery{LockToken: e.token, LockedUntil: until, Message: e.show()}
	d.Message.Annotations[annLockedUntil] = until
	return d
}

// nextFor picks the consumer whose turn it is. One that just had this message and gave it back comes last:
// a client's unused credit would otherwise make the message bounce between the two.
func (q *Queue) nextFor(e *entry) *Consumer {
	first := q.waiting.Front()
	if first.Value.(*Consumer) == e.holder && first.Next() != nil {
		first = first.Next()
	}
	return first.Value.(*Consumer)
}
