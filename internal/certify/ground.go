package certify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

// ground is what every world of a run stands on: one Redis, in which each world has keys of its own.
type ground struct {
	url, what string
	client    *redis.Client
	hashKey   string // base64
	run       string // tells the worlds of this run from others'
	close     func() error
}

// newGround starts a redis-server, or miniredis where there is none.
func newGround(ctx context.Context) (*ground, error) {
	var key [32]byte
	var run [4]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand, Go 1.24)
	_, _ = rand.Read(run[:])
	g := &ground{hashKey: base64.StdEncoding.EncodeToString(key[:]), run: hex.EncodeToString(run[:])}
	server, err := simredis.Start(ctx, simredis.Options{})
	switch {
	case err == nil:
		g.url, g.what, g.close = server.URL(), "redis-server", server.Close
	case errors.Is(err, simredis.ErrNoServer):
		mini := miniredis.NewMiniRedis()
		mini.ClockTTL(true)
		if err := mini.Start(); err != nil {
			return nil, fmt.Errorf("start miniredis: %w", err)
		}
		g.url, g.what, g.close = "redis://"+mini.Addr()+"/0", "Redis in memory", func() error { mini.Close(); return nil }
	default:
		return nil, err
	}
	o, err := redis.ParseURL(g.url)
	if err != nil {
		return nil, errors.Join(err, g.close())
	}
	o.PoolSize, o.PoolTimeout = 16, time.Minute
	g.client = redis.NewClient(o)
	return g, nil
}

func (g *ground) end() error { return errors.Join(g.client.Close(), g.close()) }
