package telemetry

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestRedisIsCountedByNameAndNothingElse(t *testing.T) {
	script := redis.NewScript(`return redis.call("GET", KEYS[1])`)
	broken := redis.NewScript(`return redis.error_reply("ERR no")`)
	k := known(2, 1, 1, 1)
	k.Scripts = map[string]string{script.Hash(): "claim", broken.Hash(): "save"}
	m := NewMetrics(k)
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(m.Redis())
	m.WatchPool(client)

	ctx := t.Context()
	require.ErrorIs(t, client.Get(ctx, "sb1:jane@example.com").Err(), redis.Nil)
	require.ErrorIs(t, script.Run(ctx, client, []string{"sb1:jane@example.com"}).Err(), redis.Nil) // unknown at first, then sent whole
	require.ErrorIs(t, script.Run(ctx, client, []string{"sb1:jane@example.com"}).Err(), redis.Nil)
	require.ErrorContains(t, broken.Run(ctx, client, nil).Err(), "ERR no")
	require.ErrorContains(t, broken.Run(ctx, client, nil).Err(), "ERR no")
	require.NoError(t, client.Set(ctx, "jane@example.com", "jane@example.com", 0).Err())
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.EvalSha(ctx, script.Hash(), []string{"jane@example.com"})
		p.Get(ctx, "jane@example.com")
		return nil
	})
	require.NoError(t, err)
	server.Close()
	require.Error(t, client.Ping(ctx).Err())
	gone, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, client.Ping(gone).Err())

	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_redis_command_duration_seconds_count{command="get"} 1`,
		`signalbox_redis_command_duration_seconds_count{command="claim"} 3`,
		`signalbox_redis_command_duration_seconds_count{command="save"} 2`,
		`signalbox_redis_command_duration_seconds_count{command="other"} 3`, // set, and both scripts sent whole
		`signalbox_redis_errors_total{command="get",error_type="network"} 0`,
		`signalbox_redis_errors_total{command="claim",error_type="_OTHER"} 0`,
		`signalbox_redis_errors_total{command="save",error_type="_OTHER"} 1`,
		`signalbox_redis_errors_total{command="other",error_type="_OTHER"} 1`,
		`signalbox_redis_errors_total{command="ping",error_type="network"} 1`,
		`signalbox_redis_errors_total{command="ping",error_type="cancelled"} 1`,
	} {
		has(t, text, want+"\n")
	}
	has(t, text, `signalbox_redis_pool_connections{state="total"} `)
	require.NotContains(t, text, "example.com")
}
