package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// store knows one run and one object, or fails.
type store struct {
	run    *redisstore.RunTrace
	more   []redisstore.RunTrace // of the same correlation
	object *redisstore.EntityTrace
	memory redisstore.Memory
	err    error
}

func (s store) list() (all []redisstore.RunTrace) {
	if s.run != nil {
		all = append(all, *s.run)
	}
	return append(all, s.more...)
}

func (s store) ByCorrelation(_ context.Context, id string) (got []redisstore.RunTrace, err error) {
	for _, r := range s.list() {
		if r.CorrelationID == id {
			got = append(got, r)
		}
	}
	return got, s.err
}

func (s store) ByEvent(context.Context, string, string) (redisstore.RunTrace, bool, error) {
	if s.run == nil {
		return redisstore.RunTrace{}, false, s.err
	}
	return *s.run, true, s.err
}

func (s store) Runs(_ context.Context, names []string) (got []redisstore.RunTrace, err error) {
	for _, r := range s.list() {
		if slices.Contains(names, r.Run) {
			got = append(got, r)
		}
	}
	return got, s.err
}

func (s store) known() (redisstore.EntityTrace, bool, error) {
	if s.object == nil {
		return redisstore.EntityTrace{}, false, s.err
	}
	return *s.object, true, s.err
}

func (s store) Entity(context.Context, string) (redisstore.EntityTrace, bool, error) {
	return s.known()
}
func (s store) ByEntity(context.Context, mapping.Ref) (redisstore.EntityTrace, bool, error) {
	return s.known()
}
func (s store) ByKey(context.Context, string, orchestration.Key) (redisstore.EntityTrace, bool, error) {
	return s.known()
}
func (s store) Memory(context.Context) (redisstore.Memory, bool, error) {
	return s.memory, s.memory.Server != "", s.err
}

func (store) RunName(source, id string) string { return "run of " + source + " " + id }

// identifier takes the id of an event for that of its object, and its e-mail address for a natural key.
type identifier struct{}

func (identifier) Identify(ev orchestration.Event) (orchestration.Identity, error) {
	if ev.ID == "e9" {
		return orchestration.Identity{}, errors.New("it cannot be told")
	}
	return orchestration.Identity{Entity: mapping.Ref{Kind: "customer", Scope: "csu/usrt", Source: ev.Source, ID: "of-" + ev.ID},
		Keys: []orchestration.Key{customers.EmailKey(pii.NewEmail(ev.ID + "@example.com"))}}, nil
}

func look(t *testing.T, s trace.Subject, from trace.Store, places []trace.Place, depth int) (trace.Found, error) {
	t.Helper()
	return trace.Looker{Store: from, Identify: identifier{}, Decode: envelope.Decode, Places: places, Depth: depth}.Look(t.Context(), s)
}

var channels = orchestration.Channels{{Name: "web", CSU: "csu", LegalEntity: "usrt"}, {Name: "outlet", CSU: "csu", LegalEntity: "usrt"}, {Name: "de", CSU: "csu", LegalEntity: "dert"}}

// shelf gives at most two messages at once, as a broker may.
type shelf []worker.Message

func (s shelf) Peek(_ context.Context, from int64, most int) (got []worker.Message, err error) {
	for _, m := range s {
		if m.Sequence >= from && len(got) < min(most, 2) {
			got = append(got, m)
		}
	}
	return got, nil
}

type broken struct{}

func (broken) Peek(context.Context, int64, int) ([]worker.Message, error) {
	return nil, worker.ErrConnectionLost
}

