package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// model is what is explored: the messages, and how much may go wrong.
type model struct {
	name   string
	events func() []orchestration.Event
	final  []string // what the thing may say in the end
	lag    time.Duration
	budget budget
	blind  bool // looks find nothing: broken on purpose
}

// budget is how often things may still go wrong.
type budget struct {
	deaths, unheard, late, freezes, redelivered int
}

// trial is one way through the model.
type trial struct {
	t       *testing.T
	model   model
	client  *redis.Client
	target  *target
	queue   []*message
	workers []*worker
	ended   []*worker // that died
	left    budget
	highest map[string]int // generation claimed, by event
	over    bool
	found   string // what is wrong
	memory  memory
}

// holds says whether a claim holds everything it took, or has finished already.
func (x *trial) holds(q orchestration.Request) bool {
	m := x.remember()
	run := m[keys.Run(keys.RunID(q.Event.Source, q.Event.ID))]
	if c := run["c"]; c != "" && strings.HasPrefix(q.ClaimID, c) {
		return true
	}
	held := []string{keys.Entity(q.Entity)}
	for _, k := range q.Keys {
		held = append(held, keys.Natural(q.Scope, k.Kind, k.Value))
	}
	return run["claim"] == q.ClaimID && !slices.ContainsFunc(held, func(key string) bool { return m[key]["claim"] != q.ClaimID })
}

// granted: a copy that was left over never gets a claim once a later one did.
func (x *trial) granted(q orchestration.Request) {
	if q.Event.Generation < x.highest[q.Event.ID] {
		x.wrong("%s: generation %d was claimed after %d", q.Event.ID, q.Event.Generation, x.highest[q.Event.ID])
	}
	x.highest[q.Event.ID] = q.Event.Generation
}

func (x *trial) wrong(format string, args ...any) {
	if x.found == "" && !x.over {
		x.found = fmt.Sprintf(format, args...)
	}
}

func (x *trial) publish(ev orchestration.Event, due time.Time) {
	n := 0
	for _, m := range x.queue {
		if m.event.Origin.Sequence == ev.Origin.Sequence {
			n++
		}
	}
	x.queue = append(x.queue, &message{name: fmt.Sprintf("%s.%d.%d", ev.ID, ev.Origin.Sequence, n), event: ev, due: due})
}

// process starts a process in the place of a worker.
func (x *trial) process(i int) {
	w := &worker{x: x, name: string(rune('A' + i))}
	epoch := redisstore.NewEpoch(keys, lease+window, nil)
	real := redisstore.New(redisstore.Options{Client: x.client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: window})
	var err error
	w.engine, err = orchestration.New(orchestration.Options{Scenarios: []orchestration.Scenario{w.things()}, Store: store{real, w}, Hasher: hasher,
		Channels: orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}}, Owner: w.name, Enter: enter,
		Lease: lease, Renew: lease / 3, Window: window, MaxRun: 24 * time.Hour,
		// What is not answered or not open at once comes again by a copy: waits inside a run add nothing but time.
		RetryFor: 1, WaitInRun: 1, SaveFor: time.Second})
	require.NoError(x.t, err)
	x.workers[i] = w
}

const timePasses = "time passes"

// choice is something that can happen next.
type choice struct {
	name string
	do   func()
}

// choices lists what can happen next, always in the same order.
func (x *trial) choices() (all []choice) {
	now := time.Now()
	add := func(do func(), format string, args ...any) {
		all = append(all, choice{fmt.Sprintf(format, args...), do})
	}
	idle := false
	for i, w := range x.workers {
		if w.at.Load() == nil {
			for _, m := range x.queue {
				if !idle && m.available(now) {
					add(func() { x.deliver(w, m) }, "%s receives %s", w.name, m.name)
				}
			}
			idle = true // one process without a message is like another
			continue
		}
		x.calls(i, w, add)
	}
	for _, l := range x.target.late {
		add(func() { x.land(l) }, "%s is carried out", l.what)
	}
	for _, m := range x.queue {
		if x.left.redelivered > 0 && !m.gone && now.Before(m.locked) {
			add(func() { x.left.redelivered--; m.locked = now }, "%s is redelivered", m.name)
		}
	}
	if d := x.next(now); d > 0 {
		add(func() { x.pass(d) }, timePasses)
	}
	return all
}

// calls lists how the call of a worker may go.
func (x *trial) calls(i int, w *worker, add func(func(), string, ...any)) {
	add(func() { w.resume(goes) }, "%s %s", w.name, w.at.Load().op)
	redis := w.at.Load().op == "claim" || w.at.Load().op == "save" || w.at.Load().op == "release"
	if x.left.unheard > 0 && (w.at.Load().write || redis) {
		add(func() { x.left.unheard--; w.resume(unheard) }, "%s %s unheard", w.name, w.at.Load().op)
	}
	if x.left.late > 0 && w.at.Load().write {
		add(func() { x.left.late--; w.resume(late) }, "%s %s late", w.name, w.at.Load().op)
	}
	if x.left.deaths > 0 {
		add(func() {
			x.left.deaths--
			w.dead = true
			x.ended = append(x.ended, w)
			w.resume(dies)
			x.process(i)
		}, "%s dies before %s", w.name, w.at.Load().op)
	}
}

