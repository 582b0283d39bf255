package servicebus

import (
	"strings"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// node is what an address leads to.
type node int

const (
	nodeEntity     node = iota // a queue, a topic, a subscription or a dead-letter queue
	nodeManagement             // <any of these>/$management
	nodeCBS                    // $cbs
)

const (
	addressCBS       = "$cbs"
	managementSuffix = "/$management"
)

// link is what both kinds have in common: an inlet takes the client's messages, an outlet gives it ours.
type link struct {
	session  *session
	handle   uint32
	name     string
	node     node
	queue    *store.Queue // nil for $cbs
	detached bool         // our detach is out, the client's is awaited
}

func (l *link) common() *link { return l }

// attached is a link in its session's table.
type attached interface {
	common() *link
	flow(f *wire.Flow)
	credit() *wire.Flow // a flow with the link's current values
	drop()              // end what it does, without a word
}

// attach answers an attach: with a link, or with a refusal that leaves the session as it is.
func (s *session) attach(a *wire.Attach) *wire.Error {
	if a.Handle > handleMax {
		return notAllowed("handle %d of at most %d", a.Handle, handleMax)
	}
	if old := s.links[a.Handle]; old != nil && !old.common().detached {
		return &wire.Error{Condition: wire.CondHandleInUse, Description: "an attach for a handle in use"}
	}
	fault := s.accept(a)
	if fault == nil {
		return nil
	}
	s.send(&wire.Attach{
		Name: a.Name, Handle: a.Handle, Role: !a.Role, SenderSettleMode: a.SenderSettleMode,
		ReceiverSettleMode: a.ReceiverSettleMode, InitialDeliveryCount: startOf(a),
	})
	refused := &link{session: s, handle: a.Handle, name: a.Name}
	s.links[a.Handle] = &inlet{link: refused}
	s.detach(s.links[a.Handle], fault)
	return nil
}

// accept makes the link that an attach asks for, or says why not.
func (s *session) accept(a *wire.Attach) *wire.Error {
	l := &link{session: s, handle: a.Handle, name: a.Name}
	if a.Coordinator {
		return notImplemented("Transactions are not supported.")
	}
	if a.Role == wire.RoleSender {
		if a.Target == nil || a.Target.Address == nil {
			return &wire.Error{Condition: wire.CondInvalidField, Description: "The target has no address."}
		}
		if fault := l.find(*a.Target.Address); fault != nil {
			return fault
		}
		return s.openInlet(l, a)
	}
	if a.Source == nil || a.Source.Address == nil {
		return &wire.Error{Condition: wire.CondInvalidField, Description: "The source has no address."}
	}
	if fault := l.find(*a.Source.Address); fault != nil {
		return fault
	}
	return s.openOutlet(l, a)
}

// find looks up what the address leads to.
func (l *link) find(address string) *wire.Error {
	path := strings.TrimPrefix(address, "/")
	if strings.EqualFold(path, addressCBS) {
		l.node = nodeCBS
		return nil
	}
	if entity, ok := cutManagement(path); ok {
		l.node, path = nodeManagement, entity
	}
	q, err := l.session.conn.broker.namespace.Queue(path)
	if err != nil {
		return notFound(path)
	}
	l.queue = q
	return nil
}

func cutManagement(path string) (entity string, ok bool) {
	at := len(path) - len(managementSuffix)
	if at < 0 || !strings.EqualFold(path[at:], managementSuffix) {
		return path, false
	}
	return path[:at], true
}

// answer is the attach that accepts a's link: everything mirrored, above all the settle modes, which clients compare.
func answer(a *wire.Attach) *wire.Attach {
	return &wire.Attach{
		Name: a.Name, Handle: a.Handle, Role: !a.Role, SenderSettleMode: a.SenderSettleMode,
		ReceiverSettleMode: a.ReceiverSettleMode, Source: a.Source, Target: a.Target, InitialDeliveryCount: startOf(a),
	}
}

// startOf is the delivery-count we begin with when we are the side that sends.
func startOf(a *wire.Attach) *uint32 {
	if a.Role == wire.RoleSender {
		return nil
	}
	return new(uint32)
}

// detach detaches a link from our side, for good. The table keeps it until the client has answered.
func (s *session) detach(l attached, fault *wire.Error) {
	in := l.common()
	if in.detached {
		return
	}
	in.detached = true
	l.drop()
	s.send(&wire.Detach{Handle: in.handle, Closed: true, Error: fault})
}

// detached handles the client's detach, be it its own wish or the answer to ours.
func (s *session) detached(d *wire.Detach) *wire.Error {
	l := s.links[d.Handle]
	if l == nil {
		return &wire.Error{Condition: wire.CondUnattachedHandle, Description: "a detach for a handle without a link"}
	}
	if !l.common().detached {
		l.drop()
		s.send(&wire.Detach{Handle: d.Handle, Closed: true})
	}
	delete(s.links, d.Handle)
	return nil
}
