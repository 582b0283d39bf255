package redis

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"
)

// Migration moves a slot from one node of a Cluster to another, as redis-cli --cluster reshard does, but in steps: between
// Begin and Finish the slot is open on both sides, and commands about keys on either side get ASK or TRYAGAIN.
type Migration struct {
	Slot     int
	From, To *Server
	cluster  *Cluster
}

// Begin opens a slot on both sides. No key moves yet.
func (c *Cluster) Begin(ctx context.Context, slot int, to *Server) (*Migration, error) {
	from, err := c.Owner(ctx, slot)
	if err != nil {
		return nil, err
	}
	m := &Migration{Slot: slot, From: from, To: to, cluster: c}
	source, err := from.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	target, err := to.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		to.use(func(client *redis.Client) error {
			return client.Do(ctx, "cluster", "setslot", slot, "importing", source).Err()
		}),
		from.use(func(client *redis.Client) error {
			return client.Do(ctx, "cluster", "setslot", slot, "migrating", target).Err()
		}))
	if err != nil {
		return nil, fmt.Errorf("open a slot: %w", err)
	}
	return m, nil
}

// Keys lists up to n keys of the slot that have not moved yet.
func (m *Migration) Keys(ctx context.Context, n int) (keys []string, err error) {
	err = m.From.use(func(client *redis.Client) error {
		keys, err = client.ClusterGetKeysInSlot(ctx, m.Slot, n).Result()
		return err
	})
	return keys, err
}

// Move moves keys to the other side, all or none.
func (m *Migration) Move(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	host, port, _ := net.SplitHostPort(m.To.Addr())
	args := []any{"migrate", host, port, "", 0, 5000}
	if m.cluster.o.Password != "" {
		args = append(args, "auth", m.cluster.o.Password)
	}
	args = append(args, "keys")
	for _, k := range keys {
		args = append(args, k)
	}
	return m.From.use(func(client *redis.Client) error { return client.Do(ctx, args...).Err() })
}

// Finish moves what is left, and gives the slot to the other side for good.
func (m *Migration) Finish(ctx context.Context) error {
	for {
		keys, err := m.Keys(ctx, 100)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		if err := m.Move(ctx, keys...); err != nil {
			return err
		}
	}
	target, err := m.To.NodeID(ctx)
	if err != nil {
		return err
	}
	nodes := []*Server{m.To, m.From} // the one that takes it must know first
	for _, node := range m.cluster.Nodes {
		if node != m.To && node != m.From {
			nodes = append(nodes, node)
		}
	}
	for _, node := range nodes {
		if node.says(ctx, "role") != "master" {
			continue // a replica hears of it from its master
		}
		if err := node.use(func(client *redis.Client) error {
			return client.Do(ctx, "cluster", "setslot", m.Slot, "node", target).Err()
		}); err != nil {
			return fmt.Errorf("give the slot to its new owner: %w", err)
		}
	}
	return nil
}
