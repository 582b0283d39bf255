package servicebus

import (
	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// What the broker announces in begin.
const (
	sessionWindow = 5000
	handleMax     = 255
)

// session is an AMQP session. Everything in it is under the connection's mu. Its channel and its handles are
// the client's numbers, in both directions.
//
// Once the client's end is read the session is out of connection.sessions and its links are dropped, under the
// same lock: nothing can speak on the channel any more. Clients kill the connection when something does.
type session struct {
	conn    *connection
	channel uint16
	ending  bool // our end is out, the client's is awaited; nothing may be sent
	links   map[uint32]attached

	nextIncomingID uint32 // of the client's transfers
	incoming       uint32 // how many more it may send
	nextOutgoingID uint32 // of ours
	outgoing       uint32 // how many more we may send

	nextDeliveryID uint32
	unsettled      map[uint32]unsettled // by delivery id
}

type unsettled struct {
	outlet *outlet
	token  uuid.UUID
}

func (c *connection) begin(channel uint16, b *wire.Begin) error {
	if c.sessions[channel] != nil || b.RemoteChannel != nil || channel > channelMax {
		return notAllowed("a begin on channel %d", channel)
	}
	s := &session{
		conn: c, channel: channel, links: make(map[uint32]attached), unsettled: make(map[uint32]unsettled),
		nextIncomingID: b.NextOutgoingID, incoming: sessionWindow, outgoing: b.IncomingWindow,
	}
	c.sessions[channel] = s
	c.send(channel, &wire.Begin{
		RemoteChannel: &channel, IncomingWindow: sessionWindow, OutgoingWindow: sessionWindow, HandleMax: handleMax,
	})
	return nil
}

// send sends a frame while the session lives.
func (s *session) send(body wire.Performative) {
	if !s.ending {
		s.conn.send(s.channel, body)
	}
}

// handle does what a frame asks for. Only a fault that concerns the whole connection is returned.
func (s *session) handle(body wire.Performative) error {
	if end, ok := body.(*wire.End); ok {
		_ = end.Error // why a client leaves changes nothing
		s.send(&wire.End{})
		s.drop()
		delete(s.conn.sessions, s.channel)
		return nil
	}
	if s.ending {
		return nil
	}
	var fault *wire.Error
	switch body := body.(type) {
	case *wire.Attach:
		fault = s.attach(body)
	case *wire.Flow:
		fault = s.flow(body)
	case *wire.Transfer:
		fault = s.transfer(body)
	case *wire.Disposition:
		s.disposition(body)
	case *wire.Detach:
		fault = s.detached(body)
	default:
		return notAllowed("%T inside a session", body)
	}
	if fault != nil {
		s.send(&wire.End{Error: fault})
		s.drop()
		s.ending = true
	}
	return nil
}

// drop ends everything in the session without a word.
func (s *session) drop() {
	for handle, l := range s.links {
		l.drop()
		delete(s.links, handle)
	}
}

// flow takes the client's windows and the credit of one link.
func (s *session) flow(f *wire.Flow) *wire.Error {
	seen := uint32(0) // our initial outgoing id, for a client that has not seen our begin
	if f.NextIncomingID != nil {
		seen = *f.NextIncomingID
	}
	s.outgoing = remaining(f.IncomingWindow, s.nextOutgoingID-seen)
	s.nextIncomingID = f.NextOutgoingID
	if f.Handle == nil {
		s.pump()
		if f.Echo {
			s.send(s.window())
		}
		return nil
	}
	l := s.links[*f.Handle]
	if l == nil {
		return &wire.Error{Condition: wire.CondUnattachedHandle, Description: "a flow for a handle without a link"}
	}
	if l.common().detached {
		return nil
	}
	l.flow(f)
	s.pump()
	if f.Echo {
		s.send(l.credit())
	}
	return nil
}

// remaining is how much of a grant is left when some of it is on its way. All of it is 32-bit serial
// numbers; a grant that has shrunk below what is on its way leaves nothing.
func remaining(grant, underway uint32) uint32 {
	if underway > grant {
		return 0
	}
	return grant - underway
}

// window is a flow with the session's values, which every flow must carry.
func (s *session) window() *wire.Flow {
	next := s.nextIncomingID
	return &wire.Flow{
		NextIncomingID: &next, IncomingWindow: s.incoming, NextOutgoingID: s.nextOutgoingID, OutgoingWindow: sessionWindow,
	}
}

// transfer counts a frame against our window and hands it to its link.
func (s *session) transfer(t *wire.Transfer) *wire.Error {
	s.nextIncomingID++
	s.incoming--
	if s.incoming < sessionWindow/2 {
		s.incoming = sessionWindow
		s.send(s.window())
	}
	switch l := s.links[t.Handle].(type) {
	case *inlet:
		if l.detached {
			return nil
		}
		return l.transfer(t)
	case nil:
		return &wire.Error{Condition: wire.CondUnattachedHandle, Description: "a transfer for a handle without a link"}
	default:
		return notAllowed("a transfer on a link that receives")
	}
}

// pump sends what windows and credit allow.
func (s *session) pump() {
	for _, l := range s.links {
		if o, ok := l.(*outlet); ok {
			o.pump()
		}
	}
}
