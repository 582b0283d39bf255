package bindings

import (
	"fmt"

	"github.com/signalbox/signalbox/mapping"
)

// planned is what a dry run would have bound by now: a file may contradict itself, which the storage cannot know of.
type planned map[string]string

// answer is what the storage would say, had everything before been written.
func (p planned) answer(e mapping.Entry, a mapping.Answer) mapping.Answer {
	if a.Result != mapping.Bound && a.Result != mapping.Completed {
		return a
	}
	ref := e.Ref.ID
	if ref == "" {
		ref = "#" + e.Name
	}
	forward := fmt.Sprintf("%q", []string{"ref", e.Ref.Kind, e.Ref.Scope, e.Ref.Source, ref})
	back := fmt.Sprintf("%q", []string{"record", e.Ref.Kind, e.Ref.Scope, e.Target.ID, e.Ref.Source})
	switch target, known := p[forward]; {
	case known && target != e.Target.ID:
		return mapping.Answer{Result: mapping.OtherTarget, Is: target}
	case known:
		return mapping.Answer{Result: mapping.Unchanged}
	}
	if other, taken := p[back]; taken {
		return mapping.Answer{Result: mapping.OtherReference, Is: other}
	}
	p[forward], p[back] = e.Target.ID, inClear(e.Ref.ID)
	return a
}

// inClear is an id as it would be stored.
func inClear(id string) string {
	if mapping.Storable(id) {
		return id
	}
	return ""
}
