package orchestration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
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
// what goes wrong on its way.
type target struct {
	mu      sync.Mutex
	things  []*thing
	before  func(op string) error                      // asked before anything happens
	after   func(ctx context.Context, op string) error // asked after a write was committed: an error is a lost answer
	creates int
	updates int
	lag     time.Duration
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

func (w *target) search(key string) ([]string, error) {
	if err := w.ask("search"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, t := range w.things {
		if t.key == key && !time.Now().Before(t.shows) {
			ids = append(ids, t.id)
		}
	}
	return ids, nil
}

func (w *target) read(id string) (thing, error) {
	if err := w.ask("read"); err != nil {
		return thing{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.things {
		if t.id == id {
			return *t, nil
		}
	}
	return thing{}, fault.New(fault.Permanent, fault.CsuRejected, "no such thing")
}

func (w *target) create(ctx context.Context, key, value string) (string, error) {
	if err := w.ask("create"); err != nil {
		return "", err
	}
	w.mu.Lock()
	w.creates++
	t := &thing{id: fmt.Sprintf("%06d", w.creates), key: key, value: value, shows: time.Now().Add(w.lag)}
	w.things = append(w.things, t)
	w.mu.Unlock()
	return t.id, w.done(ctx, "create")
}

func (w *target) update(ctx context.Context, id, value string) error {
	if err := w.ask("update"); err != nil {
		return err
	}
	w.mu.Lock()
	w.updates++
	for _, t := range w.things {
		if t.id == id {
			t.value = value
		}
	}
	w.mu.Unlock()
	return w.done(ctx, "update")
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
	find := func(_ context.Context, r *run) (bool, error) {
		ids, err := w.search(r.In.Key)
		if r.Binding != "" {
			r.State.Thing = r.Binding
			return true, err
		}
		if len(ids) > 1 {
			r.Report(fault.DuplicateAccount, "more than one thing has this key")
		}
		if len(ids) > 0 {
			r.State.Thing = ids[0]
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
			},
		}, {
			Name: "update-thing", When: func(r *run) bool { return !r.State.Created },
			Look: func(_ context.Context, r *run) (bool, error) {
				t, err := w.read(r.State.Thing)
				return t.value == r.In.Value, err
			},
			Act: func(ctx context.Context, r *run) error { return w.update(ctx, r.State.Thing, r.In.Value) },
		}},
	}
}

// watch is an observer that remembers what matters to a test.
type watch struct {
	orchestration.NoObserver
	mu       sync.Mutex
	answers  map[string]int
	reported []string
	tainted  int
	panics   int
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
	calls  *int64
	seq    int64
}

func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		epoch := redisstore.NewEpoch(rediskey.New("default", hasher), lease+window, nil)
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, OnConnect: epoch.OnConnect, DisableIdentity: true,
			Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() }})
		r := &rig{t: t, target: &target{lag: lag}, redis: m, client: client, watch: &watch{}}
		require.NoError(t, epoch.WriteClean(t.Context(), client))
		t.Cleanup(m.Close)
		t.Cleanup(func() { _ = client.Close() })
		test(r)
	})
}

func (r *rig) store() orchestration.Store {
	epoch := redisstore.NewEpoch(rediskey.New("default", hasher), lease+window, nil)
	return redisstore.New(redisstore.Options{Client: r.client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: window})
}

func (r *rig) engine(owner string, change ...func(*orchestration.Options)) *orchestration.Engine {
	r.t.Helper()
	o := orchestration.Options{Scenarios: []orchestration.Scenario{things(r.target)}, Store: r.store(), Observer: r.watch, Hasher: hasher,
		Channels: orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}},
		Owner:    owner, Lease: lease, Renew: lease / 3, Window: window, RetryFor: 4 * time.Second, WaitInRun: 2 * time.Second}
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
	r.seq++
	return orchestration.Event{Source: "shop", ID: id, Type: eventType, Time: at, Data: data, Generation: 1,
		CorrelationID: orchestration.DeriveCorrelationID("shop", id),
		Origin:        orchestration.Origin{Queue: "in", Enqueued: time.Now(), Sequence: r.seq}}
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

// pass lets virtual time go by.
func pass(d time.Duration) { time.Sleep(d) }
