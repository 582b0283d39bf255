package redisswitch

import (
	"context"
	"sync"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// Every is how often a process asks, and so how late it may hear of a switch.
const Every = 2 * time.Second

// View is what one process knows of the switches.
type View struct {
	switches *Switches
	always   map[string]bool // off by the configuration, whatever an operator says
	changed  func(scenario string, s Said)

	mu    sync.Mutex
	known map[string]heard
}

// heard is an entry, and until when it holds by our own clock.
type heard struct {
	entry
	until time.Time
}

var _ orchestration.Switches = (*View)(nil)

// NewView makes a View that knows of nothing but the configuration yet. changed is told when a scenario is found off, or on again by
// somebody's word; nil: nobody is.
func NewView(s *Switches, always []string, changed func(scenario string, s Said)) *View {
	v := &View{switches: s, always: map[string]bool{}, changed: changed, known: map[string]heard{}}
	for _, name := range always {
		v.always[name] = true
	}
	return v
}

// Off implements orchestration.Switches.
func (v *View) Off(scenario string) (left time.Duration, off bool) {
	if v.always[scenario] {
		return 0, true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.known[scenario]
	left = time.Until(h.until)
	return max(left, 0), h.Off && left > 0
}

// Refresh asks the store once, and gives back to it what it has lost. With an error, what is known stays as it is.
func (v *View) Refresh(ctx context.Context) error {
	a, err := v.switches.ask(ctx, request{Op: "look"})
	if err != nil {
		return err
	}
	if lost := v.lost(a); len(lost) > 0 {
		if a, err = v.switches.ask(ctx, request{Op: "look", Known: lost}); err != nil {
			return err
		}
	}
	v.take(a)
	return nil
}

// lost is what we know and the store does not, or not as new.
func (v *View) lost(a answer) map[string]entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	lost := map[string]entry{}
	for name, h := range v.known {
		if there, has := a.Entries[name]; time.Until(h.until) > 0 && (!has || there.At < h.At) {
			lost[name] = h.entry
		}
	}
	return lost
}

func (v *View) take(a answer) {
	known := map[string]heard{}
	for name, e := range a.Entries {
		known[name] = heard{e, time.Now().Add(ms(e.Til - a.Now))}
	}
	v.mu.Lock()
	before := v.known
	v.known = known
	v.mu.Unlock()
	if v.changed == nil {
		return
	}
	for name, h := range known {
		if old, had := before[name]; (had || h.Off) && old.At != h.At {
			v.changed(name, h.said(a.Now))
		}
	}
	for name, old := range before {
		if _, has := known[name]; !has && old.Off {
			v.changed(name, Said{}) // its time is over
		}
	}
}

// Run asks again and again until ctx ends. failed is told of the first failure after a success.
func (v *View) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		call, done := context.WithTimeout(ctx, 5*time.Second)
		err := v.Refresh(call)
		done()
		if err != nil && ctx.Err() == nil && !failing {
			failed(err)
		}
		failing = err != nil
	}
}
