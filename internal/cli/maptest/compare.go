package maptest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/signalbox/signalbox/internal/cli/mapped"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
)

// comparison collects in which ways an event is not what was wanted.
type comparison struct {
	show  bool // values, not only their shapes
	found []Difference
}

func (c *comparison) add(field, want, got string) {
	c.found = append(c.found, Difference{field, want, got})
}

// failed compares what a row was to fail on with what it did.
func (c *comparison) failed(want failure, got []fieldmap.Failure) {
	wanted := "a failure"
	if want.Rule != "" {
		wanted = fmt.Sprintf("a failure by the rule %q", want.Rule)
	}
	if len(got) == 0 {
		c.add(want.Field, wanted, "an event")
		return
	}
	if f := got[0]; f.Field != want.Field || want.Rule != "" && f.Rule != want.Rule {
		c.add(want.Field, wanted, fmt.Sprintf("a failure by the rule %q at %s", f.Rule, f.Field))
	}
}

func (c *comparison) warned(want, got []fieldmap.Warning) {
	for _, w := range want {
		if !slices.Contains(got, w) {
			c.add(w.Field, "a warning: "+w.Rule, "none")
		}
	}
	for _, w := range got {
		if !slices.Contains(want, w) {
			c.add(w.Field, "no warning", "a warning: "+w.Rule)
		}
	}
}

func (c *comparison) event(want event, got orchestration.Event) {
	for _, a := range []struct{ field, want, got string }{
		{"/id", want.ID, got.ID}, {"/subject", want.Subject, got.Subject}, {"/correlationid", want.CorrelationID, got.CorrelationID},
		{"/sequence", want.Sequence, got.Sequence}, {"/channel", want.Channel, got.Channel}, {"/time", want.Time, got.Time.Format(time.RFC3339Nano)},
	} {
		if a.want != "" && a.want != a.got && !sameMoment(a.field, a.want, got.Time) {
			c.differ(mapped.Difference{Field: a.field, A: a.want, B: a.got})
		}
	}
	if want.Data.json == nil {
		return
	}
	wanted, _ := mapped.Decode(want.Data.json) // written by us
	made, _ := mapped.Decode(got.Data)
	for _, d := range mapped.Differ(wanted, made, "/data") {
		c.differ(d)
	}
}

func sameMoment(field, want string, got time.Time) bool {
	t, err := time.Parse(time.RFC3339Nano, want)
	return field == "/time" && err == nil && t.Equal(got)
}

// differ reports two values: as they are, or by their shapes and where they begin to differ.
func (c *comparison) differ(d mapped.Difference) {
	if c.show {
		a, _ := json.Marshal(d.A) // both were JSON
		b, _ := json.Marshal(d.B)
		c.add(d.Field, string(a), string(b))
		return
	}
	want, got := fieldmap.Shape(d.A), fieldmap.Shape(d.B)
	if want == got {
		got = "another"
		a, isText := d.A.(string)
		if b, both := d.B.(string); isText && both {
			got = fmt.Sprintf("another, from character %d on", common(a, b)+1)
		}
	}
	c.add(d.Field, want, got)
}

// common counts the characters at which two texts are the same.
func common(a, b string) int {
	n := 0
	for a != "" && b != "" {
		x, size := utf8.DecodeRuneInString(a)
		y, _ := utf8.DecodeRuneInString(b)
		if x != y {
			return n
		}
		a, b = a[size:], b[size:]
		n++
	}
	return n
}
