package servicebus

import (
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// sessionFilter is the source filter by which a client asks for a message session.
const sessionFilter wire.Symbol = "com.microsoft:session-filter"

// maxCredit keeps a client's credit within what serial numbers can tell apart.
const maxCredit = 1 << 30

// drainGrace is how long a drain waits for messages that the queue still has to hand out. The JavaScript SDK
// gives up on the link after 200 ms.
const drainGrace = 50 * time.Millisecond

// outlet is a link on which we send: the messages of a queue, or the answers of a node.
type outlet struct {
	*link
	replyTo  string // the client's target address: where answers are asked to go
	mode     store.Mode
	consumer *store.Consumer // nil on a node

	deliveryCount uint32
	left          uint32      // credit
	skew          uint32      // how far the consumer's count of deliveries is ahead of deliveryCount and pending
	pending       []*outgoing // in order; the first may be partly sent
	draining      bool
	deaf          bool // a fault: credit comes to nothing
	dropped       bool
}

// outgoing is a message on its way out.
type outgoing struct {
	message *wire.Message
	token   uuid.UUID // zero on a node
	id      uint32
	started bool
	payload []byte // once started: what is left of it
}

func (s *session) openOutlet(l *link, a *wire.Attach) *wire.Error {
	if _, ok := a.Source.Filter[sessionFilter]; ok && l.node == nodeEntity {
		return notAllowed("A sessionful receiver cannot be created on an entity that does not require sessions.")
	}
	if l.node == nodeEntity && l.queue.Kind() == store.KindTopic {
		return notAllowed("Messages cannot be received from a topic; receive them from its subscriptions.")
	}
	if l.node == nodeEntity && !l.queue.Properties().Status.Receives() {
		return linkError(l.queue.Path(), store.ErrDisabled)
	}
	o := &outlet{link: l}
	if a.Target != nil && a.Target.Address != nil {
		o.replyTo = *a.Target.Address
	}
	s.links[l.handle] = o
	s.send(answer(a))
	if l.node == nodeEntity {
		if a.SenderSettleMode != nil && *a.SenderSettleMode == wire.SenderSettled {
			o.mode = store.ReceiveAndDelete
		}
		o.consumer = l.queue.Attach(o.mode, o.deliver)
	}
	return nil
}

// deliver takes a message from the queue. It is called without any lock of the connection.
func (o *outlet) deliver(d store.Delivery) {
	c := o.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	out := &outgoing{message: d.Message, token: d.LockToken}
	if o.dropped {
		o.giveBack(out)
		return
	}
	o.pending = append(o.pending, out)
	o.pump()
	if o.draining && (o.left == 0 || o.idle()) {
		o.drained()
	}
}

// giveBack undoes a delivery that the client has not seen whole. One that is received and deleted is lost once its
// first frame is written, as it would be on a network.
func (o *outlet) giveBack(out *outgoing) {
	if o.consumer != nil && (o.mode == store.PeekLock || !out.started) {
		_ = o.queue.Release(out.token) // the lock may be over; then there is nothing to undo
	}
}

// pump sends pending messages as far as credit, the session's window and the network allow.
func (o *outlet) pump() {
	s := o.session
	c := s.conn
	for len(o.pending) > 0 && !o.dropped && !s.ending && !c.closing {
		out := o.pending[0]
		if !out.started {
			if o.left == 0 || !o.start(out) {
				return
			}
		}
		for {
			if s.outgoing == 0 {
				return
			}
			if len(c.out) > softLimit {
				c.stalled = true
				return
			}
			if done := o.sendFrame(out); done {
				break
			}
		}
		o.pending[0] = nil
		o.pending = o.pending[1:]
	}
}

// start gives a message its delivery id and uses up credit. It waits for the window first, so that what has
// not started can still be given back.
func (o *outlet) start(out *outgoing) bool {
	s := o.session
	if s.outgoing == 0 || len(s.conn.out) > softLimit {
		s.conn.stalled = s.conn.stalled || s.outgoing != 0
		return false
	}
	payload, err := wire.Marshal(out.message)
	if err != nil {
		panic(err) // a message is made of decoded values and of our own
	}
	out.payload, out.message, out.started = payload, nil, true
	out.id = s.nextDeliveryID
	s.nextDeliveryID++
	o.deliveryCount++
	o.left--
	switch {
	case o.consumer == nil:
	case o.mode == store.PeekLock:
		s.unsettled[out.id] = unsettled{o, out.token}
	default:
		_ = o.queue.Complete(out.token) // it fails on a queue that is being deleted, which has it no more either
	}
	return true
}

// sendFrame sends one frame of a message and says whether it was the last.
func (o *outlet) sendFrame(out *outgoing) (done bool) {
	s := o.session
	tag := lockTag(out.token)
	t := &wire.Transfer{
		Handle: o.handle, DeliveryID: &out.id, DeliveryTag: tag[:], MessageFormat: new(uint32),
		Settled: o.consumer == nil || o.mode == store.ReceiveAndDelete, Payload: out.payload,
	}
	buf, left, err := wire.AppendTransfer(s.conn.out, s.channel, t, s.conn.maxFrame)
	if err != nil {
		panic(err) // a frame of 512 bytes always has room
	}
	s.conn.out, out.payload = buf, left
	s.conn.poke()
	s.nextOutgoingID++
	s.outgoing--
	return len(left) == 0
}

// lockTag is a lock token as a delivery tag: a GUID in .NET's order, with its first three groups reversed.
func lockTag(token uuid.UUID) [16]byte {
	t := [16]byte(token)
	t[0], t[1], t[2], t[3] = t[3], t[2], t[1], t[0]
	t[4], t[5] = t[5], t[4]
	t[6], t[7] = t[7], t[6]
	return t
}

// flow takes the client's credit.
func (o *outlet) flow(f *wire.Flow) {
	if f.LinkCredit == nil {
		return
	}
	seen := uint32(0) // our initial delivery-count, for a client that has not seen our attach
	if f.DeliveryCount != nil {
		seen = *f.DeliveryCount
	}
	o.left = remaining(min(*f.LinkCredit, maxCredit), o.deliveryCount-seen)
	o.draining = f.Drain
	o.shrink(int(o.left))
	o.limit()
	if !f.Drain {
		return
	}
	o.pump()
	if o.left == 0 || o.idle() {
		o.drained()
		return
	}
	time.AfterFunc(drainGrace, func() {
		c := o.session.conn
		c.mu.Lock()
		defer c.mu.Unlock()
		if o.draining && !o.dropped {
			o.drained()
		}
	})
}

// shrink gives back pending messages for which there is no credit any more.
func (o *outlet) shrink(credit int) {
	started := 0
	if len(o.pending) > 0 && o.pending[0].started {
		started = 1
	}
	for len(o.pending)-started > credit {
		last := len(o.pending) - 1
		o.giveBack(o.pending[last])
		o.pending = o.pending[:last]
		o.skew++
	}
}

// limit tells the queue how far it may go. The consumer counts what it gave us; what we gave back without
// showing it to the client moves the two counts apart.
func (o *outlet) limit() {
	switch {
	case o.consumer == nil:
	case o.deaf:
		o.consumer.SetCredit(0)
	default:
		o.consumer.SetLimit(o.deliveryCount + o.left + o.skew)
	}
}

// idle says that the queue has nothing for this link at present.
func (o *outlet) idle() bool {
	if o.consumer == nil {
		return len(o.pending) == 0
	}
	counts := o.queue.Counts()
	return counts.Active == counts.Locked+counts.Deferred && len(o.pending) == 0
}

// drained uses up the rest of the credit and says so.
func (o *outlet) drained() {
	o.shrink(0)
	o.deliveryCount += o.left
	o.skew -= o.left
	o.left, o.draining = 0, false
	o.limit()
	f := o.credit()
	f.Drain = true
	o.session.send(f)
}

func (o *outlet) credit() *wire.Flow {
	f := o.session.window()
	handle, count, left := o.handle, o.deliveryCount, o.left
	f.Handle, f.DeliveryCount, f.LinkCredit = &handle, &count, &left
	return f
}

// drop ends deliveries. What the client has seen whole stays locked: it may still settle it by its token.
func (o *outlet) drop() {
	if o.dropped {
		return
	}
	o.dropped = true
	if o.consumer != nil {
		o.consumer.Detach()
	}
	for id, u := range o.session.unsettled { // clients answer for no delivery of a link that is gone
		if u.outlet == o {
			delete(o.session.unsettled, id)
		}
	}
	for _, out := range o.pending {
		o.giveBack(out)
	}
	o.pending = nil
}
