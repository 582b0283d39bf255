package servicebus

import (
	"slices"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// The keys under which a client gives its reasons for dead-lettering.
const (
	infoReason      = "DeadLetterReason"
	infoDescription = "DeadLetterErrorDescription"
)

// disposition settles deliveries as the client decided, and answers when it waits for that.
func (s *session) disposition(d *wire.Disposition) {
	if d.Role != wire.RoleReceiver {
		return // the client's word on its own transfers; we settled them first
	}
	if _, partly := d.State.(*wire.Received); partly || (d.State == nil && !d.Settled) {
		return
	}
	for _, id := range s.covered(d) {
		u := s.unsettled[id]
		delete(s.unsettled, id)
		var state wire.State = &wire.Accepted{} // whatever it decided, success is told so
		if err := settle(u, d.State); err != nil {
			state = &wire.Rejected{Error: linkError(u.outlet.queue.Path(), err)}
		}
		if !d.Settled {
			s.send(&wire.Disposition{Role: wire.RoleSender, First: id, Last: &id, Settled: true, State: state})
		}
	}
}

// covered lists the unsettled deliveries of a range in order. Ids that are unknown get no answer: their link is
// gone, and go-amqp ends the session when it hears of one.
func (s *session) covered(d *wire.Disposition) []uint32 {
	if d.Last == nil || *d.Last == d.First {
		if _, ok := s.unsettled[d.First]; !ok {
			return nil
		}
		return []uint32{d.First}
	}
	var ids []uint32
	for id := range s.unsettled { // a hostile range may be long; this is not
		if id-d.First <= *d.Last-d.First {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uint32) int { return int(int32(a - b)) })
	return ids
}

func settle(u unsettled, state wire.State) error {
	q := u.outlet.queue
	switch state := state.(type) {
	case *wire.Accepted:
		return q.Complete(u.token)
	case *wire.Released:
		return q.Release(u.token)
	case *wire.Modified:
		if state.UndeliverableHere {
			return q.Defer(u.token, plain(state.Annotations))
		}
		return q.Abandon(u.token, plain(state.Annotations))
	case *wire.Rejected:
		return deadLetter(q, u, state.Error)
	default:
		return nil // settled without a word: the lock runs out
	}
}

func deadLetter(q *store.Queue, u unsettled, why *wire.Error) error {
	var props map[string]any
	if why != nil {
		props = plain(why.Info)
	}
	reason, _ := props[infoReason].(string)
	description, _ := props[infoDescription].(string)
	delete(props, infoReason)
	delete(props, infoDescription)
	if why != nil && why.Condition != wire.CondDeadLetter && reason == "" {
		reason, description = string(why.Condition), why.Description
	}
	return q.DeadLetter(u.token, reason, description, props)
}

// plain turns the keys of properties to modify into those of application properties.
func plain(m map[wire.Symbol]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[string(k)] = v
	}
	return out
}
