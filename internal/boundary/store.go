package boundary

import (
	"context"
	"io"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// store bounds the scripts that take and give claims.
func (b *Boundaries) store(p app.Parts) app.Parts {
	p.RedisHooks = append(p.RedisHooks, boundRedis{b, redisstore.Scripts()})
	return p
}

type boundRedis struct {
	b       *Boundaries
	scripts map[string]string
}

func (h boundRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook lets every command of a dead process fail.
func (h boundRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		name := h.script(cmd)
		if name != "claim" && name != "save" && name != "release" {
			if err := h.b.lives(); err != nil {
				cmd.SetErr(err)
				return err
			}
			return next(ctx, cmd)
		}
		err := do(h.b, "redis "+name, io.ErrUnexpectedEOF, func() error { return next(ctx, cmd) })
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

// script is the name of the script that a command runs; empty for any other command.
func (h boundRedis) script(cmd redis.Cmder) string {
	if args := cmd.Args(); len(args) > 1 && cmd.Name() == "evalsha" {
		if hash, ok := args[1].(string); ok {
			return h.scripts[hash]
		}
	}
	return ""
}

func (h boundRedis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
