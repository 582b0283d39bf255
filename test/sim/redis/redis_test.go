package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is long: a Sentinel whose machine stalls for two seconds does nothing for the next thirty (TILT).
func soon(t *testing.T) context.Context {
	ctx, done := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(done)
	return ctx
}

func certificates(t *testing.T) *simredis.Certificates {
	c, err := simredis.NewCertificates(t.TempDir())
	require.NoError(t, err)
	return c
}

func value(t *testing.T, s *simredis.Server, key string) string {
	c := s.Client()
	defer c.Close()
	v, err := c.Get(t.Context(), key).Result()
	if err != nil {
		return err.Error()
	}
	return v
}

func set(t *testing.T, s *simredis.Server, key, v string) {
	c := s.Client()
	defer c.Close()
	require.NoError(t, c.Set(t.Context(), key, v, 0).Err())
}

func TestAServerWithTLSAndUsersLetsOnlyThoseIn(t *testing.T) {
	t.Parallel()
	s, err := simredis.Start(soon(t), simredis.Options{TLS: certificates(t), Password: "master", Users: []string{"fleet on >secret ~sb1:* +get +set"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	set(t, s, "a", "1")
	require.Equal(t, "1", value(t, s, "a"))

	o := *s.Client().Options()
	o.Username, o.Password = "fleet", "secret"
	c := redis.NewClient(&o)
	defer c.Close()
	require.NoError(t, c.Set(t.Context(), "sb1:x", "1", 0).Err())
	require.ErrorContains(t, c.Get(t.Context(), "a").Err(), "NOPERM")

	plain := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, DialerRetries: 1})
	defer plain.Close()
	require.Error(t, plain.Ping(t.Context()).Err())
}

func TestSentinelsPromoteAReplicaByRequestAndWhenThePrimaryDies(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]simredis.SentinelOptions{
		"plain":                 {},
		"with TLS and password": {Options: simredis.Options{TLS: certificates(t), Password: "master"}, SentinelPass: "watch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := soon(t)
			s, err := simredis.StartSentinels(ctx, o)
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			set(t, s.Servers[0], "a", "1")
			require.Eventually(t, func() bool { return value(t, s.Servers[1], "a") == "1" }, 20*time.Second, 10*time.Millisecond)
			require.NoError(t, s.FailOver(ctx))
			second, err := s.Master(ctx)
			require.NoError(t, err)
			require.Equal(t, s.Servers[1], second)
			require.Equal(t, "1", value(t, second, "a"))

			require.NoError(t, s.WaitUntilSafe(ctx))
			require.NoError(t, second.Kill())
			require.NoError(t, s.WaitForAnother(ctx, second))
			first, err := s.Master(ctx)
			require.NoError(t, err)
			require.Equal(t, s.Servers[0], first)
		})
	}
}

func TestASlotOfAClusterMovesInStepsAndFailsOver(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	c, err := simredis.StartCluster(ctx, simredis.ClusterOptions{Replicas: 1, Options: simredis.Options{TLS: certificates(t), Password: "master"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	slot, err := c.Slot(ctx, "{tag}:a")
	require.NoError(t, err)
	from, err := c.Owner(ctx, slot)
	require.NoError(t, err)
	to := c.Nodes[0]
	if to == from {
		to = c.Nodes[1]
	}
	set(t, from, "{tag}:a", "1")
	set(t, from, "{tag}:b", "2")

	m, err := c.Begin(ctx, slot, to)
	require.NoError(t, err)
	require.NoError(t, m.Move(ctx, "{tag}:a"))
	require.Contains(t, value(t, from, "{tag}:a"), "ASK")
	client := from.Client()
	defer client.Close()
	require.ErrorContains(t, client.MGet(ctx, "{tag}:a", "{tag}:b").Err(), "TRYAGAIN")
	require.NoError(t, m.Finish(ctx))
	require.Equal(t, "1", value(t, to, "{tag}:a"))
	require.Equal(t, "2", value(t, to, "{tag}:b"))

	require.NoError(t, c.FailOver(ctx, slot))
	owner, err := c.Owner(ctx, slot)
	require.NoError(t, err)
	require.NotEqual(t, to, owner)
	require.Equal(t, "2", value(t, owner, "{tag}:b"))
	require.NoError(t, owner.Kill())
	require.NoError(t, c.WaitForAnother(ctx, slot, owner))
}
