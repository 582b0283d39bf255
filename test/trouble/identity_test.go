package trouble

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

func jane(event string, at time.Time, city string) harness.Customer {
	return harness.Customer{Event: event, ID: "C-1", Email: "jane@example.com", First: "Jane", Last: "Contoso", Phone: "+14255550100", City: city, At: at}
}

// Each process has one slot, so that two events that arrive together are with two processes.
func TestTwoSourcesOfOneNewAddressOnTwoProcessesShareOneAccount(t *testing.T) {
	for _, lag := range []time.Duration{0, 15 * time.Second} {
		t.Run(fmt.Sprintf("with a search that lags %s", lag), func(t *testing.T) {
			var shop, crm harness.Customer
			bubble(t, harness.Options{Slots: 1}, func(f *fleet) {
				f.CSU.Configure(func(o *csu.Options) { o.SearchLag, o.Latency = lag, time.Second })
				shop = jane("e1", time.Now(), "Redmond")
				crm = shop
				crm.Source, crm.ID = otherShop, "77"
				f.Publish(shop, crm)
			}, func(f *fleet) {
				for _, p := range f.processes {
					require.EqualValues(f.T, 1, p.Count(telemetry.Messages, "outcome", "completed"), "one each")
				}
				require.Positive(f.T, f.count(telemetry.IdempotencyChecks, "result", "held"), "one waited for the other")
				require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
				require.Zero(f.T, f.taints())
				require.Zero(f.T, f.DeadLetters())
				f.RequireState(shop)
				f.RequireState(crm)
				_, both := f.Bound(harness.Source, "C-1")
				require.Len(f.T, both, 2)
			})
		})
	}
}

func TestASecondIDOfOneSourceForOneAddressIsAMappingConflict(t *testing.T) {
	var first, second harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		first = jane("e1", time.Now(), "Redmond")
		f.Publish(first)
		f.Settle(patience)
		second = first
		second.Event, second.ID = "e2", "C-2"
		f.Publish(second)
	}, func(f *fleet) {
		letters := f.Letters()
		require.Len(f.T, letters, 1)
		require.Equal(f.T, "MappingConflict", letters[0].DeadLetterReason)
		require.Equal(f.T, `create-account: another id of this source is already bound to the same record: customer 000001 is "C-1", and would be "C-2"; decide which is right, correct the source, then replay`,
			letters[0].DeadLetterDescription, "both ids that collide")
		require.Equal(f.T, "e2", letters[0].Properties["cloudEvents_id"])
		f.RequireState(first)
		account, _ := f.Bound(harness.Source, "C-2")
		require.Empty(f.T, account)
	})
}

func TestAnOvertakenStateIsSupersededWithoutACall(t *testing.T) {
	var newest harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		newest = jane("e9", time.Now(), "Houston")
		f.Publish(newest)
		f.Settle(patience)
		calls := f.CSU.Stats().Requests
		for i := range 5 {
			f.Publish(jane(fmt.Sprintf("e%d", i), newest.At.Add(-time.Duration(i+1)*time.Minute), "Redmond"))
		}
		f.Settle(patience)
		require.Equal(f.T, calls, f.CSU.Stats().Requests, "the answer was in the store")
	}, func(f *fleet) {
		require.EqualValues(f.T, 5, f.count(telemetry.Messages, "outcome", "superseded"))
		require.Zero(f.T, f.DeadLetters())
		f.RequireState(newest)
	})
}

func TestTheSameIDWithOtherContentIsAnIDConflict(t *testing.T) {
	var first harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		first = jane("e1", time.Now(), "Redmond")
		f.Publish(first)
		f.Settle(patience)
		f.Publish(first, jane("e1", first.At, "Houston"))
	}, func(f *fleet) {
		require.EqualValues(f.T, 1, f.count(telemetry.Messages, "outcome", "duplicate"), "the same content is no conflict")
		letters := f.Letters()
		require.Len(f.T, letters, 1)
		require.Equal(f.T, "IdConflict", letters[0].DeadLetterReason)
		require.NotContains(f.T, letters[0].DeadLetterDescription, "Houston")
		f.RequireState(first)
	})
}

