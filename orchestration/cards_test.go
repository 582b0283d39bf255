package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const pan = "4111 1111 1111 1111"

type anyRun = orchestration.Run[map[string]any, struct{}]

// anything is a scenario whose schema would quote what it refuses, were it asked.
func anything(name string, numbers map[string]int, internal bool) orchestration.Scenario {
	return orchestration.Pipeline[map[string]any, struct{}]{
		Name: name, Handles: "example." + name, Order: orchestration.Fact, Numbers: numbers, Internal: internal,
		Schema: []byte(`{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"card":false}}`),
		Entity: func(map[string]any) (string, string) { return "thing", "1" },
		Steps: []orchestration.Step[map[string]any, struct{}]{{Name: "look-around",
			Look: func(context.Context, *anyRun) (bool, error) { return true, nil }}},
	}
}

func doorman(t testing.TB) *orchestration.Checker {
	c, err := orchestration.NewChecker([]orchestration.Scenario{
		anything("open", nil, false), anything("inner", nil, true),
		anything("numbers", map[string]int{"/phone": 15, "/payments/*/authorization": orchestration.AnyNumber}, false),
	}, orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}})
	require.NoError(t, err)
	return c
}

func published(kind, data string) orchestration.Event {
	return orchestration.Event{Source: "shop", ID: "e1", Type: "example." + kind, Time: time.Now(), Data: json.RawMessage(data), Channel: "main",
		CorrelationID: orchestration.DeriveCorrelationID("shop", "e1"), Generation: 1}
}

func TestAnEventWithACardNumberIsRefusedAtTheDoorByItsPlace(t *testing.T) {
	t.Parallel()
	c := doorman(t)
	for name, tc := range map[string]struct {
		ev      orchestration.Event
		pointer string
	}{
		"a text":                            {published("open", `{"id":"1","card":"`+pan+`"}`), "/card"},
		"with dashes":                       {published("open", `{"id":"1","card":"4111-1111-1111-1111"}`), "/card"},
		"a number":                          {published("open", `{"id":"1","card":4111111111111111}`), "/card"},
		"a number as spreadsheets have it":  {published("open", `{"id":"1","card":4.111111111111111E+15}`), "/card"},
		"a member's name":                   {published("open", `{"id":"1","cards":{"`+pan+`":true}}`), "/cards/*"},
		"deep inside":                       {published("open", `{"id":"1","a":[{"b":[0,"see `+pan+`, please"]}]}`), "/a/0/b/1"},
		"JSON in a text":                    {published("open", `{"id":"1","raw":"{\"pan\":4111111111111111}"}`), "/raw"},
		"behind escapes":                    {published("open", `{"id":"1","card":"\u0034111\u00a01111\u20101111 1111"}`), "/card"},
		"in the id":                         {published("open", `{"id":"`+pan+`"}`), "/id"},
		"data that does not match":          {published("open", `{"id":4111111111111111}`), "/id"},
		"data that is not JSON":             {published("open", `{"id":`+pan), ""},
		"a type that nobody takes":          {published("other", `{"card":"`+pan+`"}`), "/card"},
		"where numbers are tolerated":       {published("numbers", `{"id":"1","phone":"`+pan+`"}`), "/phone"},
		"beside where they are":             {published("numbers", `{"id":"1","payments":[{"authorization":"x","card":"`+pan+`"}]}`), "/payments/0/card"},
		"a channel that nobody knows":       {with(published("open", `{"card":"`+pan+`"}`), func(ev *orchestration.Event) { ev.Channel = "nowhere" }), "/card"},
		"a time in the future":              {with(published("open", `{"card":"`+pan+`"}`), func(ev *orchestration.Event) { ev.Time = time.Now().Add(24 * time.Hour) }), "/card"},
		"what only we may say, from others": {published("inner", `{"id":"1","card":"`+pan+`"}`), "/card"},
		"a row that the map left it out of": {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.AsReceived = []byte(`{"Karte":"` + pan + `"}`) }), "/Karte"},
		"the id":                            {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.ID = pan }), "/id"},
		"the source":                        {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.Source = "https://shop.example.com/4111111111111111" }), "/source"},
		"the subject":                       {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.Subject = "card " + pan }), "/subject"},
		"the channel":                       {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.Channel = pan }), "/signalboxchannel"},
		"the type":                          {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.Type = pan }), "/type"},
		"the sequence":                      {with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.Sequence = "4111111111111111" }), "/sequence"},
	} {
		err := c.Check(tc.ev)
		f := fault.As(err)
		require.NotNil(t, f, name)
		require.Equal(t, fault.CardDataRefused, f.Reason, name)
		require.Equal(t, fault.Poison, f.Kind, name)
		require.Equal(t, tc.pointer, f.Pointer, name)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, *f), "1111", name)
		require.Contains(t, f.Detail, "token", name)
	}
}

func with(ev orchestration.Event, change func(*orchestration.Event)) orchestration.Event {
	change(&ev)
	return ev
}

