package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Times of the model. The clock of redis-server runs on meanwhile, by milliseconds.
const (
	lease     = 30 * time.Second
	limit     = time.Minute      // of the target, to carry out what it was sent
	searchLag = 30 * time.Second // when it lags
	grid      = 45 * time.Second // copies come back at multiples of it: the jitter is the same on every way
	window    = limit + searchLag
	margin    = 2 * time.Second
)

// target is the system that things are made in: it checks no key, and takes whatever it is sent.
type target struct {
	things []*thing
	late   []*write // sent, given up by whoever sent them, and not carried out yet
	lag    time.Duration
	done   []string // what was carried out, in order
}

type thing struct {
	id, key, value string
	shows          time.Time // to a search
}

// write is a request to the target.
type write struct {
	what string
	do   func()
	by   time.Time // it is carried out before that, or never
}

func (t *target) search(key string) (ids []string) {
	for _, is := range t.things {
		if is.key == key && !time.Now().Before(is.shows) {
			ids = append(ids, is.id)
		}
	}
	return ids
}

func (t *target) create(event, key, value string) string {
	is := &thing{id: fmt.Sprintf("%06d", len(t.things)+1), key: key, value: value, shows: time.Now().Add(t.lag)}
	t.things = append(t.things, is)
	t.done = append(t.done, "create "+key+" by "+event)
	return is.id
}

func (t *target) find(id string) *thing {
	i := slices.IndexFunc(t.things, func(is *thing) bool { return is.id == id })
	if i < 0 {
		return nil
	}
	return t.things[i]
}

func (t *target) update(event, id, value string) {
	if is := t.find(id); is != nil {
		is.value = value
		t.done = append(t.done, "update "+id+" by "+event)
	}
}

// message is a message of the queue.
type message struct {
	name   string
	event  orchestration.Event
	due    time.Time
	token  int       // of the last lock
	locked time.Time // until then
	gone   bool      // settled
}

func (m *message) available(now time.Time) bool {
	return !m.gone && !now.Before(m.due) && !now.Before(m.locked)
}

// worker is one process: it has a message in hand or none. What it did since it took the message is all that its next step
// depends on.
type worker struct {
	x       *trial
	name    string
	engine  *orchestration.Engine
	at      atomic.Pointer[port]    // where it waits for its turn; nil while it does something, or has no message
	in      atomic.Pointer[message] // in hand
	token   int
	history []string
	claim   string // it asked for last
	dead    bool
}

// port is a call that waits for its turn.
type port struct {
	op     string
	write  bool // to the target: it may be carried out late
	resume chan turn
}

// turn is how a call goes.
type turn string

const (
	goes    turn = "ok"
	unheard turn = "unheard" // carried out, and nobody hears of it
	late    turn = "late"    // given up, and carried out at some later time
	dies    turn = "dies"    // the process is gone
)

var errGone = fault.New(fault.Permanent, fault.Bug, "the process is gone")

// wait is where a call waits for its turn.
func (w *worker) wait(op string, writes bool) turn {
	if w.dead || w.x.over {
		return dies
	}
	p := &port{op: op, write: writes, resume: make(chan turn)}
	w.at.Store(p)
	how := <-p.resume
	return how
}

// note remembers what a call came to.
func (w *worker) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

// work takes a message as far as it goes, and settles it as the worker package does.
func (w *worker) work(ctx context.Context, m *message) {
	o := w.engine.Handle(ctx, m.event)
	w.note("ended %s %s", o.Verdict, o.Cause)
	switch o.Verdict {
	case orchestration.Completed, orchestration.Superseded, orchestration.Duplicate, orchestration.Surplus:
		w.complete(m)
	case orchestration.Postponed:
		if w.wait("send", false) == dies {
			return
		}
		again := m.event
		again.Generation++
		again.Attempt = o.Attempt
		w.x.publish(again, time.Now().Add((o.After + grid - 1).Truncate(grid)))
		w.complete(m)
	case orchestration.Rejected:
		if w.wait("dead-letter", false) != dies && w.owns(m) {
			m.gone = true
			w.x.wrong("%s is dead: %s %s", m.name, o.Reason, o.Detail)
		}
	}
}

func (w *worker) owns(m *message) bool { return m.token == w.token && time.Now().Before(m.locked) }

