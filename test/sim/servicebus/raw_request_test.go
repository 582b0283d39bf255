package servicebus

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// node attaches a pair of links to $cbs or a $management node on channel 0: handle 0 to ask, handle 1 for the
// answers, which go to replyTo.
func (c *raw) node(address, replyTo string, byName bool) {
	c.t.Helper()
	c.sender(0, 0, address)
	settled := wire.SenderSettled
	a := &wire.Attach{
		Name: "answers", Handle: 1, Role: wire.RoleReceiver, SenderSettleMode: &settled,
		Source: &wire.Source{Address: text(address)}, Target: &wire.Target{Address: text(replyTo)},
	}
	if byName {
		a.Name, a.Target = replyTo, nil
	}
	require.NotNil(c.t, c.attach(0, a).Source)
}

// ask sends request number n and takes its disposition.
func (c *raw) ask(n uint32, id any, replyTo string, props map[string]any, body any) {
	c.t.Helper()
	encoded, err := wire.ValueBody(body)
	require.NoError(c.t, err)
	c.publish(0, 0, n, false, &wire.Message{
		Properties: &wire.Properties{MessageID: id, ReplyTo: &replyTo}, ApplicationProps: props, Body: encoded,
	})
}

func (c *raw) accepted() {
	c.t.Helper()
	d := next[*wire.Disposition](c)
	require.IsType(c.t, &wire.Accepted{}, d.State)
	require.Equal(c.t, wire.RoleReceiver, d.Role)
	require.True(c.t, d.Settled)
}

// Checklist items 21 and 22; by name, item 20: a reply link without an address, which the JavaScript SDK attaches.
func TestTheAnswerOfPutTokenWaitsForCredit(t *testing.T) {
	for name, byName := range map[string]bool{"routed by address": false, "routed by name": true} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := begun(t, b)
				c.node("$cbs", "back", byName)
				c.ask(0, "m1", "back", map[string]any{"operation": "put-token", "type": "jwt", "name": "amqp://host:1/orders/$management"}, "token")
				c.accepted()
				c.quiet(time.Minute)
				c.credit(0, 1, 0, 100)
				tr, m := c.receive()
				require.EqualValues(t, 1, tr.Handle)
				require.True(t, tr.Settled)
				require.Equal(t, "m1", m.Properties.CorrelationID)
				require.Equal(t, int32(202), m.ApplicationProps["status-code"])
				require.Equal(t, "Accepted", m.ApplicationProps["status-description"])
			})
		})
	}
}

func TestPutTokenForAMissingEntityIsNotFound(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.node("$cbs", "back", false)
		c.credit(0, 1, 0, 100)
		for i, tc := range []struct {
			name string
			want int32
		}{
			{"amqp://host:1/none", 404}, {"sb://host/none/$management", 404}, {"orders", 202}, {"sb://host/Orders/$deadletterqueue", 202},
			{"sb://host/", 202},
		} {
			c.ask(uint32(i), tc.name, "back", map[string]any{"operation": "put-token", "name": tc.name}, "token")
			_, m := c.answer()
			require.Equal(t, tc.want, m.ApplicationProps["status-code"], tc.name)
			if tc.want == 404 {
				require.Regexp(t, "(?i)the messaging entity .*could not be found", m.ApplicationProps["status-description"])
			}
		}
	})
}

// answer reads the disposition of a request and its answer, in whichever order they come.
func (c *raw) answer() (tr *wire.Transfer, m *wire.Message) {
	c.t.Helper()
	accepted := false
	c.within(10 * time.Second)
	for tr == nil || !accepted {
		f, err := c.frame()
		require.NoError(c.t, err)
		switch body := f.Body.(type) {
		case *wire.Disposition:
			require.IsType(c.t, &wire.Accepted{}, body.State)
			accepted = true
		case *wire.Transfer:
			tr = body
			m, err = wire.Unmarshal(body.Payload)
			require.NoError(c.t, err)
		default:
			require.Fail(c.t, "unexpected frame", "%T", body)
		}
	}
	return tr, m
}

