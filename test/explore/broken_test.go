package explore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// otherScript is a hook that runs a text in place of a script.
type otherScript struct{ hash, text string }

// DialHook changes nothing.
func (otherScript) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook runs the text.
func (o otherScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 1 && args[0] == "evalsha" && args[1] == o.hash {
			args[0], args[1] = "eval", o.text
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook changes nothing.
func (otherScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
