package orchestration

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// seen makes the run's data what step i sees: what was received, through every map before it. They are made anew in every go,
// because nothing of an event is kept.
func (o *openRun[E, S]) seen(i int) error {
	if !o.p.maps {
		return nil
	}
	for ; o.at < i; o.at++ {
		if x := o.p.Steps[o.at].extra; x != nil && x.Map != nil && !o.cameLate(o.at) {
			if err := o.through(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// cameLate says of a map that the configuration has had it only since steps behind it were finished: the run goes on without.
func (o *openRun[E, S]) cameLate(i int) bool {
	return !contains(o.done, o.p.Steps[i].Name) && slices.ContainsFunc(o.p.Steps[i+1:], func(s Step[E, S]) bool { return contains(o.done, s.Name) })
}

// through takes the data through a map.
func (o *openRun[E, S]) through(x *Extra) error {
	v := view[E, S]{o.r}
	if x.When != nil {
		if holds, err := x.When(v); err != nil || !holds {
			return err
		}
	}
	data, err := x.Map(v)
	if err != nil {
		return err
	}
	wrong := func(err error) error {
		f := *fault.As(err)
		f.Kind, f.Reason = fault.Permanent, fault.BusinessRule
		f.Detail = fmt.Sprintf("the step %s of the configuration makes data that cannot be: %s; correct its map, then replay", x.Name, strings.TrimSuffix(f.Detail, "."))
		return &f
	}
	if _, err := o.p.mapped.Check(data, nil); err != nil {
		return wrong(err)
	}
	ev := o.r.Event
	ev.Data = data
	made, err := o.p.open(ev, o.r.Channel)
	if err != nil {
		return wrong(err)
	}
	is := made.(*openRun[E, S])
	if what := o.differs(is); what != "" {
		return wrong(fault.New(fault.Permanent, "", "it changes "+what+", which the event was taken for"))
	}
	o.r.In, o.r.data = is.r.In, data
	return nil
}

// differs says what of an event's identity another reading of it would change; empty: nothing.
func (o *openRun[E, S]) differs(is *openRun[E, S]) string {
	same := func(a, b Key) bool { return a.Kind == b.Kind && a.Value.Equal(b.Value) }
	switch {
	case is.r.entity != o.r.entity:
		return "the id of the " + o.r.entity.Kind
	case !slices.EqualFunc(is.keys, o.keys, same):
		return "a natural key"
	case !slices.Equal(is.r.needed, o.r.needed):
		return "what it needs"
	}
	return ""
}

// keptMember is the member of what is stored that holds what Extras have kept. No field of a pipeline's own has such a name.
const keptMember = "+kept"

// withKept adds what Extras have kept to what was learned.
func withKept(learned []byte, kept map[string]string) ([]byte, error) {
	if len(kept) == 0 {
		return learned, nil
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(learned, &all); err != nil {
		return nil, errors.New("what was learned is no object, so nothing can be kept beside it")
	}
	var err error
	if all[keptMember], err = json.Marshal(kept); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

func keptIn(learned []byte) (map[string]string, error) {
	var with struct {
		Kept map[string]string `json:"+kept"`
	}
	err := json.Unmarshal(learned, &with)
	return with.Kept, err
}
