package deadletter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/schedule"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/queuetest"
	"github.com/stretchr/testify/require"
)

type handler func(context.Context, orchestration.Event) orchestration.Outcome

func (h handler) Handle(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
	return h(ctx, ev)
}

const person = "jane@example.com"

// bury sends messages and lets a real worker dead-letter them.
func bury(t *testing.T, o orchestration.Outcome, messages ...worker.Message) *queuetest.Queue {
	t.Helper()
	broker := queuetest.NewBroker()
	queue := broker.Queue("orders", queuetest.Settings{})
	for _, m := range messages {
		require.NoError(t, broker.Send(t.Context(), "orders", m, time.Time{}))
	}
	o.Verdict = orchestration.Rejected
	w, err := worker.New(worker.Options{
		Handler: handler(func(context.Context, orchestration.Event) orchestration.Outcome { return o }), Outbox: broker,
		Intakes: []worker.Intake{{Queue: queue, Slots: 1, OwnQueue: "orders"}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, w.Run(ctx))
	return queue
}

func event(id string) worker.Message {
	p := envelope.Encode(orchestration.Event{
		ID: id, Source: "shop", Type: "signalbox.order.placed.v1", Subject: person, CorrelationID: "0a0b0c0d-0000-4000-8000-000000000001",
		Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Data: json.RawMessage(`{"email":"` + person + `"}`),
	})
	return worker.Message{ID: id, ContentType: p.ContentType, Properties: p.Properties, Body: p.Body}
}

func TestADeadLetterSaysWhoWhyWhereAndSinceWhen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		copied := event("o-1")
		copied.Properties = envelope.Mark(copied.Properties, orchestration.Event{
			Generation: 3, Attempt: 2, Origin: orchestration.Origin{Queue: "source", Enqueued: start.UTC(), Sequence: 7},
		})
		queue := bury(t, orchestration.Outcome{Reason: fault.CsuRejected, Detail: "The CSU refused the address.", Step: "create-account"}, copied)

		letters := all(t, queue.DeadLetters())
		require.Len(t, letters, 1)
		got := letters[0]
		require.WithinDuration(t, start, got.DeadLettered, time.Second)
		require.Equal(t, deadletter.Letter{
			Queue: "orders", Sequence: got.Sequence, Reason: "CsuRejected", Blame: fault.Target, Step: "create-account",
			Description: "create-account: The CSU refused the address.",
			Source:      "shop", ID: "o-1", Type: "signalbox.order.placed.v1", CorrelationID: "0a0b0c0d-0000-4000-8000-000000000001", Event: true,
			Generation: 3, Attempt: 2, DeliveryCount: 1, Origin: orchestration.Origin{Queue: "source", Enqueued: start.UTC(), Sequence: 7},
			EventTime: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Enqueued: got.Enqueued, DeadLettered: got.DeadLettered, Bytes: len(copied.Body), Group: got.Group,
		}, got)

		shelves := []deadletter.Shelf{{Queue: "orders", Own: true, Peek: queue.DeadLetters()}}
		one, _, err := deadletter.Find(t.Context(), shelves, deadletter.Selection{Sequences: []int64{got.Sequence}}, nil)
		require.NoError(t, err)
		require.Equal(t, letters, one)
		none, _, err := deadletter.Find(t.Context(), shelves, deadletter.Selection{Sequences: []int64{got.Sequence + 1}}, nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

func TestNothingPersonalIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		chosen := event(person)
		chosen.Properties["cloudEvents_source"] = "mailto:" + person
		phone := event("+31 20 123 45 67")
		broken := event("o-2")
		broken.Body = []byte(`{"email":"` + person)
		queue := bury(t, orchestration.Outcome{Reason: fault.BusinessRule, Detail: "No."}, chosen, phone, broken)
		letters := all(t, queue.DeadLetters())
		require.Len(t, letters, 3)
		printed, err := json.Marshal(letters)
		require.NoError(t, err)
		require.NotContains(t, string(printed), "jane")
		require.NotContains(t, string(printed), "123 45 67")
		require.Equal(t, "[masked]", letters[0].ID)
		require.False(t, letters[2].Event)
		require.Equal(t, "o-2", letters[2].ID, "of a bad body the attributes are known all the same")
		require.Equal(t, "Malformed", letters[2].Reason)
		require.Equal(t, "orders", letters[2].Origin.Queue)
	})
}

