package trace

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// few is how many runs of one scenario that went well are shown one by one. An export has a run for every record that it tells each sink.
const few = 5

// fold is the runs of one scenario that are over and of which there is nothing to tell.
type fold struct {
	scenario string
	outcomes map[string]int
	last     time.Time
}

// folded tells apart the runs that are shown one by one and those that a line is enough for. What the subject itself is is always shown.
func (f Found) folded() (shown []redisstore.RunTrace, folds []*fold) {
	quiet := func(r redisstore.RunTrace) bool {
		return r.State == redisstore.RunDone && len(r.History)+len(r.Doubts)+len(r.Deaths) == 0 && r.Run != f.Own
	}
	count, of := map[string]int{}, map[string]*fold{}
	for _, r := range f.Runs {
		if quiet(r) {
			count[r.Scenario]++
		}
	}
	for _, r := range f.Runs {
		if !quiet(r) || count[r.Scenario] <= few {
			shown = append(shown, r)
			continue
		}
		one := of[r.Scenario]
		if one == nil {
			one = &fold{scenario: r.Scenario, outcomes: map[string]int{}}
			of[r.Scenario], folds = one, append(folds, one)
		}
		one.outcomes[r.Outcome]++
		if r.Ended.After(one.last) {
			one.last = r.Ended
		}
	}
	return shown, folds
}

// about says whether an object is one of runs that are shown, or worth a word by itself.
func (o Object) about(shown []redisstore.RunTrace) bool {
	return o.D365ID != "" || o.Holder != nil || len(o.Doubts) > 0 || slices.ContainsFunc(shown, func(r redisstore.RunTrace) bool { return r.Entity == o.Entity })
}

func (d *fold) print(w io.Writer) error {
	var parts []string
	for _, outcome := range slices.Sorted(maps.Keys(d.outcomes)) {
		parts = append(parts, fmt.Sprintf("%d %s", d.outcomes[outcome], outcome))
	}
	_, err := fmt.Fprintf(w, "And runs of scenario %s that are done: %s, the last at %s; --output json lists each.\n\n", render.Or(d.scenario), strings.Join(parts, ", "),
		render.Time(d.last))
	return err
}
