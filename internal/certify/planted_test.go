package certify_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/certify"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/worker"
)

// opened is the event of a scenario with a defect: its look never finds the account, so each attempt makes another one. All that it
// is certified with is the example of its schema.
type opened struct {
	ID    string    `json:"id"`
	Email pii.Email `json:"email"`
}

const openedSchema = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "example.account.opened.v1", "type": "object",
	"examples": [{"id": "1", "email": "ana@example.com"}], "properties": {"id": {"type": "string"}, "email": {"type": "string"}}}`

func sendsTwice(p scenarios.Parts) []orchestration.Scenario {
	type run = orchestration.Run[opened, struct{}]
	return []orchestration.Scenario{orchestration.Pipeline[opened, struct{}]{
		Name: "accounts", Handles: "example.account.opened.v1", Version: 1, Order: orchestration.Fact, Schema: []byte(openedSchema),
		Entity: func(e opened) (kind, id string) { return "customer", e.ID },
		Steps: []orchestration.Step[opened, struct{}]{{Name: "create-account", Sure: orchestration.Conclusive,
			Look: func(context.Context, *run) (bool, error) { return false, nil },
			Act: func(ctx context.Context, r *run) error {
				_, err := p.CSU(r.Channel).CreateCustomer(ctx, csuclient.Customer{Type: csuclient.Person, FirstName: pii.New("Ana"), Email: r.In.Email})
				return err
			}}},
	}}
}

// planted certifies one story of one scenario.
func planted(t *testing.T, o certify.Options) map[string]map[certify.Mode]*certify.Case {
	t.Helper()
	o.ChildArgs = []string{"-test.run=^$"}
	r, err := certify.Run(t.Context(), o)
	require.NoError(t, err)
	require.False(t, r.Passed)
	require.ErrorIs(t, r.Verdict(), certify.ErrBroken)
	out := map[string]map[certify.Mode]*certify.Case{}
	for _, k := range r.Stories[0].Cases {
		if out[k.At] == nil {
			out[k.At] = map[certify.Mode]*certify.Case{}
		}
		out[k.At][k.Mode] = k
		t.Logf("%-60s %-12s %-10s %v", k.At, k.Mode, k.Outcome, k.Broken)
	}
	return out
}

func TestAPlantedDoubleSendIsFoundEveryTimeInEveryMode(t *testing.T) {
	t.Parallel()
	const at = "after csu POST /Commerce/Customers"
	for range 3 {
		found := planted(t, certify.Options{Scenarios: sendsTwice, Kill: certify.KillAll, ChildEnv: []string{defect + "=sends-twice"}})
		for _, mode := range []certify.Mode{certify.Stop, certify.Kill, certify.LostAnswer} {
			require.Equal(t, certify.BrokenOne, found[at][mode].Outcome, mode)
			require.Contains(t, found[at][mode].Broken, certify.Broken{Invariant: certify.WrittenOnce, What: "1 write too many: CreateCustomer of ana@example.com"}, mode)
		}
		require.Equal(t, `signalbox certify accounts --story "example 1" --at "after csu POST /Commerce/Customers" --kill all`, found[at][certify.Kill].Reproduce)
		require.Equal(t, certify.Held, found["before csu POST /Commerce/Customers"][certify.Stop].Outcome, "nothing was sent there")
	}
}

// renames sends each outbound event under another id each time, so that a receiver cannot know the second one.
type renames struct{ worker.Outbox }

func (o renames) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	if m.Properties["cloudEvents_signalboxsink"] != nil {
		m.Properties["cloudEvents_id"] = uuid.NewString()
	}
	return o.Outbox.Send(ctx, queue, m, at)
}

func TestAPlantedDoubleTellingIsFound(t *testing.T) {
	t.Parallel()
	found := planted(t, certify.Options{Story: "a refusal", Kill: certify.KillNone, Names: []string{"customers"}, Change: func(p *app.Parts) {
		p.WrapOutbox = func(o worker.Outbox) worker.Outbox { return renames{o} }
	}})
	for _, mode := range []certify.Mode{certify.Stop, certify.LostAnswer} {
		k := found["after send"][mode]
		require.Equal(t, certify.BrokenOne, k.Outcome, mode)
		require.Equal(t, certify.ToldOnce, k.Broken[0].Invariant, mode)
	}
}

// forgets completes messages as soon as it has them: a process that dies with one in hand has lost it.
type forgets struct{ worker.Queue }

func (q forgets) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	got, err := q.Queue.Receive(ctx, most)
	for _, m := range got {
		_ = q.Queue.Complete(ctx, m)
	}
	return got, err
}

func (q forgets) Complete(context.Context, worker.Message) error { return nil }

func TestAPlantedLostEventIsFound(t *testing.T) {
	t.Parallel()
	found := planted(t, certify.Options{Story: "a customer who moves", At: "before csu POST /Commerce/Customers", Kill: certify.KillNone, Names: []string{"customers"}, Change: func(p *app.Parts) {
		p.WrapQueue = func(q worker.Queue) worker.Queue { return forgets{q} }
	}})
	lost := found["before csu POST /Commerce/Customers"][certify.Stop]
	require.Equal(t, certify.BrokenOne, lost.Outcome)
	for _, undisturbed := range found["undisturbed"] {
		if undisturbed.Outcome != certify.Held { // on a slow machine it gives an event back, which is lost, too: then there is nothing to compare with
			return
		}
	}
	// Which write it is depends on how far the process came: with its queue empty too early, the next event may not even be published.
	require.True(t, slices.ContainsFunc(lost.Broken, func(b certify.Broken) bool {
		return b.Invariant == certify.WrittenOnce && strings.HasPrefix(b.What, "1 write missing: ")
	}), "%v", lost.Broken)
}
