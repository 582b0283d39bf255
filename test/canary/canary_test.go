// Package canary runs marked personal data through the fleet, in good and in bad times, and looks for the mark in
// everything that the fleet leaves behind.
package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mark is in every personal value, in one case or another.
const mark = "kanari"

const phone = "+14255558642097"

func person(id string) map[string]any {
	return map[string]any{"id": id, "email": "Kanari." + id + "@example.com", "firstName": "Zoë Kanari", "middleName": "Åsa kanari",
		"lastName": "Kanariø", "phone": phone, "addresses": []any{address("USA")}}
}

func address(country string) map[string]any {
	return map[string]any{"name": "Kanari Höfe", "street": "Kanarigatan Ö", "streetNumber": "7-kanari", "city": "Kanariköping", "district": "Kanari Süd",
		"county": "kanariå", "state": "KANARI", "zip": "KANARI 9", "phone": phone, "country": country, "primary": true}
}

func with(data map[string]any, member string, value any) map[string]any {
	data[member] = value
	return data
}

func without(data map[string]any, member string) map[string]any {
	delete(data, member)
	return data
}

func message(t *testing.T, kind string, data map[string]any) worker.Message {
	body, err := json.Marshal(data)
	require.NoError(t, err)
	id := uuid.NewString()
	parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: id, Type: kind, Time: time.Now(), Data: body,
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id)})
	return worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
}

const changed = "signalbox.customer.changed.v1"

func TestNoPersonalValueIsInLogsMetricsDeadLettersOrRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Env: map[string]string{"SIGNALBOX_LOG_LEVEL": "debug",
			"SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(12 * time.Hour).Format(time.RFC3339)}})
		p := w.Start(nil)
		publish := func(kind string, data map[string]any) { w.Send(message(t, kind, data)) }

		publish(changed, person("C-1"))
		publish(changed, with(person("C-2"), "organization", "Kanari & Söner"))
		publish(changed, without(person("C-3"), "email"))
		publish(changed, with(person("C-4"), "firstName", []any{"Kanari"}))
		publish("com.contoso.unknown.v1", person("C-5"))
		publish(changed, with(person("C-6"), "addresses", []any{address("XXX")}))
		w.Settle(time.Hour)
		for i, f := range []csu.Fault{{Kind: csu.Error, Status: 400, Next: 1}, {Kind: csu.Error, Status: 429, Next: 1},
			{Kind: csu.Error, Status: 500, Next: 1}, {Kind: csu.CommitThenDrop, Next: 1}} {
			_, err := w.CSU.Inject(f)
			require.NoError(t, err)
			publish(changed, person(fmt.Sprintf("C-%d", 10+i)))
			w.Settle(time.Hour)
		}
		w.Mini.SetError("LOADING Redis is loading the dataset in memory")
		publish(changed, person("C-20"))
		<-time.After(5 * time.Second)
		w.Mini.SetError("")
		w.Settle(time.Hour)
		p.Stop()

		require.GreaterOrEqual(t, len(w.CSU.Customers()), 5, "the marked values arrived")
		clean(t, "the log", p.Log())
		clean(t, "the metrics", p.Metrics())
		letters := w.Letters()
		require.GreaterOrEqual(t, len(letters), 4)
		for _, m := range letters {
			require.Contains(t, strings.ToLower(string(m.Body)), mark, "the event itself is kept")
			clean(t, "a dead letter", m.DeadLetterReason+" "+m.DeadLetterDescription)
			for k, v := range m.Properties {
				if strings.HasPrefix(k, "signalbox-") {
					clean(t, k, fmt.Sprint(k, " ", v))
				}
			}
		}
		clean(t, "Redis", dump(t, w))
	})
}

// clean asserts that there is text and no mark in it.
func clean(t *testing.T, where, text string) {
	t.Helper()
	require.NotEmpty(t, text, where)
	require.NotContains(t, strings.ToLower(text), mark, where)
	require.NotContains(t, text, strings.TrimPrefix(phone, "+"), where)
}

// dump is every key of Redis with its value.
func dump(t *testing.T, w *harness.World) string {
	ctx := context.Background()
	keys, err := w.Redis.Keys(ctx, "*").Result()
	require.NoError(t, err)
	var out strings.Builder
	for _, key := range keys {
		var value any
		switch kind := w.Redis.Type(ctx, key).Val(); kind {
		case "string":
			value, err = w.Redis.Get(ctx, key).Result()
		case "hash":
			value, err = w.Redis.HGetAll(ctx, key).Result()
		case "set":
			value, err = w.Redis.SMembers(ctx, key).Result()
		default:
			require.Fail(t, "a type that is not looked into", "%s of %s", kind, key)
		}
		require.NoError(t, err)
		fmt.Fprintln(&out, key, value)
	}
	return out.String()
}