func event(kind string, at time.Time, data string) worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: uuid.NewString(), Type: kind, Time: at, Data: json.RawMessage(data)})
}

// A message that can never succeed goes aside at once with the reason, and with words that say where to look and hold
// nothing of what was sent.
func TestWhatCanNeverSucceedIsDeadLetteredWithoutItsValues(t *testing.T) {
	const customer = "signalbox.customer.changed.v1"
	for name, bad := range map[string]struct {
		message     func(now time.Time) worker.Message
		reason      string
		description string
	}{
		"a type that nobody handles": {func(now time.Time) worker.Message {
			return event("contoso.unheard.of", now, `{"email":"secret.jane@example.com"}`)
		}, "UnknownType", "no scenario handles this event type; replay it once one is deployed"},
		"a field of the wrong type": {func(now time.Time) worker.Message {
			return event(customer, now, `{"id":"1","email":"a@example.com","lastName":{"secret":1}}`)
		}, "SchemaInvalid", `/lastName does not keep the schema's rule "type"`},
		"a field that is too long, deep inside": {func(now time.Time) worker.Message {
			return event(customer, now, `{"id":"1","email":"a@example.com","lastName":"x","addresses":[{"street":"1","city":"x","country":"USA"},
				{"street":"2","city":"secret`+strings.Repeat("y", 60)+`","country":"USA"}]}`)
		}, "SchemaInvalid", `/addresses/1/city does not keep the schema's rule "maxLength"`},
		"a field that is missing": {func(now time.Time) worker.Message {
			return event(customer, now, `{"id":"1","lastName":"secret"}`)
		}, "SchemaInvalid", "the data lacks email"},
		"a field that the schema does not know": {func(now time.Time) worker.Message {
			return event(customer, now, `{"id":"1","email":"a@example.com","lastName":"x","secret":"secret"}`)
		}, "SchemaInvalid", `the data has a member that it may not have; it may have `},
		"a rule that the schema cannot say": {func(now time.Time) worker.Message {
			return event(customer, now, `{"id":"1","email":"secret@example.com"}`)
		}, "SchemaInvalid", "the data has neither a person's name nor an organization"},
		"a time in the future": {func(now time.Time) worker.Message {
			return jane("e1", now.Add(6*time.Minute), "secret").Message(t)
		}, "TimeInFuture", "the event's time is more than five minutes ahead of the broker's clock; correct the producer's clock and publish it again"},
		"a body that is not JSON": {func(now time.Time) worker.Message {
			m := jane("e1", now, "Redmond").Message(t)
			m.Body = []byte(`{"email": secret}`)
			return m
		}, "Malformed", "The body is not JSON, at byte 11."},
		"a message that is no event": {func(time.Time) worker.Message {
			return worker.Message{ID: uuid.NewString(), Body: []byte("secret"), ContentType: "text/plain"}
		}, "Malformed", "/specversion: Not a CloudEvent"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, harness.Options{}, func(f *fleet) {
				f.Send(bad.message(time.Now()))
			}, func(f *fleet) {
				letters := f.Letters()
				require.Len(f.T, letters, 1)
				require.Equal(f.T, bad.reason, letters[0].DeadLetterReason)
				require.Contains(f.T, letters[0].DeadLetterDescription, bad.description)
				require.NotContains(f.T, letters[0].DeadLetterDescription, "secret")
				require.NotContains(f.T, f.log(), "secret")
				require.EqualValues(f.T, 1, f.count(telemetry.Messages), "the first delivery was the last")
				require.NotEmpty(f.T, letters[0].Properties[envelope.PropertyDeadLetteredAt])
				require.Zero(f.T, f.CSU.Stats().Requests)
				require.True(f.T, f.Empty())
			})
		})
	}
}
