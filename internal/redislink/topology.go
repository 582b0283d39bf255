package redislink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// topology knows the nodes of a Cluster, and which of them is the master of one slot.
type topology struct {
	slot    int
	seeds   []string
	options func(addr string) *redis.Options

	asking chan struct{} // one asks, the others wait for the answer

	mu     sync.Mutex
	nodes  map[string]*redis.Client
	owner  string // empty: not known
	doubt  string // the last owner that did not answer: asked last
	closed bool
}

// node is the client of an address.
func (t *topology) node(addr string) (*redis.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, redis.ErrClosed
	}
	if t.nodes[addr] == nil {
		t.nodes[addr] = redis.NewClient(t.options(addr))
	}
	return t.nodes[addr], nil
}

// find is the master of the slot. It asks around if that is not known.
func (t *topology) find(ctx context.Context) (*redis.Client, error) {
	if owner := t.known(); owner != "" {
		return t.node(owner)
	}
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if owner := t.known(); owner != "" {
		return t.node(owner)
	}
	var problems []error
	for _, addr := range t.whom() {
		owner, all, err := t.ask(ctx, addr)
		if err == nil {
			t.learned(owner, all)
			return t.node(owner)
		}
		problems = append(problems, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("find the node of the Cluster that has our keys: %w", errors.Join(problems...))
}

func (t *topology) known() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.owner
}

// whom lists the nodes to ask: those that were heard of, then the seeds, and at last the one that did not answer.
func (t *topology) whom() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	addrs := slices.Sorted(maps.Keys(t.nodes))
	for _, s := range t.seeds {
		if !slices.Contains(addrs, s) {
			addrs = append(addrs, s)
		}
	}
	if i := slices.Index(addrs, t.doubt); i >= 0 {
		addrs = append(slices.Delete(addrs, i, i+1), t.doubt)
	}
	return addrs
}

var errNobody = errors.New("no node serves the slot")

// ask has one node name the master of the slot, and all nodes.
func (t *topology) ask(ctx context.Context, addr string) (owner string, all []string, err error) {
	node, err := t.node(addr)
	if err != nil {
		return "", nil, err
	}
	call, done := context.WithTimeout(ctx, dialTimeout)
	defer done()
	asked := redis.NewClusterSlotsCmd(call, "cluster", "slots")
	if err := node.Process(call, asked); err != nil {
		return "", nil, err
	}
	for _, r := range asked.Val() {
		for i, n := range r.Nodes {
			at := beside(n.Addr, addr)
			all = append(all, at)
			if i == 0 && r.Start <= t.slot && t.slot <= r.End {
				owner = at
			}
		}
	}
	if owner == "" {
		return "", nil, errNobody
	}
	return owner, all, nil
}

// beside completes an address as a node gives it: no host stands for the host that was asked.
func beside(addr, asked string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "" && host != "?" {
		return addr
	}
	here, _, _ := net.SplitHostPort(asked)
	return net.JoinHostPort(here, port)
}

// learned keeps what a node has told, and closes the clients of nodes that are gone. A call that is on its way on one of
// them fails without an answer; nothing goes to such a node on purpose.
func (t *topology) learned(owner string, all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owner = owner
	for addr, node := range t.nodes {
		if !slices.Contains(all, addr) && !slices.Contains(t.seeds, addr) {
			_ = node.Close()
			delete(t.nodes, addr)
		}
	}
}

// moved notes the new master of the slot, as the old one told.
func (t *topology) moved(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owner = addr
}

// forget has the next command ask around, if the node is still thought to be the master.
func (t *topology) forget(node *redis.Client, silent bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	addr := node.Options().Addr
	if t.owner == addr {
		t.owner = ""
	}
	if silent {
		t.doubt = addr
	}
}

func (t *topology) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var problems []error
	for _, node := range t.nodes {
		problems = append(problems, node.Close())
	}
	t.nodes = nil
	return errors.Join(problems...)
}

// stats adds up the pools of all nodes.
func (t *topology) stats() *redis.PoolStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum redis.PoolStats
	for _, node := range t.nodes {
		s := node.PoolStats()
		sum.Hits, sum.Misses, sum.Timeouts = sum.Hits+s.Hits, sum.Misses+s.Misses, sum.Timeouts+s.Timeouts
		sum.WaitCount, sum.WaitDurationNs = sum.WaitCount+s.WaitCount, sum.WaitDurationNs+s.WaitDurationNs
		sum.TotalConns, sum.IdleConns, sum.StaleConns = sum.TotalConns+s.TotalConns, sum.IdleConns+s.IdleConns, sum.StaleConns+s.StaleConns
	}
	return &sum
}
