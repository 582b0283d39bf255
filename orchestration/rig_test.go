package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

const (
	eventType = "example.thing.changed.v1"
	lag       = 3 * time.Second  // searches show a write that much later
	window    = 20 * time.Second // execution limit + search lag
	lease     = 5 * time.Second
)

var hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))

// target is a system that things are created in: it checks no key, and its search lags. It behaves; tests only decide
// what goes wrong on its way. A request that was sent is carried out, whatever became of who sent it.
type target struct {
	mu      sync.Mutex
	things  []*thing
	effects map[string]string                          // facts, by token
	before  func(op string) error                      // asked before anything happens
	slip    func(op string)                            // between the last check of the lease and the write
	after   func(ctx context.Context, op string) error // asked after a write was committed: an error is a lost answer
	creates int
	updates int
	puts    int
	lag     time.Duration // searches show a write that much later
	late    time.Duration // writes are carried out that much after they were sent
}

type thing struct {
	id, key, value string
	shows          time.Time
}

func (w *target) ask(op string) error {
	w.mu.Lock()
	f := w.before
	w.mu.Unlock()
	if f != nil {
		return f(op)
	}
	return nil
}

func (w *target) done(ctx context.Context, op string) error {
	w.mu.Lock()
	f := w.after
	w.mu.Unlock()
	if f != nil {
		return f(ctx, op)
	}
	return nil
}

// reading is a call that only reads.
func (w *target) reading(ctx context.Context, op string, read func()) error {
	who := callerOf(ctx)
	if who.life.ends() {
		return errDead
	}
	if err := w.ask(op); err != nil {
		return err
	}
	w.mu.Lock()
	read()
	w.mu.Unlock()
	if who.life.ends() {
		return errDead
	}
	return nil
}

// writing is a call that changes something: the lease is checked as a connection does, then it is on its way.
func (w *target) writing(ctx context.Context, op string, write func()) error {
	who := callerOf(ctx)
	if who.life.ends() {
		return errDead
	}
	if err := w.ask(op); err != nil {
		return err
	}
	if err := who.stillOurs(); err != nil {
		return fault.Wrap(fault.Transient, op, err)
	}
	w.mu.Lock()
	slip, late := w.slip, w.late
	w.mu.Unlock()
	if slip != nil {
		slip(op)
	}
	committed := make(chan struct{})
	commit := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		write()
		close(committed)
	}
	if late == 0 {
		commit()
	} else {
		time.AfterFunc(late, commit)
	}
	if who.life.ends() {
		return errDead
	}
	select {
	case <-committed:
	case <-ctx.Done():
		return fault.Wrap(fault.Ambiguous, op, context.Cause(ctx))
	}
	if who.life.ends() {
		return errDead
	}
	return w.done(ctx, op)
}

func (w *target) search(ctx context.Context, key string) (ids []string, err error) {
	err = w.reading(ctx, "search", func() {
		for _, t := range w.things {
			if t.key == key && !time.Now().Before(t.shows) {
				ids = append(ids, t.id)
			}
		}
	})
	return ids, err
}

func (w *target) read(ctx context.Context, id string) (got thing, err error) {
	found := false
	err = w.reading(ctx, "read", func() {
		for _, t := range w.things {
			if t.id == id {
				got, found = *t, true
			}
		}
	})
	if err == nil && !found {
		err = fault.New(fault.Permanent, fault.CsuRejected, "no such thing")
	}
	return got, err
}

func (w *target) create(ctx context.Context, key, value string) (string, error) {
	var id string
	err := w.writing(ctx, "create", func() {
		w.creates++
		t := &thing{id: fmt.Sprintf("%06d", w.creates), key: key, value: value, shows: time.Now().Add(w.lag)}
		w.things = append(w.things, t)
		id = t.id
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

func (w *target) update(ctx context.Context, id, value string) error {
	return w.writing(ctx, "update", func() {
		w.updates++
		for _, t := range w.things {
			if t.id == id {
				t.value = value
			}
		}
	})
}

// has and put are effects under a token that the caller makes.
func (w *target) has(ctx context.Context, token string) (value string, found bool, err error) {
	err = w.reading(ctx, "has", func() { value, found = w.effects[token] })
	return value, found, err
}

func (w *target) put(ctx context.Context, token, value string) error {
	return w.writing(ctx, "put", func() {
		if w.effects == nil {
			w.effects = map[string]string{}
		}
		w.puts++
		w.effects[token] = value
	})
}

// only gives the one thing there is.
func (w *target) only(t *testing.T) thing {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(t, w.things, 1, "exactly one thing")
	return *w.things[0]
}

var errDead = errors.New("the process is dead")

// life is a process that may die: at a boundary between two calls everything stops having effects.
type life struct {
	mu    sync.Mutex
	calls int
	dieAt int // 0: never
	died  chan struct{}

	survives bool // only say when the boundary is reached
}

func newLife(dieAt int) *life { return &life{dieAt: dieAt, died: make(chan struct{})} }

// ends counts a boundary and says whether the process is dead.
func (l *life) ends() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.calls == l.dieAt {
		close(l.died)
	}
	return l.over()
}

// kill ends the process from outside, whatever it is doing.
func (l *life) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over() {
		l.calls++
		l.dieAt = l.calls
		close(l.died)
	}
}

func (l *life) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over()
}

