package sinks_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// sink is a receiver that remembers what it was told.
type sink struct {
	told []orchestration.Event
	err  error
}

func (s *sink) Deliver(_ context.Context, ev orchestration.Event) error {
	s.told = append(s.told, ev)
	return s.err
}

// store lets every run go and remembers what it was asked for.
type store struct{ asked []orchestration.Request }

func (s *store) Claim(_ context.Context, q orchestration.Request) (orchestration.Grant, error) {
	s.asked = append(s.asked, q)
	return orchestration.Grant{Answer: orchestration.Go}, nil
}
func (*store) Extend(context.Context, orchestration.Request) error                       { return nil }
func (*store) Save(context.Context, orchestration.Request, orchestration.Progress) error { return nil }
func (*store) Release(context.Context, orchestration.Request, orchestration.Released) error {
	return nil
}
func (*store) Fits(context.Context, orchestration.Request, []mapping.Binding) error { return nil }
func (s *store) Peek(context.Context, orchestration.Request) (orchestration.Grant, error) {
	return orchestration.Grant{Answer: orchestration.Go}, nil
}

type rig struct {
	crm     *sink
	store   *store
	results map[string]int
	engine  *orchestration.Engine
}

func newRig(t *testing.T) *rig {
	r := &rig{crm: &sink{}, store: &store{}, results: map[string]int{}}
	var err error
	r.engine, err = orchestration.New(orchestration.Options{
		Scenarios: sinks.Scenarios([]sinks.Type{{Name: "relayed", Kind: "customer"}, {Name: "refused", Kind: "customer", Order: orchestration.Fact},
			{Name: "placed", Kind: "order", Order: orchestration.Fact}}, sinks.Parts{Sinks: map[string]sinks.Sink{"crm": r.crm},
			Delivered: func(sink, result string, _ time.Duration) { r.results[sink+" "+result]++ }}),
		Channels: orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usrt"}}, Store: r.store, OwnQueues: []string{"signalbox-live"},
		Hasher: keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef")), Owner: "w1", RetryFor: time.Millisecond})
	require.NoError(t, err)
	return r
}

func event(typ string) orchestration.Event {
	return orchestration.Event{Source: "https://shop.example.com", ID: "5f0f", Type: typ, Subject: "1001", Sink: "crm", Generation: 1,
		Time: time.Now(), Origin: orchestration.Origin{Queue: "signalbox-live", Enqueued: time.Now(), Sequence: 7}, Data: json.RawMessage(`["any",{"shape":1}]`)}
}

func TestAnEventOfAnyShapeReachesItsSinkAsItIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Equal(t, orchestration.Completed, r.engine.Handle(t.Context(), event("relayed")).Verdict)
	require.Len(t, r.crm.told, 1)
	require.JSONEq(t, `["any",{"shape":1}]`, string(r.crm.told[0].Data))
	require.Equal(t, map[string]int{"crm delivered": 1}, r.results)
}

// Two kinds of object may have one number, and two sinks are told independently.
func TestWhatIsOrderedTogetherIsOneSubjectOfOneKindForOneSink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := event("relayed")
	other.Sink = "audit"
	unnamed := event("refused")
	unnamed.Subject = ""
	for _, ev := range []orchestration.Event{event("relayed"), event("refused"), event("placed"), unnamed, other} {
		r.engine.Handle(t.Context(), ev)
	}
	var entities, orders []string
	for _, q := range r.store.asked {
		entities, orders = append(entities, q.Entity.ID), append(orders, q.Order.String())
	}
	require.Equal(t, []string{"crm/customer/1001", "crm/customer/1001", "crm/order/1001", "crm/event/5f0f", "audit/customer/1001"}, entities)
	require.Equal(t, []string{"state", "fact", "fact", "fact", "state"}, orders)
}

func TestAnEventForASinkThatIsNotThereWaitsForIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ev := event("relayed")
	ev.Sink = "erp"
	o := r.engine.Handle(t.Context(), ev)
	require.Equal(t, orchestration.Postponed, o.Verdict, "a deployment brings it in a moment")
	ev.Attempt = 6
	o = r.engine.Handle(t.Context(), ev)
	require.Equal(t, fault.AttemptsExhausted, o.Reason)
	require.Contains(t, o.Detail, "the sink erp is not in the sink table")
	require.Empty(t, r.results)
}

func TestFailuresAreCountedByTheirClass(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.crm.err = &fault.Error{Kind: fault.Permanent, Reason: fault.SinkRejected, Class: "invalid"}
	require.Equal(t, fault.SinkRejected, r.engine.Handle(t.Context(), event("relayed")).Reason)
	require.Equal(t, map[string]int{"crm invalid": 1}, r.results)
	r.crm.err = errors.New("unclassified")
	require.Equal(t, orchestration.Postponed, r.engine.Handle(t.Context(), event("relayed")).Verdict)
}

func TestOnlyOurOwnQueueTells(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ev := event("relayed")
	ev.Origin.Queue = "signalbox-in"
	require.Equal(t, fault.UnknownType, r.engine.Handle(t.Context(), ev).Reason)
	require.Empty(t, r.crm.told)
}

// A type that scenarios tell and nobody brings would be a dead letter each time.
func TestEveryTypeThatScenariosTellIsBrought(t *testing.T) {
	t.Parallel()
	handled := map[string]bool{}
	var refused []string
	for _, s := range scenarios.All(scenarios.Parts{}) {
		o := s.Outline()
		handled[o.Handles] = true
		if o.Refused != "" {
			refused = append(refused, o.Refused)
		}
	}
	for _, typ := range scenarios.Told() {
		require.True(t, handled[typ.Name], typ.Name)
	}
	require.NotEmpty(t, refused)
	for _, typ := range refused {
		require.True(t, handled[typ], typ)
	}
}