// Checklist items 81, 82 and 85.
func TestAnAnswerCarriesTheIDOfItsRequest(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.node("orders/$management", "back", false)
		c.credit(0, 1, 0, 100)
		for i, id := range []any{"text", uint64(7), uuid.New(), []byte{1, 2}} {
			c.ask(uint32(i), id, "back", map[string]any{"operation": "com.microsoft:peek-message"},
				map[string]any{"from-sequence-number": int64(1), "message-count": int32(10)})
			_, m := c.answer()
			require.Equal(t, id, m.Properties.CorrelationID)
			require.Equal(t, int32(204), m.ApplicationProps["statusCode"])
		}
	})
}

func TestManagementAnswersWithTheTypesOfTheService(t *testing.T) {
	at := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	later, err := wire.Marshal(&wire.Message{Annotations: map[wire.Symbol]any{"x-opt-scheduled-enqueue-time": at}})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		operation string
		body      any
		status    int32
		condition wire.Symbol
		want      func(t *testing.T, v map[any]any)
	}{
		"an unknown operation": {"com.microsoft:juggle", nil, 501, wire.CondNotImplemented, nil},
		"a lock nobody has": {"com.microsoft:renew-lock", map[string]any{"lock-tokens": wire.Array[uuid.UUID]{uuid.New()}},
			410, wire.CondMessageLockLost, nil},
		"no lock token": {"com.microsoft:renew-lock", nil, 400, wire.CondArgumentError, nil},
		"a disposition of a lock nobody has": {"com.microsoft:update-disposition",
			map[string]any{"disposition-status": "completed", "lock-tokens": wire.Array[uuid.UUID]{uuid.New()}}, 410, wire.CondMessageLockLost, nil},
		"a disposition nobody knows": {"com.microsoft:update-disposition",
			map[string]any{"disposition-status": "eaten", "lock-tokens": wire.Array[uuid.UUID]{}}, 400, wire.CondArgumentError, nil},
		"a number nobody scheduled": {"com.microsoft:cancel-scheduled-message",
			map[string]any{"sequence-numbers": wire.Array[int64]{99}}, 404, wire.CondMessageNotFound, nil},
		"a number nobody deferred": {"com.microsoft:receive-by-sequence-number",
			map[string]any{"sequence-numbers": wire.Array[int64]{1}, "receiver-settle-mode": uint32(1)}, 404, wire.CondMessageNotFound, nil},
		"a deferred message without a mode": {"com.microsoft:receive-by-sequence-number",
			map[string]any{"sequence-numbers": wire.Array[int64]{1}}, 400, wire.CondArgumentError, nil},
		"deferred messages without numbers": {"com.microsoft:receive-by-sequence-number",
			map[string]any{"sequence-numbers": []any{int64(1)}, "receiver-settle-mode": uint8(1)}, 400, wire.CondArgumentError, nil},
		"scheduling": {"com.microsoft:schedule-message",
			map[string]any{"messages": []any{map[string]any{"message-id": "x", "message": later}}}, 200, "", func(t *testing.T, v map[any]any) {
				require.Equal(t, wire.Array[int64]{2}, v["sequence-numbers"])
			}},
		"scheduling without a time": {"com.microsoft:schedule-message",
			map[string]any{"messages": []any{map[string]any{"message": []byte{}}}}, 400, wire.CondArgumentError, nil},
		"peeking": {"com.microsoft:peek-message",
			map[string]any{"from-sequence-number": int64(1), "message-count": int32(5)}, 200, "", func(t *testing.T, v map[any]any) {
				require.Len(t, v["messages"], 1)
				entry := v["messages"].([]any)[0].(map[any]any)
				m, err := wire.Unmarshal(entry["message"].([]byte))
				require.NoError(t, err)
				require.Equal(t, int64(1), m.Annotations["x-opt-sequence-number"])
				require.IsType(t, time.Time{}, m.Annotations["x-opt-enqueued-time"])
				require.NotContains(t, m.Annotations, wire.Symbol("x-opt-locked-until"))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				put(t, b, "first")
				c := begun(t, b)
				c.node("orders/$management", "back", false)
				c.credit(0, 1, 0, 1)
				c.ask(0, "m", "back", map[string]any{"operation": tc.operation}, tc.body)
				_, m := c.answer()
				require.Equal(t, tc.status, m.ApplicationProps["statusCode"])
				require.IsType(t, "", m.ApplicationProps["statusDescription"])
				if tc.condition == "" {
					require.NotContains(t, m.ApplicationProps, "errorCondition")
				} else {
					require.Equal(t, tc.condition, m.ApplicationProps["errorCondition"])
				}
				if tc.want != nil {
					v, err := m.Value()
					require.NoError(t, err)
					tc.want(t, v.(map[any]any))
				}
				c.quiet(time.Second) // the link is as it was
			})
		})
	}
}

