// Package explore tries out every order in which the steps of the protocol can go, at a small scope: two processes, an event or
// two, and a number of things that go wrong. The engine, its store and the Lua scripts are the real ones, on a redis-server; each
// call that one of them makes waits for its turn, and whose turn it is, and how the call goes, is the choice that is explored. Where
// two ways lead to the same state, only one is followed further.
//
//	go test -v ./test/explore             what fits into some seconds
//	EXPLORE=10m go test ./test/explore    all of it, with more that goes wrong
package explore

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one() []orchestration.Event { return []orchestration.Event{event("shop", "e1", "42", "old", 1)} }

func twice() []orchestration.Event { return append(one(), one()...) }

func states() []orchestration.Event {
	return append(one(), event("shop", "e2", "42", "new", 2))
}

func sources() []orchestration.Event {
	return append(one(), event("crm", "e2", "7", "new", 2))
}

// small are the models of which all is seen within seconds: one thing goes wrong.
var small = []model{
	dead,
	frozen,
	{name: "one event, and an answer is not heard", events: one, final: old, budget: budget{unheard: 1}},
	slow,
	{name: "one event, redelivered while it is worked on", events: one, final: old, budget: budget{redelivered: 1}},
	{name: "an event published twice", events: twice, final: old},
	{name: "two states", events: states, final: latest},
	{name: "two sources with one key", events: sources, final: either},
}

// large are those for which there is time in longer runs only.
var large = []model{
	lateAndDead,
	{name: "one event, redelivered, a write lands late", events: one, final: old, budget: budget{redelivered: 1, late: 1}},
	{name: "two sources with one key, a process dies", events: sources, final: either, budget: budget{deaths: 1}},
	{name: "one event, a process dies, another stands still", events: one, final: old, budget: budget{deaths: 1, freezes: 1, redelivered: 1}},
	{name: "one event, an answer is not heard, a process dies", events: one, final: old, budget: budget{unheard: 1, deaths: 1, redelivered: 1}},
	{name: "one event, two writes land late, a search lags", events: one, final: old, lag: searchLag, budget: budget{late: 2, deaths: 1}},
	{name: "an event published twice, a process dies", events: twice, final: old, budget: budget{deaths: 1}},
	{name: "an event published twice, a write lands late", events: twice, final: old, budget: budget{late: 1}},
	{name: "two states, a process dies", events: states, final: latest, budget: budget{deaths: 1}},
	{name: "two states, a write lands late", events: states, final: latest, budget: budget{late: 1}},
	{name: "two sources with one key, a write lands late", events: sources, final: either, lag: searchLag, budget: budget{late: 1}},
}

// The models that breaks are noticed by.
var (
	dead        = model{name: "one event, and a process dies", events: one, final: old, budget: budget{deaths: 1}}
	frozen      = model{name: "one event, and a process stands still", events: one, final: old, budget: budget{freezes: 1}}
	slow        = model{name: "one event, and a write lands late", events: one, final: old, budget: budget{late: 1}}
	lateAndDead = model{name: "one event, a write lands late, a process dies", events: one, final: old, budget: budget{late: 1, deaths: 1}}
)

var old, latest, either = []string{"old"}, []string{"new"}, []string{"old", "new"}

// explorer follows every way.
type explorer struct {
	t      *testing.T
	model  model
	client *redis.Client
	seen   map[[32]byte]bool
	todo   [][]string // ways that begin so are still to be followed
	counts struct{ ways, choices, ends, astray int }
}

// most is how many choices a way has at most: more means that it never ends.
const most = 300

