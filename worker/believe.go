package worker

import (
	"maps"
	"slices"

	"github.com/signalbox/signalbox/worker/envelope"
)

// believe takes from a message what only our own copies say of themselves (origin, generation, attempts), unless it comes from
// our own queue, which nobody else may send to. Whoever may publish to a source queue could otherwise make an event look as if
// Signalbox had sent it, or outrank its copies. forged says that it said such things.
func (p *pump) believe(m Message) (believed Message, forged bool) {
	if p.name == p.in.OwnQueue || !slices.ContainsFunc(envelope.Properties(), func(name string) bool { _, said := m.Properties[name]; return said }) {
		return m, false
	}
	m.Properties = maps.Clone(m.Properties)
	for _, name := range envelope.Properties() {
		delete(m.Properties, name)
	}
	return m, true
}
