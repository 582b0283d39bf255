package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Slots is how many hash slots a Cluster has.
const Slots = 16384

// ClusterOptions says what to start.
type ClusterOptions struct {
	Options         // of every node; Dir must be empty
	Masters     int // default 3
	Replicas    int // of each; default none
	NodeTimeout int // ms of silence after which a node is down; default 2000
}

// Cluster is the nodes of a Cluster on this machine.
type Cluster struct {
	Nodes []*Server // the masters it began with, then their replicas in the same order, once around for each
	o     ClusterOptions
}

// StartCluster starts the nodes, spreads the slots evenly over the masters, and waits until every node finds the
// Cluster complete. It takes some two seconds, which a master waits before it takes writes.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	if o.Masters == 0 {
		o.Masters = 3
	}
	if o.NodeTimeout == 0 {
		o.NodeTimeout = 2000
	}
	c := &Cluster{o: o}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	for range c.o.Masters * (1 + c.o.Replicas) {
		bus, err := freePort()
		if err != nil {
			return err
		}
		o := c.o.Options
		o.Args = append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", strconv.Itoa(c.o.NodeTimeout), "--cluster-port", strconv.Itoa(bus),
			"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, o.Args...)
		node, err := Start(ctx, o)
		if err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, node)
	}
	if err := c.introduce(ctx); err != nil {
		return err
	}
	if err := c.giveReplicas(ctx); err != nil {
		return err
	}
	return until(ctx, "the Cluster", func() bool { return c.complete(ctx) })
}

// introduce gives the masters their slots and everybody everybody's address.
func (c *Cluster) introduce(ctx context.Context) error {
	for i, node := range c.Nodes {
		err := node.use(func(client *redis.Client) error {
			if err := client.Do(ctx, "cluster", "set-config-epoch", i+1).Err(); err != nil {
				return err
			}
			if i < c.o.Masters {
				if err := client.ClusterAddSlotsRange(ctx, i*Slots/c.o.Masters, (i+1)*Slots/c.o.Masters-1).Err(); err != nil {
					return err
				}
			}
			for _, other := range c.Nodes[:i] {
				host, port, _ := net.SplitHostPort(other.Addr())
				if err := client.Do(ctx, "cluster", "meet", host, port, busPort(other)).Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("introduce a node: %w", err)
		}
	}
	return nil
}

// busPort is the port on which nodes talk to each other.
func busPort(node *Server) string {
	for i, arg := range node.opts.Args {
		if arg == "--cluster-port" {
			return node.opts.Args[i+1]
		}
	}
	return ""
}

func (c *Cluster) giveReplicas(ctx context.Context) error {
	for i, node := range c.Nodes[c.o.Masters:] {
		master, err := c.Nodes[i%c.o.Masters].NodeID(ctx)
		if err != nil {
			return err
		}
		err = until(ctx, "a replica to be taken on", func() bool { // it must have heard of its master first
			return node.use(func(client *redis.Client) error { return client.ClusterReplicate(ctx, master).Err() }) == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// complete says whether every node knows all others and finds the Cluster up, and replicas are in step.
func (c *Cluster) complete(ctx context.Context) bool {
	for i, node := range c.Nodes {
		var info string
		err := node.use(func(client *redis.Client) (err error) {
			info, err = client.ClusterInfo(ctx).Result()
			return err
		})
		if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Nodes))) {
			return false
		}
		if i >= c.o.Masters && node.says(ctx, "master_link_status") != "up" {
			return false
		}
	}
	return true
}

// URL is what SIGNALBOX_REDIS_URL takes, for a user ("name:password"); empty: the default user.
func (c *Cluster) URL(user string) string {
	var addrs []string
	for _, node := range c.Nodes {
		addrs = append(addrs, node.Addr())
	}
	return c.o.url("redis+cluster", user, strings.Join(addrs, ","))
}

// Slot is the hash slot of a key.
func (c *Cluster) Slot(ctx context.Context, key string) (slot int, err error) {
	err = c.Nodes[0].use(func(client *redis.Client) error {
		n, err := client.ClusterKeySlot(ctx, key).Result()
		slot = int(n)
		return err
	})
	return slot, err
}

// Owner is the node that serves a slot, as most nodes that run see it.
func (c *Cluster) Owner(ctx context.Context, slot int) (*Server, error) {
	votes := map[string]int{}
	for _, node := range c.Nodes {
		_ = node.use(func(client *redis.Client) error { // a node that is down has no vote
			asked := redis.NewClusterSlotsCmd(ctx, "cluster", "slots")
			err := client.Process(ctx, asked)
			ranges := asked.Val()
			for _, r := range ranges {
				if r.Start <= slot && slot <= r.End && len(r.Nodes) > 0 {
					votes[r.Nodes[0].Addr]++
				}
			}
			return err
		})
	}
	best := ""
	for addr, n := range votes {
		if n > votes[best] {
			best = addr
		}
	}
	if owner := serverAt(c.Nodes, best); owner != nil {
		return owner, nil
	}
	return nil, fmt.Errorf("redis: nobody serves slot %d", slot)
}

// FailOver has a replica of the slot's owner take its place, and waits until the others know. The old owner goes on as its
// replica. To see what an unplanned one does, kill or freeze the Owner instead and use WaitForAnother.
func (c *Cluster) FailOver(ctx context.Context, slot int) error {
	old, err := c.Owner(ctx, slot)
	if err != nil {
		return err
	}
	id, err := old.NodeID(ctx)
	if err != nil {
		return err
	}
	return again(ctx, func() error { return c.promote(ctx, id) }, func(ctx context.Context) error { return c.WaitForAnother(ctx, slot, old) })
}

// promote asks a replica of a master to take its place.
func (c *Cluster) promote(ctx context.Context, master string) error {
	for _, node := range c.Nodes {
		err := node.use(func(client *redis.Client) error {
			nodes, err := client.ClusterNodes(ctx).Result()
			if err == nil && strings.Contains(nodes, "myself,slave "+master) {
				return client.ClusterFailover(ctx).Err()
			}
			return errors.Join(err, errNotItsReplica)
		})
		if !errors.Is(err, errNotItsReplica) {
			return err
		}
	}
	return errNotItsReplica
}

var errNotItsReplica = errors.New("redis: no replica of that master")

// WaitForAnother waits until a node other than old serves the slot, as most see it and it does itself.
func (c *Cluster) WaitForAnother(ctx context.Context, slot int, old *Server) error {
	return until(ctx, "another owner of the slot", func() bool {
		owner, err := c.Owner(ctx, slot)
		return err == nil && owner != old && owner.says(ctx, "role") == "master"
	})
}

// Close ends all nodes.
func (c *Cluster) Close() error { return closeAll(c.Nodes) }

// NodeID is the node's name in the Cluster.
func (s *Server) NodeID(ctx context.Context) (id string, err error) {
	err = s.use(func(client *redis.Client) error {
		id, err = client.Do(ctx, "cluster", "myid").Text()
		return err
	})
	return id, err
}

// use opens a client for one thing.
func (s *Server) use(do func(*redis.Client) error) error {
	client := s.Client()
	defer client.Close()
	return do(client)
}