func (w *worker) complete(m *message) {
	if w.wait("complete", false) != dies && w.owns(m) {
		m.gone = true
	}
}

// store is the real store as a worker sees it: each call waits for its turn.
type store struct {
	orchestration.Store
	w *worker
}

var errUnheard = fmt.Errorf("no answer")

func (s store) call(op string, do func() error) error {
	how := s.w.wait(op, false)
	if how == dies {
		return errGone
	}
	err := do()
	if how == unheard {
		s.w.note("%s unheard", op)
		return errUnheard
	}
	return err
}

// heard is an answer, unless whoever asked has given up on it: what was sent is carried out all the same, however late.
func heard(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Claim implements orchestration.Store. Whoever is given a claim has the newest copy that was ever claimed.
func (s store) Claim(ctx context.Context, q orchestration.Request) (g orchestration.Grant, err error) {
	err = s.call("claim", func() error {
		g, err = s.Store.Claim(context.WithoutCancel(ctx), q)
		s.w.claim = q.ClaimID
		if err == nil && (g.Answer == orchestration.Go || g.Answer == orchestration.LookOnly) {
			s.w.x.granted(q)
		}
		round := func(d time.Duration) time.Duration { return d.Round(10 * time.Second) }
		s.w.note("claim %s %v %v %v %v %v %v %d %s %v", g.Answer, round(g.ActIn), round(g.OthersIn), g.OwnTaint, g.Suspect, g.Forgotten, g.Steps, g.Attempt, g.Binding, g.Hints)
		err = heard(ctx, err)
		return err
	})
	return g, err
}

// Extend implements orchestration.Store: time goes by only where a process stands still, and then it does not renew.
func (s store) Extend(context.Context, orchestration.Request) error { return errUnheard }

// Save implements orchestration.Store. It must succeed only under a claim.
func (s store) Save(ctx context.Context, q orchestration.Request, p orchestration.Progress) error {
	return s.call("save", func() error {
		holds := s.w.x.holds(q)
		err := s.Store.Save(context.WithoutCancel(ctx), q, p)
		if err == nil && !holds {
			s.w.x.wrong("%s saved progress without a claim", q.Event.ID)
		}
		s.w.note("save %v %v", p.Finish, err)
		return heard(ctx, err)
	})
}

// Release implements orchestration.Store.
func (s store) Release(ctx context.Context, q orchestration.Request, r orchestration.Released) error {
	return s.call("release", func() error {
		err := s.Store.Release(context.WithoutCancel(ctx), q, r)
		s.w.note("release %v %v", r.Taint, err)
		return heard(ctx, err)
	})
}

// read waits for a turn and reads.
func (w *worker) read(op string, read func() string) error {
	if w.wait(op, false) == dies {
		return errGone
	}
	w.note("%s %s", op, read())
	return nil
}

// act waits for a turn and writes, if the claim is still ours when the bytes leave.
func (w *worker) act(ctx context.Context, op string, do func()) error {
	how := w.wait(op, true)
	if how == dies {
		return errGone
	}
	if err := stillOurs(ctx); err != nil {
		w.note("%s not sent", op)
		return fault.Wrap(fault.Transient, op, err)
	}
	w.note("%s %s", op, how)
	if how == late {
		w.x.target.late = append(w.x.target.late, &write{what: op + " of " + w.in.Load().name, do: do, by: time.Now().Add(limit - margin)})
		return fault.New(fault.Ambiguous, "", "no answer")
	}
	do()
	if how == unheard {
		return fault.New(fault.Ambiguous, "", "no answer")
	}
	return nil
}

type callKey struct{}

func stillOurs(ctx context.Context) error {
	return ctx.Value(callKey{}).(orchestration.Call).StillOurs()
}

func enter(ctx context.Context, c orchestration.Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// String is the target's state, for a person and to compare.
func (t *target) String() string {
	var b strings.Builder
	for _, is := range t.things {
		fmt.Fprintf(&b, "%s %s=%s shows in %s; ", is.id, is.key, is.value, max(0, time.Until(is.shows).Round(10*time.Second)))
	}
	for _, w := range t.late {
		fmt.Fprintf(&b, "late %s; ", w.what)
	}
	return b.String()
}