func (l *life) over() bool { return l.dieAt > 0 && l.calls >= l.dieAt && !l.survives }

func (l *life) call(do func() error) error {
	if l.ends() {
		return errDead
	}
	err := do()
	if l.ends() {
		return errDead
	}
	return err
}

// mortalStore is a store as a process that may die sees it.
type mortalStore struct {
	orchestration.Store
	*life
}

func (s mortalStore) Claim(ctx context.Context, q orchestration.Request) (g orchestration.Grant, err error) {
	err = s.call(func() (err error) { g, err = s.Store.Claim(ctx, q); return err })
	return g, err
}

// Extend is no boundary of its own: it runs beside the steps.
func (s mortalStore) Extend(ctx context.Context, q orchestration.Request) error {
	if s.dead() {
		return errDead
	}
	return s.Store.Extend(ctx, q)
}

func (s mortalStore) Save(ctx context.Context, q orchestration.Request, p orchestration.Progress) error {
	return s.call(func() error { return s.Store.Save(ctx, q, p) })
}

func (s mortalStore) Release(ctx context.Context, q orchestration.Request, r orchestration.Released) error {
	return s.call(func() error { return s.Store.Release(ctx, q, r) })
}

// mortal makes an engine's process die at a boundary.
func mortal(l *life) func(*orchestration.Options) {
	return func(o *orchestration.Options) {
		o.Store = mortalStore{o.Store, l}
		o.Enter = enter(l)
		if p, ok := o.Publisher.(*outbox); ok {
			o.Publisher = mortalPublisher{p, l}
		}
	}
}

// caller is what a call to the target carries.
type caller struct {
	stillOurs func() error
	life      *life
	plan      func(orchestration.Effect)
}

type callerKey struct{}

func enter(l *life) func(context.Context, orchestration.Call) context.Context {
	return func(ctx context.Context, c orchestration.Call) context.Context {
		return context.WithValue(ctx, callerKey{}, caller{c.StillOurs, l, c.Plan})
	}
}

func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// outbox is our own queue: it remembers what was sent, and when.
type outbox struct {
	mu    sync.Mutex
	sent  []orchestration.Event
	fail  func() error
	until time.Time // of the last try
}

func (o *outbox) Publish(ctx context.Context, events []orchestration.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until, _ = ctx.Deadline()
	if o.fail != nil {
		if err := o.fail(); err != nil {
			return err
		}
	}
	o.sent = append(o.sent, events...)
	return nil
}

func (o *outbox) ids() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for _, e := range o.sent {
		out[e.ID]++
	}
	return out
}

type mortalPublisher struct {
	*outbox
	life *life
}

func (p mortalPublisher) Publish(ctx context.Context, events []orchestration.Event) error {
	return p.life.call(func() error { return p.outbox.Publish(ctx, events) })
}

