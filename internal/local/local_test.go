package local_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/local"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPublishedEventEndsExactlyOnce(t *testing.T) {
	var out, errs, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &errs, Log: &log, JSON: true, ExitWhenIdle: true, Count: 30}), log.String())
	var sum map[string]float64
	require.NoError(t, json.Unmarshal(out.Bytes(), &sum), out.String())
	require.EqualValues(t, 30, sum["published"])
	require.Equal(t, sum["published"], sum["completed"]+sum["duplicates"]+sum["superseded"]+sum["dead_lettered"])
	require.EqualValues(t, 1, sum["dead_lettered"])
	require.Positive(t, sum["duplicates"])
	require.Positive(t, sum["superseded"])
	require.Zero(t, sum["duplicate_effects"])
	require.EqualValues(t, 2, sum["csu_throttled"])
	require.Positive(t, sum["told"])
	require.LessOrEqual(t, sum["told"], sum["completed"]+sum["dead_lettered"])
	told, err := os.ReadFile(filepath.Join(filepath.Dir(local.EnvFile()), "outcomes.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(told), `"type":"signalbox.customer.relayed.v1"`)
	require.NotContains(t, string(told), "@example.com")
	require.NotContains(t, string(told), "signalbox.price", "what is sold has a file of its own")
	require.Equal(t, sum["csu_customers"], sum["mappings"])
	require.NotContains(t, log.String()+errs.String(), "@example.com")
	whatIsSoldWasExportedAndCountedAsTheFileHasIt(t, sum)
}

func whatIsSoldWasExportedAndCountedAsTheFileHasIt(t *testing.T, sum map[string]float64) {
	t.Helper()
	file, err := os.Open(filepath.Join(filepath.Dir(local.EnvFile()), "catalogue.jsonl"))
	require.NoError(t, err)
	defer file.Close()
	has := map[string]map[string]bool{} // subjects by type
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e struct{ Type, Subject string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		if has[e.Type] == nil {
			has[e.Type] = map[string]bool{}
		}
		require.False(t, has[e.Type][e.Subject], "%s %s is told twice", e.Type, e.Subject)
		has[e.Type][e.Subject] = true
	}
	require.NoError(t, lines.Err())
	for name, typ := range map[string]string{"products": "product", "prices": "price", "stock_levels": "stock", "locations": "location"} {
		require.Positive(t, sum[name], name)
		require.EqualValues(t, len(has["signalbox."+typ+".v1"]), sum[name], name)
	}
	require.EqualValues(t, 4, sum["exports_done"])
	require.Equal(t, sum["exports"], sum["exports_done"])
}

func TestABorrowedRedisIsGivenBackAsItWas(t *testing.T) {
	server, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	var out, errs, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &errs, Log: &log, JSON: true, ExitWhenIdle: true, Count: 10, Redis: server.URL()}))
	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	n, err := client.DBSize(t.Context()).Result()
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestWithoutARedisServerItRunsOnOneInMemoryAndSaysSo(t *testing.T) {
	t.Setenv("PATH", "")
	var out, errs, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &errs, Log: &log, ExitWhenIdle: true, Count: 10}), log.String())
	require.Contains(t, errs.String(), "nothing survives")
	require.Contains(t, out.String(), "published")
}

func TestAnEventsFileIsPublishedLineByLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(`{"specversion":"1.0","id":"1","source":"https://crm.example.com","type":"signalbox.customer.changed.v1","time":"2026-01-05T09:00:00Z","data":{"id":"1001","email":"ana@example.com","firstName":"Ana"}}

not an event
`), 0o600))
	var out, errs, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &errs, Log: &log, JSON: true, ExitWhenIdle: true, EventsFile: file}), log.String())
	require.Contains(t, out.String(), `"published":2,"completed":1,"duplicates":0,"superseded":0,"dead_lettered":1`)
}
