package servicebus

import (
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// inletCredit is how many messages a client may send before it hears from us, topped up at half.
const inletCredit = 1000

// requestBytes is how large a request may be besides what its queue allows for one message.
const requestBytes = 1 << 20

// batchBytes is the limit of a batch on queues that allow larger messages, as in the Premium tier.
const batchBytes = 1 << 20

// inlet is a link on which the client sends.
type inlet struct {
	*link
	take          func(payload []byte, format uint32) *wire.Error // what becomes of a message
	maxSize       int
	deliveryCount uint32
	left          uint32 // credit
	current       *incoming
}

// incoming is a message whose frames are being collected.
type incoming struct {
	id      uint32
	format  uint32
	settled bool
	payload []byte
	tooBig  bool
}

func (s *session) openInlet(l *link, a *wire.Attach) *wire.Error {
	in := &inlet{link: l, maxSize: requestBytes}
	accepted := answer(a)
	switch l.node {
	case nodeCBS:
		in.take = in.request
	case nodeManagement:
		in.take = in.request
		in.maxSize += l.queue.Properties().MaxMessageBytes
	default:
		if l.queue.IsDeadLetter() {
			return notAllowed("Messages cannot be sent to a dead-letter queue.")
		}
		if l.queue.Kind() == store.KindSubscription {
			return notAllowed("Messages cannot be sent to a subscription; send them to its topic.")
		}
		if !l.queue.Properties().Status.Sends() {
			return linkError(l.queue.Path(), store.ErrDisabled)
		}
		in.take = in.store
		in.maxSize = l.queue.Properties().MaxMessageBytes
		accepted.Properties = map[wire.Symbol]any{
			"com.microsoft:max-message-batch-size": uint64(min(in.maxSize, batchBytes)),
		}
	}
	if a.InitialDeliveryCount != nil {
		in.deliveryCount = *a.InitialDeliveryCount
	}
	size := uint64(in.maxSize)
	accepted.MaxMessageSize = &size
	s.links[l.handle] = in
	s.send(accepted)
	in.left = inletCredit
	s.send(in.credit())
	return nil
}

func (in *inlet) credit() *wire.Flow {
	f := in.session.window()
	handle, count, left := in.handle, in.deliveryCount, in.left
	f.Handle, f.DeliveryCount, f.LinkCredit = &handle, &count, &left
	return f
}

// flow of a sender may move its delivery-count, which happens when it gives credit back.
func (in *inlet) flow(f *wire.Flow) {
	if f.DeliveryCount == nil {
		return
	}
	in.left = remaining(in.left, *f.DeliveryCount-in.deliveryCount)
	in.deliveryCount = *f.DeliveryCount
	in.topUp()
}

func (in *inlet) drop() { in.current = nil }

// transfer collects frames until a message is whole.
func (in *inlet) transfer(t *wire.Transfer) *wire.Error {
	if in.current == nil {
		if t.DeliveryID == nil {
			return &wire.Error{Condition: wire.CondInvalidField, Description: "a first transfer without delivery-id"}
		}
		in.left--
		in.deliveryCount++
		in.current = &incoming{id: *t.DeliveryID}
		if t.MessageFormat != nil {
			in.current.format = *t.MessageFormat
		}
	}
	m := in.current
	m.settled = m.settled || t.Settled
	if m.tooBig = m.tooBig || len(m.payload)+len(t.Payload) > in.maxSize; m.tooBig {
		m.payload = nil
	} else if m.payload == nil {
		m.payload = t.Payload // the frame's own bytes, used by nobody else
	} else {
		m.payload = append(m.payload, t.Payload...)
	}
	if t.More && !t.Aborted {
		return nil
	}
	in.current = nil
	if !t.Aborted {
		in.finish(m)
	}
	in.topUp()
	return nil
}

// topUp gives credit again in time. It is asked after every change, so credit never runs out.
func (in *inlet) topUp() {
	if in.left <= inletCredit/2 {
		in.left = inletCredit
		in.session.send(in.credit())
	}
}

// finish hands a whole message over and tells the client what became of it.
func (in *inlet) finish(m *incoming) {
	var fault *wire.Error
	if m.tooBig {
		fault = linkError(in.name, store.ErrTooLarge)
	} else {
		fault = in.take(m.payload, m.format)
	}
	if m.settled {
		return
	}
	d := &wire.Disposition{Role: wire.RoleReceiver, First: m.id, Settled: true, State: &wire.Accepted{}}
	if fault != nil {
		d.State = &wire.Rejected{Error: fault}
	}
	in.session.send(d)
}

// store puts the messages of a transfer into the queue, all or none.
func (in *inlet) store(payload []byte, format uint32) *wire.Error {
	if fault := in.session.conn.broker.faults.send(in.queue); fault != nil {
		return fault
	}
	msgs, err := decode(payload, format)
	if err == nil {
		_, err = in.queue.Send(msgs...)
	}
	if err != nil {
		return linkError(in.queue.Path(), err)
	}
	return nil
}

func decode(payload []byte, format uint32) ([]*wire.Message, error) {
	if format == wire.FormatBatch {
		return wire.SplitBatch(payload)
	}
	m, err := wire.Unmarshal(payload)
	return []*wire.Message{m}, err
}