func message(sequence int64, id string) worker.Message {
	body := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"shop","type":"t","time":"2026-01-05T09:00:00Z","data":{"email":"ana@example.com"}}`, id)
	return worker.Message{Queue: "in", Sequence: sequence, ContentType: envelope.ContentTypeStructured, Body: []byte(body)}
}

var byEvent = trace.Subject{Source: "shop", ID: "e2"}

func TestMessagesAreFoundByEventAndByCorrelation(t *testing.T) {
	t.Parallel()
	queue := shelf{message(1, "e1"), message(2, "e2"), message(3, "e3"), {Queue: "in", Sequence: 4, CorrelationID: "given", Body: []byte("x")}, message(5, "e2")}
	places := []trace.Place{{Queue: "in", Peek: queue}, {Queue: "in", DeadLetter: true, Peek: shelf{message(2, "e2")}}}
	found, err := look(t, byEvent, store{}, places, 100)
	require.NoError(t, err)
	require.Equal(t, 6, found.LookedAt)
	require.Len(t, found.Messages, 3)
	require.Equal(t, int64(5), found.Messages[1].Sequence)
	require.True(t, found.Messages[2].DeadLetter)

	derived := trace.Subject{CorrelationID: orchestration.DeriveCorrelationID("shop", "e2")}
	found, err = look(t, derived, store{}, places, 100)
	require.NoError(t, err)
	require.Len(t, found.Messages, 3, "its producer gave it none, so it is derived")
	found, err = look(t, trace.Subject{CorrelationID: "given"}, store{}, places, 100)
	require.NoError(t, err)
	require.Len(t, found.Messages, 1, "what cannot be read is found by the broker's property")

	text, err := json.Marshal(found)
	require.NoError(t, err)
	require.NotContains(t, string(text), "ana@")
}

func TestADeepQueueIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	queue := shelf{message(1, "e1"), message(2, "e1"), message(3, "e1"), message(4, "e2")}
	found, err := look(t, byEvent, store{}, []trace.Place{{Queue: "in", Peek: queue}}, 3)
	require.NoError(t, err)
	require.True(t, found.Nothing())
	require.Equal(t, 3, found.LookedAt)
	require.Equal(t, []string{"in"}, found.Unfinished)

	found, err = look(t, byEvent, store{}, []trace.Place{{Queue: "in", Peek: queue}}, 4)
	require.NoError(t, err)
	require.Len(t, found.Messages, 1)
	require.Empty(t, found.Unfinished, "it was looked at to its end")
}

func TestWhatCannotBeReadIsSaidAndTheRestIsShown(t *testing.T) {
	t.Parallel()
	found, err := look(t, byEvent, store{err: errors.New("redis is down")},
		[]trace.Place{{Queue: "in", Peek: shelf{message(1, "e2")}}, {Queue: "in", DeadLetter: true, Peek: broken{}}}, 10)
	require.ErrorIs(t, err, worker.ErrConnectionLost)
	require.ErrorContains(t, err, "redis is down")
	require.Len(t, found.Problems, 2)
	require.Contains(t, found.Problems[1], "look into in (dead letters)")
	require.Len(t, found.Messages, 1)
}

func TestAnEventBringsTheRunsOfItsCorrelationAndWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	run := redisstore.RunTrace{Run: "r1", CorrelationID: "given", Entity: "ent", Began: at, State: redisstore.RunDone, Scenario: "customers", ServerTime: at}
	from := store{run: &run, more: []redisstore.RunTrace{{Run: "r2", CorrelationID: "given", Entity: "ent", Began: at.Add(time.Second), Scenario: "promote"},
		{Run: "r3", CorrelationID: "another", Began: at}},
		object: &redisstore.EntityTrace{Entity: "ent", D365ID: "8ccc699f-7ad3-5941-9a2a-06e44a00ac02", Applied: at, Runs: []string{"r1"},
			Holder: &redisstore.Holder{Owner: "w1", Run: "r2", LeaseUntil: at}, Doubts: []redisstore.HeldDoubt{{Run: "r0", RunDoubt: redisstore.RunDoubt{Step: "create-it", Until: at}}}},
		memory: redisstore.Memory{Server: "s", Born: at, LookOnlyUntil: at.Add(time.Minute)}}
	copied := message(7, "e8")
	copied.CorrelationID, copied.State, copied.Due = "given", worker.Scheduled, at.Add(time.Hour)
	found, err := look(t, byEvent, from, []trace.Place{{Queue: "in", Peek: shelf{copied}}}, 10)
	require.NoError(t, err)
	require.Len(t, found.Runs, 2, "and not that of another correlation")
	require.Len(t, found.Objects, 1, "once, though two runs are about it")
	require.True(t, found.Objects[0].Provisional)
	require.Len(t, found.Messages, 1, "a follow-up has the correlation of its cause")
	var out strings.Builder
	require.NoError(t, found.Print(&out))
	for _, text := range []string{"D365 id         8ccc699f-7ad3-5941-9a2a-06e44a00ac02, provisional: headquarters", "Newest applied  the state of 2026-11-23T09:00:00.000Z",
		"Held            by run r2 on w1, lease until", "In doubt        a write of step create-it of run r0 got no answer", "Scenario        promote",
		"in    scheduled  7 ", "2026-11-23T10:00:00.000Z", "until 2026-11-23T09:01:00.000Z claims are for looking only"} {
		require.Contains(t, strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(text), " "))
	}
}

func TestAnObjectIsFoundInEveryLegalEntityByItsNumberAndByItsAddress(t *testing.T) {
	t.Parallel()
	byNumber := trace.Asked{Source: "shop", Kind: "customer", ID: "of-e2"}.Subject(channels)
	require.Len(t, byNumber.Objects, 2, "two of the three channels share a legal entity")
	byAddress := trace.Asked{Email: " E2@Example.com\n"}.Subject(channels)
	require.Len(t, byAddress.Keys, 2)

	run := redisstore.RunTrace{Run: "r1", CorrelationID: "given", Began: time.Now()}
	object := redisstore.EntityTrace{D365ID: "000001", Runs: []string{"r0"}, Holder: &redisstore.Holder{Run: "r1"}}
	queue := shelf{message(1, "e1"), message(2, "e2"), message(3, "e3"), message(4, "e9"), {Queue: "in", Sequence: 5, Body: []byte("x")}}
	for _, s := range []trace.Subject{byNumber, byAddress} {
		found, err := look(t, s, store{run: &run, object: &object}, []trace.Place{{Queue: "in", Peek: queue}}, 10)
		require.NoError(t, err)
		require.Equal(t, "r1", found.Runs[0].Run, "its holder's run is one of its runs")
		require.Len(t, found.Messages, 1)
		require.Equal(t, int64(2), found.Messages[0].Sequence, "no worker has taken it up yet, but it says what it is about")
		text, err := json.Marshal(found)
		require.NoError(t, err)
		require.NotContains(t, strings.ToLower(string(text)), "e2@example.com")
	}
	none, err := look(t, byNumber, store{}, nil, 1)
	require.NoError(t, err)
	require.True(t, none.Nothing())
	_, err = look(t, byAddress, store{err: errors.New("redis is down")}, nil, 1)
	require.ErrorContains(t, err, "redis is down")
}

func TestAMessageWithoutARunBringsWhoHoldsItsObject(t *testing.T) {
	t.Parallel()
	object := redisstore.EntityTrace{Entity: "ent", Holder: &redisstore.Holder{Owner: "w1", Run: "r7"}}
	found, err := look(t, byEvent, store{object: &object}, []trace.Place{{Queue: "in", Peek: shelf{message(2, "e2")}}}, 10)
	require.NoError(t, err)
	require.Equal(t, "r7", found.Objects[0].Holder.Run)
}

func TestOnlyThePlacesThatAreNeededAreLookedInto(t *testing.T) {
	t.Parallel()
	l := trace.Looker{Store: store{}, Identify: identifier{}, Decode: envelope.Decode, Depth: 10, Needed: func(_ trace.Found, p trace.Place) bool { return p.DeadLetter },
		Places: []trace.Place{{Queue: "in", Peek: broken{}}, {Queue: "in", DeadLetter: true, Peek: shelf{message(1, "e2")}}}}
	found, err := l.Look(t.Context(), byEvent)
	require.NoError(t, err)
	require.Len(t, found.Messages, 1)
}

func TestEachStateReadsAsASentence(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for want, r := range map[string]redisstore.RunTrace{
		"done: completed at 2026-11-23T09:00:00.000Z":                          {State: redisstore.RunDone, Outcome: "completed", Ended: at},
		"working: held by w1, lease until 2026-11-23T09:00:00.000Z":            {State: redisstore.RunWorking, Owner: "w1", LeaseUntil: at},
		"abandoned: w1 let its lease run out at":                               {State: redisstore.RunAbandoned, Owner: "w1", LeaseUntil: at},
		"waiting: for gate until 2026-11-23T09:00:00.000Z, at step create-it":  {State: redisstore.RunWaiting, Wait: &redisstore.RunWait{For: "gate", Step: "create-it", Until: at}, CorrelationID: "c"},
		"rejected: its message is a dead letter":                               {State: redisstore.RunRejected},
		"released: given back":                                                 {State: redisstore.RunReleased},
		"a write of step create-it got no answer; it may take effect until 20": {Doubts: []redisstore.RunDoubt{{Step: "create-it", Until: at}}},
	} {
		var out strings.Builder
		found, err := look(t, byEvent, store{run: &r}, nil, 1)
		require.NoError(t, err)
		require.NoError(t, found.Print(&out))
		require.Contains(t, out.String(), want)
	}
}

func TestManyRunsThatWentWellAreOneLineAndWhatIsNotOverIsShown(t *testing.T) {
	t.Parallel()
	f := trace.Found{Own: "own", Runs: []redisstore.RunTrace{{Run: "own", State: redisstore.RunDone, Outcome: "completed", Scenario: "products", Entity: "feed"}}}
	for i := range 40 {
		r := redisstore.RunTrace{Run: fmt.Sprint("quiet", i), State: redisstore.RunDone, Outcome: "completed", Scenario: "sinks", Entity: fmt.Sprint("record", i),
			Ended: time.Date(2026, 11, 23, 9, 0, i, 0, time.UTC)}
		switch i {
		case 7:
			r.Run, r.History = "tried", []redisstore.RunMoment{{Step: "deliver-event", Why: "backoff", Failed: "Sink.Deliver 503"}}
		case 8:
			r.Outcome = "superseded"
		case 9:
			r.Run, r.State, r.Owner = "works", redisstore.RunWorking, "w1"
		}
		f.Runs = append(f.Runs, r)
		f.Objects = append(f.Objects, trace.Object{EntityTrace: redisstore.EntityTrace{Entity: r.Entity, Applied: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}})
	}
	var out strings.Builder
	require.NoError(t, f.Print(&out))
	for _, run := range []string{"own", "tried", "works"} {
		require.Regexp(t, `(?m)^Run +`+run+`$`, out.String())
	}
	require.NotContains(t, out.String(), "quiet")
	require.Contains(t, out.String(), "And runs of scenario sinks that are done: 37 completed, 1 superseded, the last at 2026-11-23T09:00:39.000Z; --output json lists each.")
	require.Equal(t, 2, strings.Count(out.String(), "Newest applied"), "of what is shown alone")
}