// Checklist item 56, the JavaScript SDK's half of item 55: it reads the key, the Go SDK the annotation.
func TestADeferredMessageComesWithItsTokenInBothPlaces(t *testing.T) {
	for name, mode := range map[string]any{"as the SDKs write the mode": uint32(1), "as it is documented": uint8(1)} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				put(t, b, "x")
				c := begun(t, b)
				c.node("orders/$management", "back", false)
				c.credit(0, 1, 0, 10)
				c.receiver(0, 2, "orders", wire.SenderUnsettled)
				c.credit(0, 2, 0, 1)
				tr, _ := c.receive()
				c.send(0, &wire.Disposition{Role: wire.RoleReceiver, First: *tr.DeliveryID, State: &wire.Modified{UndeliverableHere: true}})
				d := next[*wire.Disposition](c)
				require.True(t, d.Settled)
				require.IsType(t, &wire.Accepted{}, d.State)

				c.ask(0, "m", "back", map[string]any{"operation": "com.microsoft:receive-by-sequence-number"},
					map[string]any{"sequence-numbers": wire.Array[int64]{1}, "receiver-settle-mode": mode})
				_, m := c.answer()
				require.Equal(t, int32(200), m.ApplicationProps["statusCode"])
				v, err := m.Value()
				require.NoError(t, err)
				entry := v.(map[any]any)["messages"].([]any)[0].(map[any]any)
				got, err := wire.Unmarshal(entry["message"].([]byte))
				require.NoError(t, err)
				require.Equal(t, "x", data(t, got))
				require.IsType(t, uuid.UUID{}, entry["lock-token"])
				require.Equal(t, entry["lock-token"], got.DeliveryAnnotations["x-opt-lock-token"])
				require.IsType(t, time.Time{}, got.Annotations["x-opt-locked-until"])
				require.Equal(t, int32(1), got.Annotations["x-opt-message-state"])

				c.ask(1, "m", "back", map[string]any{"operation": "com.microsoft:update-disposition"},
					map[string]any{"disposition-status": "completed", "lock-tokens": wire.Array[uuid.UUID]{entry["lock-token"].(uuid.UUID)}})
				_, m = c.answer()
				require.Equal(t, int32(200), m.ApplicationProps["statusCode"])
				counts, err := b.Counts("orders")
				require.NoError(t, err)
				require.Zero(t, counts)
			})
		})
	}
}

// Checklist item 64, and the types of renew-lock of item 80.
func TestTheTokenOfTheDeliveryTagIsTheOneManagementKnows(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		put(t, b, "x")
		c := begun(t, b)
		c.node("orders/$management", "back", false)
		c.credit(0, 1, 0, 10)
		c.receiver(0, 2, "orders", wire.SenderUnsettled)
		c.credit(0, 2, 0, 1)
		tr, m := c.receive()
		require.Len(t, tr.DeliveryTag, 16)
		token := uuid.UUID(lockTag(uuid.UUID(tr.DeliveryTag))) // swapping twice is swapping back
		until := m.Annotations["x-opt-locked-until"].(time.Time)

		c.quiet(10 * time.Second)
		c.ask(0, "m", "back", map[string]any{"operation": "com.microsoft:renew-lock"}, map[string]any{"lock-tokens": wire.Array[uuid.UUID]{token}})
		_, m = c.answer()
		v, err := m.Value()
		require.NoError(t, err)
		renewed := v.(map[any]any)["expirations"].(wire.Array[time.Time])
		require.Equal(t, wire.Array[time.Time]{until.Add(10 * time.Second)}, renewed)

		c.ask(1, "m", "back", map[string]any{"operation": "com.microsoft:update-disposition"},
			map[string]any{"disposition-status": "completed", "lock-tokens": wire.Array[uuid.UUID]{token}})
		_, m = c.answer()
		require.Equal(t, int32(200), m.ApplicationProps["statusCode"])
		counts, err := b.Counts("orders")
		require.NoError(t, err)
		require.Zero(t, counts)
	})
}
