package redisstore

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestAServerSaysHowItKeepsItsData(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args             []string
		risk, persistent bool
		persistence      Persistence
	}{
		"without anything on disk":      {nil, false, false, PersistenceOff},
		"with an append-only file":      {[]string{"--appendonly", "yes"}, false, true, PersistenceOK},
		"with snapshots":                {[]string{"--save", "3600 1"}, false, true, PersistenceOK},
		"that drops keys when it likes": {[]string{"--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"}, true, true, PersistenceOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := simredis.Start(t.Context(), simredis.Options{Args: tc.args})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, server.Close()) })
			options, err := redis.ParseURL(server.URL())
			require.NoError(t, err)
			client := redis.NewClient(options)
			t.Cleanup(func() { _ = client.Close() })
			s, err := ReadSafety(t.Context(), client)
			require.NoError(t, err)
			risk, known := s.EvictionRisk()
			require.True(t, known)
			require.Equal(t, tc.risk, risk)
			persistent, known := s.Persistent()
			require.True(t, known)
			require.Equal(t, tc.persistent, persistent)
			require.Equal(t, tc.persistence, s.Persistence)
		})
	}
}

// talker is a server that answers what it is told to.
type talker struct {
	info    string
	refuses error
	save    map[string]string
}

func (f talker) Info(ctx context.Context, _ ...string) *redis.StringCmd {
	return redis.NewStringResult(f.info, nil)
}

func (f talker) ConfigGet(context.Context, string) *redis.MapStringStringCmd {
	return redis.NewMapStringStringResult(f.save, f.refuses)
}

func TestWhatAServerKeepsToItselfStaysUnknown(t *testing.T) {
	t.Parallel()
	refused := errors.New("NOPERM this user has no permissions to run the 'config|get' command")
	for name, tc := range map[string]struct {
		in   talker
		want Safety
	}{
		"nothing at all":                              {talker{info: "redis_version:7.0.15\r\n", refuses: refused}, Safety{}},
		"its settings":                                {talker{info: "maxmemory_policy:noeviction\r\naof_enabled:0\r\nrdb_last_bgsave_status:ok\r\n", refuses: refused}, Safety{"noeviction", PersistenceOK}},
		"a snapshot that failed":                      {talker{info: "aof_enabled:0\r\nrdb_last_bgsave_status:err\r\n", refuses: refused}, Safety{"", PersistenceFailing}},
		"a file that cannot be written":               {talker{info: "aof_enabled:1\r\naof_last_write_status:err\r\nrdb_last_bgsave_status:ok\r\n"}, Safety{"", PersistenceFailing}},
		"a setting that it answers with nothing":      {talker{info: "rdb_last_bgsave_status:ok\r\n"}, Safety{"", PersistenceOK}},
		"snapshots that are off, though the last was": {talker{info: "rdb_last_bgsave_status:ok\r\n", save: map[string]string{"save": ""}}, Safety{"", PersistenceOff}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadSafety(t.Context(), tc.in)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}
