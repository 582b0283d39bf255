package redislink

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	mostTogether = 64               // scripts in one write
	apart        = time.Millisecond // for how long those behind a write wait for it, before the next goes on another connection
)

// together sends in one write what is asked at the same moment. While a script is on its way to the server and back, those that come
// after it gather, and the first of them takes all along when it is back. So a lone script waits for nothing, and under load one system
// call carries several. Each script has an answer of its own; of a lost connection all that were on it hear.
//
// Scripts alone are sent so: each of ours is one step that may be asked again, and one caller never has two on the way, so that they were
// never in an order.
//
// Safe for concurrent use.
type together struct {
	pipe func(ctx context.Context, cmds []redis.Cmder) error // to the server, around no hook
	// sealed says that the client is made: whoever asks for a hook later is a connection of its own, which has the client's hooks too. What is
	// said on it belongs on it, and the first words on a new one, without which it carries nobody else's, must not wait for those.
	sealed bool

	mu      sync.Mutex
	onWay   int
	began   time.Time // the last write
	waiting []*passenger
}

// passenger is a script that waits for the next write.
type passenger struct {
	cmd    *redis.Cmd // a copy, since the caller may not wait to the end
	driver chan []*passenger
	there  chan struct{} // closed when cmd has its answer
}

// DialHook implements redis.Hook.
func (t *together) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (t *together) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook.
func (t *together) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	if t.sealed {
		return next
	}
	return func(ctx context.Context, cmd redis.Cmder) error {
		script, ok := cmd.(*redis.Cmd)
		if !ok || cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		p := t.board(ctx, script)
		if p == nil {
			defer t.back()
			return next(ctx, cmd)
		}
		select {
		case all := <-p.driver:
			t.drive(ctx, all)
		case <-p.there:
		case <-ctx.Done():
			if !t.leave(p) {
				select {
				case all := <-p.driver: // the others count on it
					t.drive(ctx, all)
				default:
				}
			}
			script.SetErr(ctx.Err())
			return ctx.Err()
		}
		script.SetVal(p.cmd.Val())
		script.SetErr(p.cmd.Err())
		return p.cmd.Err()
	}
}

// board lets a script go by itself, which gives nil, or has it wait; then one that finds the last write late drives at once.
func (t *together) board(ctx context.Context, script *redis.Cmd) *passenger {
	t.mu.Lock()
	defer t.mu.Unlock()
	free := t.onWay == 0 || time.Since(t.began) > apart
	if free && len(t.waiting) == 0 {
		t.onWay++
		t.began = time.Now()
		return nil
	}
	p := &passenger{redis.NewCmd(ctx, script.Args()...), make(chan []*passenger, 1), make(chan struct{})}
	t.waiting = append(t.waiting, p)
	if free {
		t.next()
	}
	return p
}

// next has the first of those that wait drive.
func (t *together) next() {
	n := min(len(t.waiting), mostTogether)
	all := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	t.onWay++
	t.began = time.Now()
	all[0].driver <- all
}

// leave takes p off those that wait; false if it is on its way, or to drive.
func (t *together) leave(p *passenger) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, p)
	if i < 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return true
}

// drive sends all, whatever becomes of ctx: it is one caller's, and the others wait.
func (t *together) drive(ctx context.Context, all []*passenger) {
	defer t.back()
	cmds := make([]redis.Cmder, len(all))
	for i, p := range all {
		cmds[i] = p.cmd
	}
	_ = t.pipe(context.WithoutCancel(ctx), cmds) // each has it
	for _, p := range all {
		close(p.there)
	}
}

// back says that a write has its answers.
func (t *together) back() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onWay--
	if t.onWay == 0 && len(t.waiting) > 0 {
		t.next()
	}
}
