package certify_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/certify"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

// contact is somebody of a customer, with an account of his own that must not be made before the customer's.
type contact struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Email    pii.Email `json:"email"`
}

const contactSchema = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "example.contact.added.v1", "type": "object",
	"properties": {"id": {"type": "string"}, "customer": {"type": "string"}, "email": {"type": "string"}}}`

// needy are the real scenarios, and one that needs a binding which another one of them makes.
func needy(p scenarios.Parts) []orchestration.Scenario {
	type run = orchestration.Run[contact, struct{}]
	customer := json.RawMessage(`{"id": "1001", "email": "ana@example.com", "firstName": "Ana", "lastName": "Contoso"}`)
	return append(scenarios.All(p), orchestration.Pipeline[contact, struct{}]{
		Name: "contacts", Handles: "example.contact.added.v1", Version: 1, Order: orchestration.Fact, Schema: []byte(contactSchema),
		Entity: func(e contact) (kind, id string) { return "contact", e.ID },
		Keys: func(e contact) []orchestration.Key {
			return []orchestration.Key{{Kind: "email", Value: pii.New(e.Email.Canonical())}}
		},
		Needs: func(e contact) []mapping.Ref { return []mapping.Ref{{Kind: "customer", ID: e.Customer}} },
		Steps: []orchestration.Step[contact, struct{}]{{Name: "create-contact", Sure: orchestration.Lagging,
			Look: func(ctx context.Context, r *run) (bool, error) {
				if _, err := r.Needed(0); err != nil {
					return false, err
				}
				found, err := p.CSU(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
				return len(found) > 0, err
			},
			Act: func(ctx context.Context, r *run) error {
				_, err := p.CSU(r.Channel).CreateCustomer(ctx, csuclient.Customer{Type: csuclient.Person, FirstName: pii.New("Bo"), Email: r.In.Email})
				return err
			}}},
		Certify: orchestration.Certification{Stories: []orchestration.Story{{Name: "a contact before its customer", Together: true, Events: []orchestration.Sample{
			{Data: json.RawMessage(`{"id": "7", "customer": "1001", "email": "bo@example.com"}`)},
			{Type: "signalbox.customer.changed.v1", Data: customer}}}}},
	})
}

// Wherever a process stops, between the question and the wait, the wait and the wake, the wake and its cancellation: the event that
// waits is applied once.
func TestAnEventThatWaitsForABindingIsCertified(t *testing.T) {
	t.Parallel()
	var seen []map[string]bool
	for range 5 { // on a slow machine the customer may come first, and then nobody waits
		r, err := certify.Run(t.Context(), certify.Options{Scenarios: needy, Names: []string{"contacts"}, Kill: certify.KillNone})
		require.NoError(t, err)
		require.NoError(t, r.Verdict())
		at := map[string]bool{}
		for _, k := range r.Stories[0].Cases {
			at[k.At] = true
			require.Equal(t, certify.Held, k.Outcome, "%s %s: %v", k.At, k.Mode, k.Broken)
		}
		t.Logf("%d cases: %v", len(r.Stories[0].Cases), at)
		if at["after schedule"] {
			return
		}
		seen = append(seen, at)
	}
	require.Fail(t, "it was never parked", "%v", seen)
}