func (w *worker) resume(how turn) {
	p := w.at.Swap(nil)
	p.resume <- how
}

func (x *trial) deliver(w *worker, m *message) {
	m.token++
	m.locked = time.Now().Add(lease)
	w.token, w.history = m.token, nil
	w.in.Store(m)
	go func() {
		w.work(context.Background(), m)
		w.history = nil
		w.in.Store(nil)
	}()
}

func (x *trial) land(l *write) {
	x.target.late = slices.DeleteFunc(x.target.late, func(o *write) bool { return o == l })
	l.do()
}

// next is how long until something changes by itself; 0 if time must not pass now.
func (x *trial) next(now time.Time) time.Duration {
	busy := slices.ContainsFunc(x.workers, func(w *worker) bool { return w.at.Load() != nil })
	if busy && x.left.freezes == 0 {
		return 0
	}
	var at []time.Duration
	for _, m := range x.queue {
		if !m.gone {
			at = append(at, m.due.Sub(now), m.locked.Sub(now))
		}
	}
	for _, is := range x.target.things {
		at = append(at, is.shows.Sub(now))
	}
	at = append(at, x.memory.deadlines()...)
	at = slices.DeleteFunc(at, func(d time.Duration) bool { return d <= 0 })
	if len(at) == 0 {
		return 0
	}
	d := slices.Min(at) + margin
	for _, l := range x.target.late {
		if now.Add(d).After(l.by) {
			return 0
		}
	}
	return d
}

// pass lets time pass, for everybody: whoever is in the middle of something stands still meanwhile.
func (x *trial) pass(d time.Duration) {
	for _, w := range x.workers {
		if w.at.Load() != nil {
			x.left.freezes--
			w.note("stood still for %s", d.Round(10*time.Second))
		}
	}
	x.left.freezes = max(x.left.freezes, 0)
	x.sleep(d)
}

func (x *trial) sleep(d time.Duration) {
	<-time.After(d)
	require.NoError(x.t, shift.Run(context.Background(), x.client, nil, d.Milliseconds()).Err())
}

// quiet waits until every worker waits for its turn or for a message. Pauses between tries take their time.
func (x *trial) quiet() {
	for {
		synctest.Wait()
		if !slices.ContainsFunc(x.workers, func(w *worker) bool { return w.at.Load() == nil && w.in.Load() != nil }) {
			return
		}
		x.sleep(50 * time.Millisecond)
	}
}

// finished says whether everything has come to rest.
func (x *trial) finished() bool {
	return len(x.target.late) == 0 && !slices.ContainsFunc(x.queue, func(m *message) bool { return !m.gone }) &&
		!slices.ContainsFunc(x.workers, func(w *worker) bool { return w.in.Load() != nil })
}

// leave ends all goroutines.
func (x *trial) leave() {
	x.over = true
	for _, w := range append(slices.Clone(x.workers), x.ended...) {
		if w.at.Load() != nil {
			w.resume(dies)
		}
	}
	<-time.After(time.Hour)
}

// state tells all that the future depends on.
func (x *trial) state() string {
	now := time.Now()
	until := func(t time.Time) time.Duration { return max(0, t.Sub(now).Round(10*time.Second)) }
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n%s\n%v\n", x.left, x.target, x.highest)
	for _, m := range x.queue {
		if !m.gone {
			fmt.Fprintf(&b, "%s attempt %d due %s locked %s\n", m.name, m.event.Attempt, until(m.due), until(m.locked))
		}
	}
	names := map[string]string{}
	for _, w := range x.workers {
		if w.in.Load() != nil {
			names[w.claim] = w.name
			fmt.Fprintf(&b, "%s %s owns %v %s: %s\n", w.name, w.in.Load().name, w.owns(w.in.Load()), w.at.Load().op, strings.Join(w.history, "; "))
		}
	}
	b.WriteString(x.memory.String(names))
	return b.String()
}

// judge checks the end.
func (x *trial) judge() {
	x.memory = x.remember()
	if n := len(x.target.things); n != 1 {
		x.wrong("%d things with one key", n)
		return
	}
	is := x.target.things[0]
	if !slices.Contains(x.model.final, is.value) {
		x.wrong("the thing says %q, and not what the newest event said", is.value)
	}
	for _, m := range x.queue {
		if bound := x.memory[keys.Map(entity(m.event))]["v"]; bound != is.id {
			x.wrong("%s is bound to %q", m.event.ID, bound)
		}
		if ended := x.memory[keys.Run(keys.RunID(m.event.Source, m.event.ID))]["e"]; ended != "completed" && ended != "superseded" {
			x.wrong("the run of %s is not on record as done", m.event.ID)
		}
	}
	for key, fields := range x.memory {
		if fields["claim"] != "" && fields.until("lease") > 0 {
			x.wrong("%s is held", key)
		}
	}
	data, _ := json.Marshal(x.target.done)
	for _, m := range x.queue {
		if n := strings.Count(string(data), " by "+m.event.ID+`"`); n > 1 && len(x.model.final) == 1 && !strings.Contains(string(data), "update") {
			x.wrong("%s has had %d effects: %s", m.event.ID, n, data)
		}
	}
}
