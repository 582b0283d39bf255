package certify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// The usual invariants. They hold what a run leaves behind against what an undisturbed run of the same story does; ids that the
// target gives differ from run to run, so records are known by their keys.
const (
	Ended         = "every-event-ends"
	SameState     = "same-records"
	WrittenOnce   = "written-once"
	SameBindings  = "same-bindings"
	ToldOnce      = "told-once"
	NoDeadLetters = "no-new-dead-letters"
)

// Invariant is one of the usual ones, in words.
type Invariant struct{ Name, Promise string }

// Invariants lists them.
func Invariants() []Invariant {
	return []Invariant{
		{Ended, "no message is left in a queue, so every event has ended"},
		{SameState, "the target holds the same records with the same fields, and none of them twice"},
		{WrittenOnce, "each write was committed as often as in an undisturbed run, not once more, not once less; but those that the scenario says may be repeated"},
		{SameBindings, "what the events are about is bound to the same records"},
		{ToldOnce, "the sink was told the same, each of it under one id that always says the same, and no state behind a newer one; while ids are provisional, states in between may be told or not"},
		{NoDeadLetters, "there is no dead letter that an undisturbed run has not, and none is missing"},
	}
}

// Broken is an invariant that does not hold, and what is wrong.
type Broken struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

// verdict holds what a run left behind against what the undisturbed one did.
func (s story) verdict(was, is played) []Broken {
	var out []Broken
	say := func(invariant string, what []string) {
		for _, w := range what {
			out = append(out, Broken{invariant, w})
		}
	}
	if is.left > 0 {
		say(Ended, []string{fmt.Sprintf("%s in the queues at the end, which was waited for for up to %s", counted(is.left, "message"), patience)})
	}
	say(SameState, compareRecords(was.end, is.end))
	say(WrittenOnce, compare("write", s.writes(was.end), s.writes(is.end), s.Together))
	say(SameBindings, compare("binding", bindings(was.end), bindings(is.end), false))
	say(ToldOnce, append(s.compareTold(was.end, is.end), wrongly(is.end)...))
	say(NoDeadLetters, compare("dead letter", letters(was.end), letters(is.end), false))
	for _, inv := range s.invariants {
		if err := inv.Holds(is.end); err != nil {
			say(inv.Name, []string{err.Error()})
		}
	}
	return out
}

// sane is what can be said of the undisturbed run, which has nothing to be held against.
func (s story) sane(was played) []Broken {
	out := s.verdict(was, was)
	records := byKey(was.end)
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if n := len(records[name]); n > 1 {
			out = append(out, Broken{SameState, fmt.Sprintf("%d records are %s", n, name)})
		}
	}
	return out
}

// compare counts things by their names; fewer says that there may be fewer of them than there were.
func compare(kind string, was, is []string, fewer bool) (wrong []string) {
	counted := map[string]int{}
	for _, name := range was {
		counted[name]--
	}
	for _, name := range is {
		counted[name]++
	}
	for _, name := range slices.Sorted(maps.Keys(counted)) {
		switch n := counted[name]; {
		case n > 0:
			wrong = append(wrong, fmt.Sprintf("%d %s too many: %s", n, kind, name))
		case n < 0 && !fewer:
			wrong = append(wrong, fmt.Sprintf("%d %s missing: %s", -n, kind, name))
		}
	}
	return wrong
}

// compareRecords holds the target's records against each other: how many there are of a key, and in which members they differ.
func compareRecords(was, is orchestration.End) (wrong []string) {
	before, after := byKey(was), byKey(is)
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b, a := before[name], after[name]
		if len(a) != len(b) {
			wrong = append(wrong, fmt.Sprintf("%d records are %s, undisturbed %d", len(a), name, len(b)))
			continue
		}
		for i := range b {
			if members := differing(b[i], a[i]); len(members) > 0 {
				wrong = append(wrong, fmt.Sprintf("%s differs in %s", name, strings.Join(members, ", ")))
			}
		}
	}
	return wrong
}

// byKey gives the members of each record that are not the target's own.
func byKey(end orchestration.End) map[string][]map[string]any {
	out := map[string][]map[string]any{}
	for _, r := range end.Records {
		members, _ := own(r.Fields).(map[string]any) // what goes in as members comes out so
		name := r.Kind + " " + r.Key
		out[name] = append(out[name], members)
	}
	return out
}

