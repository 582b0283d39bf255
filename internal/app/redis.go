package app

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// RedisLink is how Signalbox opens Redis. The client does not repeat commands that got no answer, because scripts are asked
// again by whoever knows what that means.
func RedisLink(cfg *config.Config) (redislink.Options, error) {
	u, problems := redisurl.Parse(cfg.Redis.URL.Reveal())
	if len(problems) > 0 {
		return redislink.Options{}, fmt.Errorf("redis.url %w; %s", problems[0], problems[0].Do)
	}
	return redislink.Options{
		URL: u, SentinelUsername: cfg.Redis.SentinelUsername, SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		Key: rediskey.New(cfg.CSU.Name, Hasher(cfg)).Epoch(), Pool: max(10, cfg.Worker.Slots),
	}, nil
}

func (a *App) openRedis() error {
	o, err := RedisLink(a.cfg)
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
		o.Pool = a.parts.RedisPool
	}
	o.Dial = a.parts.DialRedis
	o.Hooks = append([]redis.Hook{a.metrics.Redis()}, a.parts.RedisHooks...)
	redis.SetLogger(quiet{})
	if a.redis, err = redislink.Open(o); err != nil {
		return err
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
	if err := a.HearSwitches(call); err != nil {
		return err
	}
	if a.parts.CleanEpoch {
		return a.epoch.WriteClean(call, a.redis)
	}
	return nil
}

// quiet drops the client's own log lines: they name addresses in free text, and every failure reaches us as an error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