// explore follows ways until all are seen or the time is over. It gives what is wrong with the first that is, and the way itself.
func (e *explorer) explore(until time.Time) (wrong string) {
	e.seen, e.todo = map[[32]byte]bool{}, [][]string{nil}
	for len(e.todo) > 0 && time.Now().Before(until) {
		way := e.todo[len(e.todo)-1]
		e.todo = e.todo[:len(e.todo)-1]
		e.counts.ways++
		synctest.Test(e.t, func(t *testing.T) { wrong = e.follow(t, way) })
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// follow goes a way to its end, or to a state that was seen before.
func (e *explorer) follow(t *testing.T, begin []string) (wrong string) {
	x := e.begin(t)
	defer x.leave()
	var way []string
	for {
		x.quiet()
		if x.found == "" && x.finished() {
			x.judge()
			e.counts.ends++
		}
		if x.found != "" || x.finished() {
			return x.report(way)
		}
		if len(way) >= len(begin) || begin[len(way)] == timePasses {
			x.memory = x.remember()
		}
		all := x.choices()
		switch {
		case len(all) == 0 || len(way) > most:
			x.wrong("it never ends; %d choices are left in\n%s", len(all), x.state())
			return x.report(way)
		case len(way) < len(begin):
			i := index(all, begin[len(way)])
			if i < 0 {
				e.counts.astray++
				return ""
			}
			all = all[i : i+1]
		case len(all) > 1:
			hash := sha256.Sum256([]byte(x.state()))
			if e.seen[hash] {
				return ""
			}
			e.seen[hash] = true
			for _, c := range all[1:] {
				e.todo = append(e.todo, append(way[:len(way):len(way)], c.name))
			}
		}
		way = append(way, all[0].name)
		e.counts.choices++
		all[0].do()
	}
}

func index(all []choice, name string) int {
	for i, c := range all {
		if c.name == name {
			return i
		}
	}
	return -1
}

func (x *trial) report(way []string) string {
	if x.found == "" {
		return ""
	}
	return x.found + "\n  " + strings.Join(way, "\n  ") + "\n" + fmt.Sprint(x.target.done)
}

func (e *explorer) begin(t *testing.T) *trial {
	x := &trial{t: t, model: e.model, client: e.client, target: &target{lag: e.model.lag}, left: e.model.budget, highest: map[string]int{},
		workers: make([]*worker, 2)}
	require.NoError(t, e.client.FlushDB(t.Context()).Err())
	epoch := redisstore.NewEpoch(keys, lease+window, nil)
	require.NoError(t, epoch.WriteClean(t.Context(), e.client))
	for i := range x.workers {
		x.process(i)
	}
	for i, ev := range e.model.events() {
		ev.Origin = orchestration.Origin{Queue: "in", Enqueued: time.Now(), Sequence: int64(i + 1)}
		x.publish(ev, time.Time{})
	}
	return x
}

// connect opens the database of a model.
func connect(t *testing.T, s *simredis.Server, db int, hooks ...redis.Hook) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), DB: db, MaxRetries: -1, DisableIdentity: true, ConnMaxIdleTime: -1, PoolSize: 64})
	for _, h := range hooks {
		c.AddHook(h)
	}
	require.NoError(t, c.Ping(t.Context()).Err())
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestEveryOrderOfStepsKeepsThePromise(t *testing.T) {
	each, err := time.ParseDuration(cmp.Or(os.Getenv("EXPLORE"), "3s"))
	require.NoError(t, err)
	s, err := simredis.Start(t.Context(), simredis.Options{Args: []string{"--databases", "32"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	models := small
	if os.Getenv("EXPLORE") != "" {
		models = append(slices.Clone(small), large...)
	}
	for i, m := range models {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			e := &explorer{t: t, model: m, client: connect(t, s, i)}
			wrong := e.explore(time.Now().Add(each))
			all := "all of it"
			if len(e.todo) > 0 {
				all = fmt.Sprintf("%d ways are left", len(e.todo))
			}
			t.Logf("%d states, %d ways, %d choices, %d ends, %d astray: %s", len(e.seen), e.counts.ways, e.counts.choices, e.counts.ends, e.counts.astray, all)
			require.Empty(t, wrong)
		})
	}
}

// broken is a part of the protocol that is taken away, and the model that must notice.
type broken struct {
	notices             model
	script, old, change string // of a script; none: looks find nothing
}

var breaks = map[string]broken{
	"a save does not compare the claim":       {frozen, "save", "~= a.claim then return 'lost' end", "== '-' then return 'lost' end"},
	"a lease that ran out leaves no taint":    {lateAndDead, "claim", "if h.claim and h.claim ~= a.claim then\n    local field", "if false then\n    local field"},
	"a write in doubt leaves no taint":        {slow, "release", "if ARGV[4] ~= '' then --", "if false then --"},
	"a leftover copy is not surplus":          {lateAndDead, "claim", "if tonumber(run.gen or '0') > a.gen and not again", "if false"},
	"nothing is looked for before it is made": {notices: dead},
}

// script runs a script with another text.
func script(t *testing.T, name, old, changed string) []redis.Hook {
	text, err := os.ReadFile(filepath.Join("..", "..", "orchestration", "redisstore", name+".lua"))
	require.NoError(t, err)
	broken := strings.ReplaceAll(string(text), old, changed)
	require.NotEqual(t, string(text), broken)
	for hash, known := range redisstore.Scripts() {
		if known == name {
			return []redis.Hook{otherScript{hash, broken}}
		}
	}
	require.FailNow(t, "no such script", name)
	return nil
}

func TestWhatIsBrokenOnPurposeIsNoticed(t *testing.T) {
	s, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for name, b := range breaks {
		t.Run(name, func(t *testing.T) {
			e := &explorer{t: t, model: b.notices}
			var hooks []redis.Hook
			if e.model.blind = b.script == ""; !e.model.blind {
				hooks = script(t, b.script, b.old, b.change)
			}
			e.client = connect(t, s, 0, hooks...)
			wrong := e.explore(time.Now().Add(2 * time.Minute))
			require.NotEmpty(t, wrong, "not noticed in %d ways", e.counts.ways)
			t.Logf("%s, after %d ways: %s", e.model.name, e.counts.ways, wrong)
		})
	}
}
