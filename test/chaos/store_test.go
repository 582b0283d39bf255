package chaos

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

var keys = rediskey.New("default", keyhash.New("k1", []byte(hashKey)))

// reach opens the test's own way to whatever a URL names. The workers go straight there, too: a proxy would hide who answers.
func (f *fleet) reach(url string) string {
	u, problems := redisurl.Parse(url)
	require.Empty(f.t, problems)
	client, err := redislink.Open(redislink.Options{URL: u, Key: keys.Epoch()})
	require.NoError(f.t, err)
	f.redis = client
	f.t.Cleanup(func() { _ = client.Close() })
	return url
}

// promoted: the primary is killed, and Sentinels put a replica in its place.
func promoted() trouble {
	var set *simredis.SentinelSet
	t := once(func(f *fleet) {
		old, err := set.Master(f.t.Context())
		require.NoError(f.t, err)
		require.NoError(f.t, old.Kill())
		require.NoError(f.t, set.WaitForAnother(f.t.Context(), old))
	})
	t.set.store = func(f *fleet) string {
		var err error
		set, err = simredis.StartSentinels(f.t.Context(), simredis.SentinelOptions{Options: simredis.Options{Args: []string{"--appendonly", "yes"}}})
		require.NoError(f.t, err)
		f.t.Cleanup(func() { require.NoError(f.t, set.Close()) })
		return f.reach(set.URL(""))
	}
	return t
}

// cluster is a trouble of a Cluster that happens once.
func cluster(replicas int, begin func(f *fleet, c *simredis.Cluster, slot int)) trouble {
	var c *simredis.Cluster
	t := once(func(f *fleet) { begin(f, c, redislink.Slot(keys.Prefix())) })
	t.set.store = func(f *fleet) string {
		var err error
		c, err = simredis.StartCluster(f.t.Context(), simredis.ClusterOptions{Replicas: replicas, Options: simredis.Options{Args: []string{"--appendonly", "yes"}}})
		require.NoError(f.t, err)
		f.t.Cleanup(func() { require.NoError(f.t, c.Close()) })
		return f.reach(c.URL(""))
	}
	return t
}

// replaced: the node is killed, and its replica takes its place.
func replaced() trouble {
	return cluster(1, func(f *fleet, c *simredis.Cluster, slot int) {
		old, err := c.Owner(f.t.Context(), slot)
		require.NoError(f.t, err)
		require.NoError(f.t, old.Kill())
		require.NoError(f.t, c.WaitForAnother(f.t.Context(), slot, old))
	})
}

// moved: the slot moves to another node, and is on both for a while.
func moved() trouble {
	return cluster(0, func(f *fleet, c *simredis.Cluster, slot int) {
		from, err := c.Owner(f.t.Context(), slot)
		require.NoError(f.t, err)
		to := c.Nodes[0]
		if to == from {
			to = c.Nodes[1]
		}
		m, err := c.Begin(f.t.Context(), slot, to)
		require.NoError(f.t, err)
		there, err := m.Keys(f.t.Context(), 1000)
		require.NoError(f.t, err)
		require.NoError(f.t, m.Move(f.t.Context(), there[:len(there)/2]...))
		pass(4 * time.Second) // longer than a lease
		require.NoError(f.t, m.Finish(f.t.Context()))
	})
}
