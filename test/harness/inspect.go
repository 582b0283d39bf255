package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/worker"
)

// Metrics is the text of the process's /metrics.
func (p *Process) Metrics() string {
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(p.app.Metrics().Registry(), promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}

// Count adds up the series of a counter or gauge that have these labels, given as name, value, name, value.
func (p *Process) Count(metric string, labels ...string) (sum float64) {
	families, err := p.app.Metrics().Registry().Gather()
	require.NoError(p.w.T, err)
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, series := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range series.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			fits := true
			for i := 0; i+1 < len(labels); i += 2 {
				fits = fits && has[labels[i]] == labels[i+1]
			}
			if fits {
				sum += series.GetCounter().GetValue() + series.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Lines are the process's log lines with a message, all of them for an empty one.
func (p *Process) Lines(message string) []map[string]any {
	var out []map[string]any
	for lines := bufio.NewScanner(strings.NewReader(p.Log())); lines.Scan(); {
		var line map[string]any
		require.NoError(p.w.T, json.Unmarshal(lines.Bytes(), &line))
		if message == "" || line["msg"] == message {
			out = append(out, line)
		}
	}
	return out
}

// Letters are the dead letters of every queue, as a peek shows them.
func (w *World) Letters() []worker.Message {
	var out []worker.Message
	for _, name := range []string{w.opts.From, OwnQueue, BulkQueue} {
		dead := w.bus.Queue(name).DeadLetters()
		got, err := dead.Peek(context.Background(), 0, 250)
		require.NoError(w.T, err)
		dead.Close(context.Background())
		out = append(out, got...)
	}
	return out
}

// Settle waits until the broker is empty, for as long as patience.
func (w *World) Settle(patience time.Duration) {
	w.T.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !w.Empty(); <-tick.C {
		if time.Now().After(end) {
			in, _ := w.Broker.Counts(w.opts.From)
			own, _ := w.Broker.Counts(OwnQueue)
			require.FailNow(w.T, "not settled", "after %s the source queue has %+v, our own %+v", patience, in, own)
		}
	}
}

// RunRecord is what the store keeps of an event's run, once it is done.
func (w *World) RunRecord(source, event string) string {
	k := w.Keys()
	record, _ := w.Redis.Get(context.Background(), k.Run(k.RunID(source, event))).Result()
	return record
}

// Remembered is everything that Redis holds, as text, by key.
func (w *World) Remembered() map[string]string {
	w.T.Helper()
	ctx := context.Background()
	all := map[string]string{}
	keys, err := w.Redis.Keys(ctx, "*").Result()
	require.NoError(w.T, err)
	for _, key := range keys {
		switch kind := w.Redis.Type(ctx, key).Val(); kind {
		case "string":
			all[key] = w.Redis.Get(ctx, key).Val()
		case "hash":
			all[key] = fmt.Sprint(w.Redis.HGetAll(ctx, key).Val())
		case "set":
			all[key] = fmt.Sprint(w.Redis.SMembers(ctx, key).Val())
		case "zset":
			all[key] = fmt.Sprint(w.Redis.ZRange(ctx, key, 0, -1).Val())
		case "list":
			all[key] = fmt.Sprint(w.Redis.LRange(ctx, key, 0, -1).Val())
		case "none": // it has expired meanwhile
		default:
			require.Fail(w.T, "a type that is not looked into", "%s of %s", kind, key)
		}
	}
	return all
}
