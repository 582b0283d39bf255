package steps

import (
	"encoding/json"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
)

// emit tells the channel's sinks. Its name is part of the event's id, so that two steps may tell of one type.
func (m *making) emit() {
	switch {
	case m.o.Event == "":
		m.wrong("event", "is missing", "name the type of the event, such as contoso.order.accepted.v1")
	case !eventType.MatchString(m.o.Event):
		m.wrong("event", "is no type of event", "use letters, digits, dots, dashes and underscores, at most 128")
	case strings.HasPrefix(strings.ToLower(m.o.Event), "signalbox."):
		m.wrong("event", "begins like Signalbox's own types", "begin it with a name of yours, such as contoso")
	}
	if m.o.Data == "" {
		m.wrong("data", "is missing", "say in jq what the event says, such as {id}; name what the sink needs, not the whole")
		return
	}
	data := m.program("data", m.o.Data, true, maxText)
	if data == nil {
		return
	}
	made := func(v orchestration.View) (json.RawMessage, error) {
		out, err := data.of(v)
		if err == nil && string(out) == "null" {
			err = data.fails("gives nothing")
		}
		return out, err
	}
	m.made.Look = func(v orchestration.View) error {
		_, err := made(v)
		return err
	}
	m.made.Tell = func(v orchestration.View) error {
		out, err := made(v)
		if err == nil {
			v.Tell(m.o.Event, out, m.o.Name)
		}
		return err
	}
}
