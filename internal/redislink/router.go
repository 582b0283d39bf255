package redislink

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// mostRedirects is how often one command follows MOVED and ASK.
const mostRedirects = 5

// router takes over every command of a client, and sends it to the master of the slot.
type router struct {
	*topology

	mu      sync.Mutex
	scanned string // the node that gave the last page of a SCAN
}

func newRouter(o Options) *router {
	dial := o.dialer()
	return &router{topology: &topology{slot: Slot(o.Key), seeds: o.URL.Hosts, nodes: map[string]*redis.Client{}, asking: make(chan struct{}, 1),
		options: func(addr string) *redis.Options {
			s := single(o, addr)
			s.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dial(ctx, network, addr)
				if err != nil {
					return nil, notConnected{err}
				}
				return c, nil
			}
			return s
		}}}
}

// notConnected is a failure before anything was sent.
type notConnected struct{ error }

func (e notConnected) Unwrap() error { return e.error }

// unsent says whether a command certainly never reached a server.
func unsent(err error) bool {
	var dial notConnected
	return errors.As(err, &dial) || errors.Is(err, redis.ErrClosed)
}

// DialHook implements redis.Hook.
func (r *router) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (r *router) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "scan" {
			return r.scan(ctx, cmd)
		}
		return r.send(ctx, []redis.Cmder{cmd}, run)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (r *router) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if isTransaction(cmds) {
			return r.send(ctx, cmds, transact)
		}
		return r.send(ctx, cmds, pipe)
	}
}

// how sends commands to one node; asking says that it gets a slot that is still another's.
type how func(ctx context.Context, node *redis.Client, cmds []redis.Cmder, asking bool) error

func run(ctx context.Context, node *redis.Client, cmds []redis.Cmder, asking bool) error {
	if asking {
		return pipe(ctx, node, cmds, true)
	}
	return node.Process(ctx, cmds[0])
}

func pipe(ctx context.Context, node *redis.Client, cmds []redis.Cmder, asking bool) error {
	p := node.Pipeline()
	for _, cmd := range cmds {
		if asking {
			_ = p.Process(ctx, redis.NewCmd(ctx, "asking")) // it is only queued
		}
		_ = p.Process(ctx, cmd)
	}
	_, err := p.Exec(ctx)
	return err
}

// transact sends a transaction. ASKING lasts for all of it, and must come before it on its connection.
func transact(ctx context.Context, node *redis.Client, cmds []redis.Cmder, asking bool) error {
	var p redis.Pipeliner
	if asking {
		conn := node.Conn()
		defer conn.Close()
		if err := conn.Do(ctx, "asking").Err(); err != nil {
			return err
		}
		p = conn.TxPipeline()
	} else {
		p = node.TxPipeline()
	}
	inner := cmds[1 : len(cmds)-1]
	for _, cmd := range inner {
		_ = p.Process(ctx, cmd) // it is only queued
	}
	_, err := p.Exec(ctx)
	return err
}

// send sends commands to the master of the slot, and those again that are redirected.
func (r *router) send(ctx context.Context, cmds []redis.Cmder, by how) error {
	left, again := cmds, false
	node, err := r.find(ctx)
	for redirects, asking := 0, false; err == nil; redirects++ {
		err = by(ctx, node, left, asking)
		redirected := unexecuted(left, err, isRedirect)
		switch {
		case unsent(err) && !again: // the Cluster may have another master by now, or the node another address
			again = true
			gone := node
			r.forget(gone, true)
			if node, err = r.find(ctx); err == nil && node == gone {
				node, err = nil, firstOf(left, unsent)
			}
			asking = false
		case len(redirected) > 0 && redirects < mostRedirects:
			left = redirected
			node, asking, err = r.follow(firstOf(left, isRedirect))
		default:
			r.heard(node, left, err, asking)
			return firstOf(cmds, func(err error) bool { return err != nil })
		}
	}
	for _, cmd := range left {
		if cmd.Err() == nil || isRedirect(cmd.Err()) {
			cmd.SetErr(err)
		}
	}
	return err
}

func isRedirect(err error) bool {
	_, moved := redis.IsMovedError(err)
	_, ask := redis.IsAskError(err)
	return moved || ask
}

// follow names the node that a redirect points to.
func (r *router) follow(redirect error) (node *redis.Client, asking bool, err error) {
	if addr, moved := redis.IsMovedError(redirect); moved {
		addr = beside(addr, r.known())
		r.moved(addr)
		node, err = r.node(addr)
		return node, false, err
	}
	addr, _ := redis.IsAskError(redirect)
	node, err = r.node(beside(addr, r.known()))
	return node, true, err
}

// heard draws conclusions from an answer: a node that is no master, or part of no Cluster that works, or silent, is not
// believed to be the slot's master any longer.
func (r *router) heard(node *redis.Client, cmds []redis.Cmder, err error, asking bool) {
	refusal := firstOf(cmds, refused)
	switch {
	case refusal != nil && !redis.IsTryAgainError(refusal) && !redis.IsNoReplicasError(refusal):
		r.forget(node, false)
	case err == nil || asking || errors.Is(err, context.Canceled):
	default:
		var reply redis.Error
		if !errors.As(err, &reply) {
			r.forget(node, true)
		}
	}
}

var (
	errMoving = errors.New("redislink: keys are being moved to another node of the Cluster; try again when that is done")
	errNewRun = errors.New("redislink: keys have moved to another node of the Cluster meanwhile; begin again")
)

// scan sends a SCAN. A node goes through its own keys only, so nothing is given while some of ours are elsewhere, and a page
// is followed by the next of the same node or by none: who scans relies on seeing everything.
func (r *router) scan(ctx context.Context, cmd redis.Cmder) error {
	node, err := r.find(ctx)
	if err == nil {
		err = r.scanNode(ctx, node, cmd)
	}
	if err != nil {
		cmd.SetErr(err)
	}
	return err
}

func (r *router) scanNode(ctx context.Context, node *redis.Client, cmd redis.Cmder) error {
	p := node.Pipeline()
	_ = p.Process(ctx, cmd)
	view := p.ClusterNodes(ctx)
	if _, err := p.Exec(ctx); err != nil {
		r.heard(node, []redis.Cmder{cmd, view}, err, false)
		return err
	}
	addr := node.Options().Addr
	r.mu.Lock()
	defer r.mu.Unlock()
	cursor, _ := cmd.Args()[1].(uint64)
	switch {
	case cursor != 0 && r.scanned != addr:
		return errNewRun
	case !HasAll(view.Val(), r.slot):
		r.forget(node, false)
		return errMoving
	}
	r.scanned = addr
	return nil
}

// HasAll reads what CLUSTER NODES says of the node that was asked: whether it serves a slot, and neither gives it away nor
// is being given it.
func HasAll(view string, slot int) bool {
	for line := range strings.Lines(view) {
		f := strings.Fields(line)
		if len(f) < 8 || !strings.Contains(f[2], "myself") {
			continue
		}
		serves := false
		for _, part := range f[8:] {
			if strings.HasPrefix(part, "[") {
				if number(strings.TrimLeft(strings.SplitN(part, "-", 2)[0], "[")) == slot {
					return false
				}
				continue
			}
			first, last, ranged := strings.Cut(part, "-")
			if !ranged {
				last = first
			}
			serves = serves || number(first) <= slot && slot <= number(last)
		}
		return serves
	}
	return false
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