func (w *target) set(before func(string) error, after func(context.Context, string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.after = before, after
}

type changed struct {
	ID    string `json:"id"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

type learned struct {
	Thing   string
	Created bool
}

type run = orchestration.Run[changed, learned]

const schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["id","key"],
 "properties":{"id":{"type":"string","minLength":1},"key":{"type":"string","minLength":3},"value":{"type":"string"}}}`

// things is the smallest scenario that has everything: two acting steps, a natural key, a lagging search, a binding.
func things(w *target) orchestration.Pipeline[changed, learned] {
	find := func(ctx context.Context, r *run) (bool, error) {
		ids, err := w.search(ctx, r.In.Key)
		if r.Binding != "" {
			r.State.Thing = r.Binding
			return true, err
		}
		if made := r.State.Thing; r.State.Created && len(ids) > 0 && !slices.Contains(ids, made) {
			ids = append(ids, made) // looked at once more; the search does not show it yet
			slices.Sort(ids)
		}
		if len(ids) > 1 {
			r.Report(fault.DuplicateAccount, "more than one thing has this key")
		}
		if len(ids) > 0 {
			if r.State.Thing != ids[0] {
				r.State = learned{Thing: ids[0]}
			}
			return true, err
		}
		if err == nil && r.Hints[0] != "" {
			r.State.Thing = r.Hints[0]
			return true, nil
		}
		return false, err
	}
	return orchestration.Pipeline[changed, learned]{
		Name: "things", Handles: eventType, Version: 1, Order: orchestration.State, Schema: []byte(schema),
		Entity: func(c changed) (string, string) { return "thing", c.ID },
		Keys:   func(c changed) []orchestration.Key { return []orchestration.Key{{Kind: "key", Value: pii.New(c.Key)}} },
		Steps: []orchestration.Step[changed, learned]{{
			Name: "create-thing", Sure: orchestration.Lagging, Look: find,
			Act: func(ctx context.Context, r *run) (err error) {
				r.State.Created = true
				r.State.Thing, err = w.create(ctx, r.In.Key, r.In.Value)
				return err
			},
			Note: func(r *run) {
				r.Bind(r.Entity(), r.State.Thing)
				r.Learn(0, r.State.Thing)
				if r.Binding != "" {
					return
				}
				r.Emit(orchestration.Event{Source: "signalbox", ID: r.EventToken("made"), Type: "example.thing.made.v1"})
			},
		}, {
			Name: "update-thing", When: func(r *run) bool { return !r.State.Created },
			Look: func(ctx context.Context, r *run) (bool, error) {
				t, err := w.read(ctx, r.State.Thing)
				return t.value == r.In.Value, err
			},
			Act: func(ctx context.Context, r *run) error { return w.update(ctx, r.State.Thing, r.In.Value) },
		}},
	}
}

// watch is an observer that remembers what matters to a test.
type watch struct {
	orchestration.NoObserver
	mu        sync.Mutex
	answers   map[string]int
	reported  []string
	tainted   int
	panics    int
	postponed int
	alone     int
}

func (o *watch) Claimed(_ context.Context, _, answer string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil {
		o.answers = map[string]int{}
	}
	o.answers[answer]++
}

func (o *watch) Reported(_ context.Context, _ string, _ fault.Reason, detail string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reported = append(o.reported, detail)
}

func (o *watch) Tainted(context.Context, string, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tainted++
}

func (o *watch) Finished(_ context.Context, _ string, out orchestration.Outcome, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if out.Verdict == orchestration.Postponed {
		o.postponed++
	}
}

func (o *watch) RunsAlone(context.Context, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alone++
}

func (o *watch) isAlone() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.alone > 0
}

func (o *watch) Panicked(context.Context, string, string, []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.panics++
}

// rig is a target, a store and as many engines as a test wants, in virtual time.
type rig struct {
	t      *testing.T
	target *target
	redis  *miniredis.Miniredis
	client *redis.Client
	watch  *watch
	outbox *outbox
	keys   rediskey.Keys
	window time.Duration
	seq    atomic.Int64
}

func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		epoch := redisstore.NewEpoch(rediskey.New("default", hasher), lease+window, nil)
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, OnConnect: epoch.OnConnect, DisableIdentity: true,
			Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() }})
		r := &rig{t: t, target: &target{lag: lag}, redis: m, client: client, watch: &watch{}, outbox: &outbox{},
			keys: rediskey.New("default", hasher), window: window}
		require.NoError(t, epoch.WriteClean(t.Context(), client))
		t.Cleanup(m.Close)
		t.Cleanup(func() { _ = client.Close() })
		test(r)
	})
}

func (r *rig) store() orchestration.Store {
	epoch := redisstore.NewEpoch(r.keys, lease+r.window, nil)
	return redisstore.New(redisstore.Options{Client: r.client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: r.window})
}

func (r *rig) engine(owner string, change ...func(*orchestration.Options)) *orchestration.Engine {
	r.t.Helper()
	o := orchestration.Options{Scenarios: []orchestration.Scenario{things(r.target)}, Store: r.store(), Observer: r.watch, Hasher: hasher,
		Publisher: r.outbox, Enter: enter(nil),
		Channels: orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}},
		Owner:    owner, Lease: lease, Renew: lease / 3, Window: r.window, RetryFor: 4 * time.Second, WaitInRun: 2 * time.Second}
	for _, f := range change {
		f(&o)
	}
	e, err := orchestration.New(o)
	require.NoError(r.t, err)
	return e
}

// event is a published message of a thing.
func (r *rig) event(id, thingID, key, value string, at time.Time) orchestration.Event {
	data, err := json.Marshal(changed{thingID, key, value})
	require.NoError(r.t, err)
	return orchestration.Event{Source: "shop", ID: id, Type: eventType, Time: at, Data: data, Generation: 1,
		CorrelationID: orchestration.DeriveCorrelationID("shop", id),
		Origin:        orchestration.Origin{Queue: "in", Enqueued: time.Now(), Sequence: r.seq.Add(1)}}
}

// untilSettled redelivers as a broker with copies would, until the event is not postponed any more.
func (r *rig) untilSettled(e *orchestration.Engine, ev orchestration.Event) orchestration.Outcome {
	r.t.Helper()
	for range 100 {
		o := e.Handle(r.t.Context(), ev)
		if o.Verdict != orchestration.Postponed {
			return o
		}
		ev.Generation++
		ev.Attempt = o.Attempt
		pass(o.After)
	}
	r.t.Fatal("postponed a hundred times")
	return orchestration.Outcome{}
}

// bound gives the id that a thing of a source is bound to.
func (r *rig) bound(source, thingID string) string {
	r.t.Helper()
	id, err := r.client.HGet(r.t.Context(), r.keys.Map(ref(source, thingID)), "v").Result()
	if !errors.Is(err, redis.Nil) {
		require.NoError(r.t, err)
	}
	return id
}

func (r *rig) entityKey(source, thingID string) string { return r.keys.Entity(ref(source, thingID)) }

func ref(source, thingID string) mapping.Ref {
	return mapping.Ref{Kind: "thing", Scope: "default/usmf", Source: source, ID: thingID}
}

// pass lets virtual time go by.
func pass(d time.Duration) { <-time.After(d) }
