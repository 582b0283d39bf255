package worker

import "github.com/signalbox/signalbox/worker/envelope"

// believe takes from a message what only our own copies say of themselves (origin, generation, attempts), unless it comes from
// our own queue, which nobody else may send to. Whoever may publish to a source queue could otherwise make an event look as if
// Signalbox had sent it, or outrank its copies. forged says that it said such things.
func (p *pump) believe(m Message) (believed Message, forged bool) {
	if p.isOwn() {
		return m, false
	}
	m.Properties, forged = envelope.Foreign(m.Properties)
	return m, forged
}

// isOwn says whether the queue is our own.
func (p *pump) isOwn() bool { return p.name == p.in.OwnQueue }