func TestWhatIsNoCardNumberPassesTheDoor(t *testing.T) {
	t.Parallel()
	c := doorman(t)
	for _, ev := range []orchestration.Event{
		published("open", `{"id":"4111111111111112","at":"2026-11-27T08:15:00.123456789Z","guid":"12345678-1234-1234-1234-123456789012","phone":"+4917012345675","ean":"4006381300063"}`),
		published("numbers", `{"id":"1","phone":"4222222222222","payments":[{"authorization":"`+pan+`"},{"authorization":{"blob":["`+pan+`"]}}]}`),
		with(published("open", `{"id":"1"}`), func(ev *orchestration.Event) { ev.AsReceived = []byte(`{"Telefon":4222222222222}`) }),
	} {
		require.NoError(t, c.Check(ev), string(ev.Data))
	}
}

func TestWhatWeSayOurselvesIsNotSearched(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", func(o *orchestration.Options) {
			o.Scenarios, o.OwnQueues = []orchestration.Scenario{anything("inner", nil, true)}, []string{"live"}
			o.Channels = orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}}
		})
		ev := published("inner", `{"id":"`+pan+`"}`)
		ev.Origin = orchestration.Origin{Queue: "orders", Enqueued: time.Now()}
		require.Equal(r.t, fault.CardDataRefused, e.Handle(r.t.Context(), ev).Reason, "anybody may send to a source queue")
		ev.Origin.Queue = "live"
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), ev).Verdict)
	})
}

func TestAPlaceThatIsNoPointerIsADefectOfTheScenario(t *testing.T) {
	t.Parallel()
	_, err := orchestration.NewChecker([]orchestration.Scenario{anything("open", map[string]int{"phone": 15}, false)}, nil)
	require.ErrorContains(t, err, `"phone" is no JSON pointer`)
}

func TestSinksAreToldOfARefusedCardWithoutIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", pan, time.Now())
		ev.Subject = "of " + pan
		e := r.engine("w1", telling(r))
		for range 2 { // delivered again: told the same
			got := e.Handle(r.t.Context(), ev)
			require.Equal(r.t, orchestration.Rejected, got.Verdict)
			require.Equal(r.t, fault.CardDataRefused, got.Reason)
			require.NotContains(r.t, got.Detail, "1111")
		}
		ids := map[string]bool{}
		for _, told := range r.outbox.of(refusedType) {
			ids[told.ID] = true
			require.Empty(r.t, told.Subject)
			require.NotContains(r.t, string(told.Data), "1111")
			require.Contains(r.t, string(told.Data), "CardDataRefused")
		}
		require.Len(r.t, ids, 2, "one for each sink")
		for _, key := range r.redis.Keys() {
			require.NotContains(r.t, key, ":run:", "no run begins")
		}
		ev.ID = pan
		before := len(r.outbox.of(refusedType))
		require.Equal(r.t, fault.CardDataRefused, e.Handle(r.t.Context(), ev).Reason)
		require.Len(r.t, r.outbox.of(refusedType), before, "what cannot be named is not told of")
	})
}

// A copy would carry the number on, so the message is held until the sinks are told, or is given back.
func TestARefusedCardIsNotPutOffWhileNobodyCanBeTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", telling(r))
		ev := r.event("e1", "42", "ana", pan, time.Now())
		began := time.Now()
		r.outbox.fail = func() error {
			if time.Since(began) < 10*time.Minute {
				return errors.New("no queue")
			}
			return nil
		}
		require.Equal(r.t, orchestration.Rejected, e.Handle(r.t.Context(), ev).Verdict)
		require.Greater(r.t, time.Since(began), 10*time.Minute)
		require.Len(r.t, r.outbox.of(refusedType), 2)

		r.outbox.fail = func() error { return errors.New("no queue") }
		ctx, drain := context.WithTimeout(r.t.Context(), time.Minute)
		defer drain()
		got := e.Handle(ctx, ev)
		require.Equal(r.t, orchestration.Interrupted, got.Verdict)
		require.Equal(r.t, fault.CardDataRefused, got.Reason)
	})
}

func TestARefusalOfATimeInTheFutureIsNotInTheFutureItself(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now().Add(time.Hour))
		ev.Origin.Enqueued = time.Now()
		require.Equal(r.t, fault.TimeInFuture, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Reason)
		told := r.outbox.of(refusedType)
		require.Len(r.t, told, 2)
		require.Equal(r.t, ev.Origin.Enqueued, told[0].Time)
	})
}

func TestWhatIsKeptOfARefusedEventHasNoCard(t *testing.T) {
	t.Parallel()
	ev := published("open", `{"card":"`+pan+`"}`)
	ev.Subject = pan
	kept := ev.WithoutCards()
	require.Empty(t, kept.Subject)
	require.Nil(t, kept.Data)
	require.Equal(t, ev.CorrelationID, kept.CorrelationID)
	require.Equal(t, ev.Source, kept.Source)

	ev.ID = pan
	ev.CorrelationID = orchestration.DeriveCorrelationID(ev.Source, ev.ID)
	kept = ev.WithoutCards()
	require.Empty(t, kept.ID)
	require.Empty(t, kept.CorrelationID, "it is a hash of the number")
	ev.CorrelationID = "0b5f1d5e-9f5a-4c39-9c1c-3f8e0a1b2c3d"
	require.Equal(t, ev.CorrelationID, ev.WithoutCards().CorrelationID, "the producer's own says nothing of it")
}
