// Package redislink opens one client for the three ways in which Redis is run: alone, behind Sentinels, or as a Cluster.
//
// All keys of a fleet's CSU share one hash slot, so at any moment one server has them all. That is what the client talks
// to, whatever the way: in a Cluster the master of that slot, for every command, with a key or without. TIME, INFO, WAIT,
// SCRIPT LOAD and SCAN therefore mean the same everywhere.
//
// What the client repeats, and what not. A command that the server has refused without executing it (LOADING, READONLY,
// MASTERDOWN, CLUSTERDOWN, TRYAGAIN, NOREPLICAS, too many clients) is sent again for Options.Patience; MOVED and ASK are followed. A
// command without an answer is never sent again: only the caller knows what a second time would mean.
//
// Files of certificates are read anew for every connection, so renewed ones need no restart.
//
// Concurrency: a Client is safe for concurrent use. Errors are go-redis's.
package redislink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/signalbox/signalbox/internal/redisurl"
)

const (
	dialTimeout = 2 * time.Second
	callTimeout = 5 * time.Second // of a read or a write
	patience    = 3 * time.Second
)

// Options of a Client.
type Options struct {
	URL              redisurl.URL
	SentinelUsername string
	SentinelPassword string
	Key              string // any key of the slot that is worked in; a Cluster needs it
	Pool             int    // connections to one server; default 10

	// OnConnect sees each new connection to a server before any other command runs on it. In a Cluster that may be one that
	// does not serve the slot: what it does with keys there is answered with MOVED or ASK.
	OnConnect func(ctx context.Context, cn *redis.Conn) error
	Hooks     []redis.Hook  // around every command, the first outermost
	Patience  time.Duration // for how long what was refused is sent again; default 3 s

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // default: TCP
}

// Client is a go-redis client. Its Close, Conn and PoolStats are its own.
type Client struct {
	*redis.Client
	router *router // nil: the embedded client talks to the server itself
}

// Open makes a client. Nothing is dialled, but files that the URL names must be there.
func Open(o Options) (*Client, error) {
	if _, err := secured(o.URL, ""); err != nil {
		return nil, err
	}
	if o.Pool == 0 {
		o.Pool = 10
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	c := &Client{}
	switch o.URL.Kind {
	case redisurl.Sentinel:
		c.Client = redis.NewFailoverClient(failover(o))
	case redisurl.Cluster:
		c.router = newRouter(o)
		c.Client = redis.NewClient(facade())
	default:
		c.Client = redis.NewClient(single(o, o.URL.Hosts[0]))
	}
	bare, by := c.WithTimeout(callTimeout), &together{} // bare: the same connections, before there are hooks
	for _, h := range o.Hooks {
		c.AddHook(h)
	}
	if c.router == nil {
		by.pipe = func(ctx context.Context, cmds []redis.Cmder) error { return pipe(ctx, bare, cmds, false) }
		c.AddHook(patient{o.Patience, refused})
		c.AddHook(by)
	} else {
		by.pipe = func(ctx context.Context, cmds []redis.Cmder) error { return c.router.send(ctx, cmds, pipe) }
		// Two nodes may each think for a moment that a slot is the other's.
		c.AddHook(patient{o.Patience, func(err error) bool { return refused(err) || isRedirect(err) }})
		c.AddHook(by)
		c.AddHook(c.router)
	}
	by.sealed = true
	return c, nil
}

// single is the options of a client that talks to one server. The client repeats nothing by itself. RESP2: nothing is pushed to us, and
// with RESP3 the client looks for that before each reply.
func single(o Options, addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, Username: o.URL.Username, Password: o.URL.Password, DB: o.URL.DB,
		Dialer: o.dialer(), OnConnect: o.OnConnect,
		MaxRetries: -1, DialerRetries: 1, DialTimeout: dialTimeout, ReadTimeout: callTimeout, WriteTimeout: callTimeout,
		PoolSize: o.Pool, ContextTimeoutEnabled: true, DisableIdentity: true, MaintNotificationsConfig: quietly(), Protocol: 2,
	}
}

func failover(o Options) *redis.FailoverOptions {
	return &redis.FailoverOptions{
		MasterName: o.URL.Master, SentinelAddrs: o.URL.Hosts, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		Username: o.URL.Username, Password: o.URL.Password, DB: o.URL.DB,
		Dialer: o.dialer(), OnConnect: notToSentinels(o.OnConnect),
		MaxRetries: -1, DialerRetries: 1, DialTimeout: dialTimeout, ReadTimeout: callTimeout, WriteTimeout: callTimeout,
		PoolSize: o.Pool, ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2,
	}
}

// notToSentinels keeps connections to Sentinels, which go-redis presents as well, from what is meant for servers.
func notToSentinels(greet func(context.Context, *redis.Conn) error) func(context.Context, *redis.Conn) error {
	if greet == nil {
		return nil
	}
	return func(ctx context.Context, cn *redis.Conn) error {
		about, err := cn.Info(ctx, "server").Result()
		if err != nil {
			return fmt.Errorf("ask who is there: %w", err)
		}
		if strings.Contains(about, "redis_mode:sentinel") {
			return nil
		}
		return greet(ctx, cn)
	}
}

var errPastRouter = errors.New("redislink: a command came past the router")

// facade is the options of a client whose commands a router takes over. It never has a connection.
func facade() *redis.Options {
	return &redis.Options{Addr: "cluster", MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, MaintNotificationsConfig: quietly(),
		Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errPastRouter }}
}

func quietly() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// Close closes every connection.
func (c *Client) Close() error {
	if c.router == nil {
		return c.Client.Close()
	}
	return errors.Join(c.router.close(), c.Client.Close())
}

// Conn is one connection, for what belongs together. In a Cluster it is to the server that has the slot now, and MOVED
// and ASK are the caller's to see.
func (c *Client) Conn() *redis.Conn {
	if c.router == nil {
		return c.Client.Conn()
	}
	ctx, done := context.WithTimeout(context.Background(), callTimeout)
	defer done()
	node, err := c.router.find(ctx)
	if err != nil {
		return c.Client.Conn() // its commands fail
	}
	return node.Conn()
}

// PoolStats counts the connections to all servers.
func (c *Client) PoolStats() *redis.PoolStats {
	if c.router == nil {
		return c.Client.PoolStats()
	}
	return c.router.stats()
}
