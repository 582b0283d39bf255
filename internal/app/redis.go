package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// RedisOptions reads a Redis URL as Signalbox wants it: commands are not repeated by the client, because scripts are
// asked again by whoever knows what an unanswered one means.
func RedisOptions(cfg *config.Config) (*redis.Options, error) {
	o, err := redis.ParseURL(cfg.Redis.URL.Reveal())
	if err != nil {
		return nil, errors.New("redis.url cannot be read; write redis://host:port/db or rediss://user:password@host:port/db")
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 2*time.Second, 5*time.Second, 5*time.Second
	o.PoolSize = max(10, cfg.Worker.Slots)
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

func (a *App) openRedis() error {
	o, err := RedisOptions(a.cfg)
	if err != nil {
		return err
	}
	a.epoch = redisstore.NewEpoch(a.keys(), a.cfg.Run.Lease+a.window(), func(change string) {
		if a.parts.CleanEpoch && change == "new" {
			return // it was made for us
		}
		a.log.Warn("the store has lost its memory or may have; claims are for looking only for a while", zap.String("reason", change))
	})
	o.OnConnect = a.epoch.OnConnect
	if a.parts.LookOnly {
		o.OnConnect = func(ctx context.Context, cn *redis.Conn) error { return a.epoch.Refresh(ctx, cn) }
	}
	if a.parts.RedisPool > 0 {
		o.PoolSize = a.parts.RedisPool
	}
	if a.parts.DialRedis != nil {
		o.Dialer = a.parts.DialRedis
	}
	redis.SetLogger(quiet{})
	a.redis = redis.NewClient(o)
	a.redis.AddHook(a.metrics.Redis())
	for _, h := range a.parts.RedisHooks {
		a.redis.AddHook(h)
	}
	a.metrics.WatchPool(a.redis)
	a.store = redisstore.New(redisstore.Options{Client: a.redis, Hasher: a.hasher, Epoch: a.epoch, Lease: a.cfg.Run.Lease,
		Window: a.window(), Keep: a.cfg.Run.Keep, Gate: a.gateSeen})
	return nil
}

// prepare checks that what work cannot begin without is there.
func (a *App) prepare(ctx context.Context) error {
	call, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	if err := a.store.Load(call); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	if a.parts.CleanEpoch {
		return a.epoch.WriteClean(call, a.redis)
	}
	return nil
}

// quiet drops the client's own log lines: they name addresses in free text, and every failure reaches us as an error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
