package steps

import "github.com/signalbox/signalbox/orchestration"

// guard refuses the events that its condition holds for, with the configured sentence.
func (m *making) guard() {
	m.sentence()
	if m.o.When == "" {
		m.wrong("when", "is missing", "say in jq which events are refused, such as .delivery.address.country != \"USA\"")
		return
	}
	when := m.program("when", m.o.When, true, maxText)
	m.made.Look = func(v orchestration.View) error {
		refuses, err := when.holds(v)
		if err == nil && refuses {
			err = m.o.refusal()
		}
		return err
	}
}
