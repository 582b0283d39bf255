package rediscircuit_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/rediscircuit"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is two processes on one redis-server.
func fleet(t *testing.T) (one, other *rediscircuit.Circuits, client *redis.Client, key string) {
	t.Helper()
	server, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	o, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client = redis.NewClient(o)
	t.Cleanup(func() {
		_ = client.Close()
		require.NoError(t, server.Close())
	})
	keys := rediskey.New("default", keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef")))
	return rediscircuit.New(client, keys, "one", 30*time.Second), rediscircuit.New(client, keys, "other", 30*time.Second), client, keys.Circuits()
}

func TestOneProcessOpensACircuitAndAllSeeIt(t *testing.T) {
	t.Parallel()
	one, other, client, key := fleet(t)
	open, err := other.Look(t.Context())
	require.NoError(t, err)
	require.Empty(t, open)

	_, turned, err := one.Trip(t.Context(), "Customers.Create", csuclient.CauseErrors)
	require.NoError(t, err)
	require.Equal(t, csuclient.TurnedOpen, turned)
	open, turned, err = other.Trip(t.Context(), "Customers.Create", csuclient.CauseErrors)
	require.NoError(t, err)
	require.Empty(t, turned, "it was open, and is counted once")
	require.Len(t, open, 1)
	require.Equal(t, "Customers.Create", open[0].Name)
	require.Equal(t, csuclient.CauseErrors, open[0].Cause)
	require.InDelta(t, 2, open[0].Until.Seconds(), .5)
	require.Positive(t, client.PTTL(t.Context(), key).Val(), "nothing stays in Redis for ever")
}

// due waits until the circuit's pause is over.
func due(t *testing.T, c *rediscircuit.Circuits) {
	t.Helper()
	require.Eventually(t, func() bool {
		open, err := c.Look(context.Background())
		return err == nil && len(open) == 1 && open[0].Until == 0
	}, 20*time.Second, 20*time.Millisecond)
}

func TestOneProcessProbesWhenThePauseIsOverAndWhatItFindsHoldsForAll(t *testing.T) {
	t.Parallel()
	one, other, client, key := fleet(t)
	_, _, err := one.Trip(t.Context(), csuclient.CircuitCSU, csuclient.CauseErrors)
	require.NoError(t, err)
	_, leave, err := one.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.False(t, leave, "not before")

	due(t, one)
	_, leave, err = one.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.True(t, leave)
	open, leave, err := other.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.False(t, leave, "one probe for the fleet")
	require.True(t, open[0].Probing)
	_, leave, err = one.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.True(t, leave, "the answer may have been lost")

	open, turned, err := other.Probed(t.Context(), csuclient.CircuitCSU, csuclient.ProbeServed, "")
	require.NoError(t, err)
	require.Empty(t, turned, "it was not its probe")
	require.Len(t, open, 1)
	open, turned, err = one.Probed(t.Context(), csuclient.CircuitCSU, csuclient.ProbeFailed, csuclient.CauseBlocked)
	require.NoError(t, err)
	require.Equal(t, csuclient.TurnedOpen, turned)
	require.InDelta(t, 3.2, open[0].Until.Seconds(), .5, "the pause grows")
	require.Equal(t, csuclient.CauseBlocked, open[0].Cause)

	due(t, other)
	_, leave, err = other.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.True(t, leave)
	_, _, err = other.Probed(t.Context(), csuclient.CircuitCSU, csuclient.ProbeUnsaid, "")
	require.NoError(t, err)
	_, leave, err = one.Ask(t.Context(), csuclient.CircuitCSU)
	require.NoError(t, err)
	require.True(t, leave, "given back")
	open, turned, err = one.Probed(t.Context(), csuclient.CircuitCSU, csuclient.ProbeServed, "")
	require.NoError(t, err)
	require.Equal(t, csuclient.TurnedClosed, turned)
	require.Empty(t, open)
	require.Zero(t, client.Exists(t.Context(), key).Val())
}