func differing(was, is map[string]any) (names []string) {
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b, _ := json.Marshal(was[name]) // it came as JSON
		a, _ := json.Marshal(is[name])
		if string(a) != string(b) {
			names = append(names, name)
		}
	}
	return names
}

// own leaves out what the target numbers or dates itself.
func own(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if !numbered(name) {
				out[name] = own(member)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, member := range v {
			out = append(out, own(member))
		}
		return out
	case []map[string]any:
		out := make([]any, 0, len(v))
		for _, member := range v {
			out = append(out, own(member))
		}
		return out
	}
	return v
}

func numbered(name string) bool {
	return strings.HasSuffix(name, "RecordId") || strings.HasSuffix(name, "DateTime") || strings.HasSuffix(name, "PartyNumber") || name == "AccountNumber" || name == "SalesId" ||
		strings.HasPrefix(name, "@odata")
}

// writes names them; of those that may be repeated each counts once.
func (s story) writes(end orchestration.End) (names []string) {
	for _, w := range end.Writes {
		name := w.Operation + " of " + w.Key
		if slices.Contains(s.repeats, w.Operation) && slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
	}
	return names
}

func bindings(end orchestration.End) (names []string) {
	keys := map[string]string{}
	for _, r := range end.Records {
		keys[r.ID] = r.Kind + " " + r.Key
		if id, transaction := r.Fields["Id"].(string); transaction { // what has no other number yet, and what is bound to nothing but it
			keys[id] = keys[r.ID]
		}
	}
	for ref, id := range end.Bound {
		names = append(names, fmt.Sprintf("%s %s of %s to %s", ref.Kind, ref.ID, ref.Source, cmp.Or(keys[id], "a record that is not there")))
	}
	return names
}

// tellings names what the sink has. Two ids that say the same thing are two tellings: a receiver cannot tell.
func tellings(end orchestration.End) (names []string) {
	for _, t := range end.Told {
		names = append(names, fmt.Sprintf("%s about %s, correlation %s", t.Type, about(t), t.CorrelationID))
	}
	return names
}

func about(t orchestration.Told) string { return cmp.Or(t.Subject, "nothing it can name") }

// compareTold counts what was told. While ids are provisional, there are as many states of a record as a run saw ids of it: then the
// last must be the same.
func (s story) compareTold(was, is orchestration.End) []string {
	if s.Provisional {
		return compare("subject", subjects(was), subjects(is), false)
	}
	return compare("telling", tellings(was), tellings(is), s.Together)
}

// subjects names what the sink was told of, however often.
func subjects(end orchestration.End) (names []string) {
	for _, t := range end.Told {
		names = append(names, fmt.Sprintf("%s about %s", t.Type, about(t)))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// wrongly lists what the sink should not have been told in that way.
func wrongly(end orchestration.End) (wrong []string) {
	said := map[string]int{}
	for _, t := range end.Told {
		saying := fmt.Sprintf("%q", []string{t.Type, t.Subject, t.CorrelationID, string(t.Data)})
		if said[saying]++; said[saying] == 2 {
			wrong = append(wrong, fmt.Sprintf("%s about %s was told under two ids: a receiver takes the second for news", t.Type, about(t)))
		}
		if t.Changed {
			wrong = append(wrong, fmt.Sprintf("%s about %s was told again under the same id, and said something else", t.Type, about(t)))
		}
		if t.Overtaken && !isFact(t.Type) {
			wrong = append(wrong, fmt.Sprintf("%s about %s was told behind something newer", t.Type, about(t)))
		}
	}
	return wrong
}

// isFact says whether sinks are told events of a type in no order.
func isFact(typ string) bool {
	return slices.ContainsFunc(scenarios.Told(), func(t sinks.Type) bool { return t.Name == typ && t.Order == orchestration.Fact })
}

func letters(end orchestration.End) (names []string) {
	for _, l := range end.DeadLetters {
		names = append(names, fmt.Sprintf("%s of %s", l.Reason, l.EventID)) // in which queue depends on whether a copy was sent before
	}
	return names
}