func TestTheIDOfASchedulesEventIsShownAndNothingThatOnlyLooksLikeOne(t *testing.T) {
	t.Parallel()
	of := func(source, id string) string {
		m := event(id)
		m.Properties["cloudEvents_source"] = source
		return deadletter.Of(m, nil).ID
	}
	nightly, tick := schedule.Schedule{Name: "nightly"}, time.Date(2026, 1, 31, 2, 30, 0, 0, time.UTC)
	for _, ev := range []orchestration.Event{nightly.Event(tick), nightly.ByHand(tick.Add(7 * time.Millisecond))} {
		require.Equal(t, ev.ID, of(ev.Source, ev.ID))
		require.Equal(t, "[masked]", of("https://shop.example.com", ev.ID), "a schedule is its source")
		require.Equal(t, "[masked]", of("urn:signalbox:schedule:other", ev.ID), "its own")
	}
	const ours = "urn:signalbox:schedule:"
	for source, id := range map[string]string{
		ours + "jane":                 "jane@example.com",
		ours + "":                     "@2026-01-31T02:30:00Z",
		ours + "jane@example.com":     "jane@example.com@2026-01-31T02:30:00Z",
		ours + "4111 1111 1111 1111":  "4111 1111 1111 1111@2026-01-31T02:30:00Z",
		ours + "+31 20 123 45 67":     "+31 20 123 45 67@2026-01-31T02:30:00Z",
		ours + "a":                    "a@2026-01-31T02:30:00Z jane",
		ours + "b":                    "jane b@2026-01-31T02:30:00Z",
		ours + "c":                    "c@2026-01-31T02:30:00.123456789Z",
		ours + "d":                    "d@2026-01-31T02:30:00+01:00",
		ours + "e":                    "e@manual/2026-01-31T02:30:00Z",
		"x" + ours + "f":              "f@2026-01-31T02:30:00Z",
		"URN:signalbox:schedule:g":    "g@2026-01-31T02:30:00Z",
		"https://shop.example.com/h#": "h@2026-01-31T02:30:00Z",
	} {
		require.Equal(t, "[masked]", of(source, id), "%s %s", source, id)
	}
}

func TestTheDescriptionOfSomebodyElseIsNotShown(t *testing.T) {
	t.Parallel()
	for reason, foreign := range map[string]bool{"TTLExpiredException": false, "MaxDeliveryCountExceeded": false, "Malformed": false, "Other": true, "ByHand": true} {
		m := event("o-1")
		m.DeadLetterReason, m.DeadLetterDescription, m.Sequence = reason, "for "+person, 1
		got := deadletter.Of(m, nil)
		require.Equal(t, foreign, got.Foreign, reason)
		require.Equal(t, reason, got.Reason, "the reason is shown verbatim")
		require.Equal(t, foreign, got.Description == "", reason)
	}
}

func all(t *testing.T, p deadletter.Peeker) []deadletter.Letter {
	t.Helper()
	letters, more, err := deadletter.Find(t.Context(), []deadletter.Shelf{{Queue: "orders", Own: true, Peek: p}}, deadletter.Selection{}, nil)
	require.NoError(t, err)
	require.False(t, more)
	return letters
}

func TestAListIsReadPageByPageToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var messages []worker.Message
		for i := range 25 {
			messages = append(messages, event(fmt.Sprint(i)))
		}
		queue := bury(t, orchestration.Outcome{Reason: fault.UnknownType, Detail: "No."}, messages...)
		var seen []string
		for _, l := range all(t, stingy{queue.DeadLetters()}) {
			seen = append(seen, l.ID)
		}
		require.Len(t, seen, 25)
		require.Equal(t, "0", seen[0])
		require.Equal(t, "24", seen[24])
	})
}

// stingy gives fewer than asked for, as a broker may.
type stingy struct{ deadletter.Peeker }

func (s stingy) Peek(ctx context.Context, from int64, most int) ([]worker.Message, error) {
	return s.Peeker.Peek(ctx, from, min(most, 3))
}

func TestABrokerThatFailsIsSaidToFail(t *testing.T) {
	t.Parallel()
	_, _, err := deadletter.Find(t.Context(), []deadletter.Shelf{{Queue: "orders", Peek: failing{}}}, deadletter.Selection{}, nil)
	require.ErrorIs(t, err, worker.ErrUnauthorized)
	require.ErrorContains(t, err, "orders")
}

// A source's rows are read by whoever knows their shape, or a replay would not know how far their runs are.
func TestRowsAreReadByTheirOwnDecoder(t *testing.T) {
	t.Parallel()
	m := worker.Message{Queue: "orders", Sequence: 7, Body: []byte(`{"CustomerNo":7}`), DeadLetterReason: "UnknownChannel"}
	decode := func(p envelope.Parts, a envelope.Arrival, _ envelope.Limits) (orchestration.Event, error) {
		return orchestration.Event{Source: "crm", ID: "row-7", Type: "signalbox.customer.changed.v1", Generation: 3, Origin: a.Origin, Data: p.Body}, nil
	}
	require.False(t, deadletter.Of(m, nil).Event)
	got := deadletter.Of(m, decode)
	require.True(t, got.Event)
	require.Equal(t, "row-7", got.ID)

	o := newOffice(t, m)
	o.Shelves[0].Decode, o.Runs = decode, generations{"crm row-7": 5}
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.EqualValues(t, 6, o.box.sent[0].Properties[envelope.PropertyGeneration])
	require.Equal(t, m.Body, o.box.sent[0].Body)
}

type failing struct{}

func (failing) Peek(context.Context, int64, int) ([]worker.Message, error) {
	return nil, worker.ErrUnauthorized
}
