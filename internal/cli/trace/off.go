package trace

import (
	"slices"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
)

// Off is a scenario that is off now, and with it what follows up on it.
type Off struct {
	Scenario string    `json:"scenario"`
	By       string    `json:"by,omitempty"` // empty: the configuration, as the asker has it
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`

	names, types []string
}

// OffNow lists the scenarios that are off.
func OffNow(all []orchestration.Scenario, said map[string]redisswitch.Said, always []string, now time.Time) (off []Off) {
	at := map[string]int{}
	for _, s := range all {
		o := s.Outline()
		word, name := said[o.Switch()], o.Switch()
		if !word.Off && !slices.Contains(always, name) {
			continue
		}
		if _, is := at[name]; !is {
			one := Off{Scenario: name}
			if !slices.Contains(always, name) {
				one.By, one.Reason = word.By, word.Reason
				one.Since, one.Until = now.Add(-word.Since).UTC().Truncate(time.Second), now.Add(word.Left).UTC().Truncate(time.Second)
			}
			at[name] = len(off)
			off = append(off, one)
		}
		one := &off[at[name]]
		one.names, one.types = append(one.names, o.Name), append(one.types, o.Handles)
	}
	return off
}

// OffOf finds what keeps a scenario, or an event type, from being worked on.
func (f Found) OffOf(scenario, typ string) (Off, bool) {
	i := slices.IndexFunc(f.Off, func(o Off) bool { return slices.Contains(o.names, scenario) || slices.Contains(o.types, typ) })
	if i < 0 {
		return Off{}, false
	}
	return f.Off[i], true
}
