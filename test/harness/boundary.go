package harness

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
	"github.com/signalbox/signalbox/worker"
)

// ErrDead is what every call of a process gets once it was stopped.
var ErrDead = errors.New("harness: the process is dead")

// Boundaries counts the places between two effects that a process passes: before and after each call for a message, each
// send, each claim, save and release, and each CSU call. At one of them it does something to the process.
type Boundaries struct {
	At     int             // which one, counted from 1; 0: nowhere
	AtName string          // or the first of that name
	Do     func(at string) // called at that boundary, once

	mu   sync.Mutex
	seen []string      // the names of those passed
	done bool          // Do was called
	dead bool          // every call fails, as if the process were gone
	ice  chan struct{} // closed by Thaw; nil: not frozen
	soon []appointment
}

// appointment is something to do at a boundary.
type appointment struct {
	at int
	do func()
}

// In does something when so many more boundaries are passed.
func (b *Boundaries) In(n int, do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.soon = append(b.soon, appointment{len(b.seen) + n, do})
}

// Forget does nothing more of what was to be done at boundaries (In).
func (b *Boundaries) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.soon = nil
}

// due takes out what is to be done at this boundary. The caller holds the lock.
func (b *Boundaries) due() (now []appointment) {
	b.soon = slices.DeleteFunc(b.soon, func(a appointment) bool {
		if a.at > len(b.seen) {
			return false
		}
		now = append(now, a)
		return true
	})
	return now
}

// Die makes every further call of the process fail.
func (b *Boundaries) Die() {
	b.mu.Lock()
	b.dead = true
	b.mu.Unlock()
	b.Thaw()
}

// Freeze makes every further call of the process wait, before it is made or with its answer in hand, until Thaw.
func (b *Boundaries) Freeze() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ice == nil {
		b.ice = make(chan struct{})
	}
}

// Thaw lets calls go on. Clocks have gone on meanwhile.
func (b *Boundaries) Thaw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ice != nil {
		close(b.ice)
		b.ice = nil
	}
}

// lives waits while the process is frozen and says whether it is dead.
func (b *Boundaries) lives() error {
	for {
		b.mu.Lock()
		ice, dead := b.ice, b.dead
		b.mu.Unlock()
		switch {
		case dead:
			return ErrDead
		case ice == nil:
			return nil
		}
		<-ice
	}
}

// Passed is how many boundaries were passed, and the last one's name.
func (b *Boundaries) Passed() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.seen...)
}

// cross passes one boundary.
func (b *Boundaries) cross(name string) error {
	if err := b.lives(); err != nil {
		return err
	}
	b.mu.Lock()
	b.seen = append(b.seen, name)
	here := !b.done && (len(b.seen) == b.At || name == b.AtName)
	b.done = b.done || here
	now := b.due()
	b.mu.Unlock()
	for _, a := range now {
		a.do()
	}
	if here && b.Do != nil {
		b.Do(name)
	}
	return b.lives()
}

// around makes a call between two boundaries. After a death its answer is lost.
func around[T any](b *Boundaries, name string, call func() (T, error)) (T, error) {
	var zero T
	if err := b.cross("before " + name); err != nil {
		return zero, err
	}
	v, err := call()
	if dead := b.cross("after " + name); dead != nil {
		return zero, dead
	}
	return v, err
}

// Parts puts the boundaries into a process.
func (b *Boundaries) Parts(p app.Parts) app.Parts {
	p.WrapCSU = func(next http.RoundTripper) http.RoundTripper { return boundTransport{b, next} }
	p.RedisHooks = append(p.RedisHooks, boundRedis{b, redisstore.Scripts()})
	p.WrapQueue = func(q worker.Queue) worker.Queue { return boundQueue{q, b} }
	p.WrapOutbox = func(o worker.Outbox) worker.Outbox { return boundOutbox{o, b} }
	p.WrapSink = func(name string, s sinks.Sink) sinks.Sink { return boundSink{s, name, b} }
	return p
}

type boundTransport struct {
	b    *Boundaries
	next http.RoundTripper
}

func (t boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return around(t.b, "csu "+r.Method+" "+r.URL.Path, func() (*http.Response, error) { return t.next.RoundTrip(r) })
}

type boundRedis struct {
	b       *Boundaries
	scripts map[string]string
}

func (h boundRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook bounds the scripts that take and give claims. A renewal is no boundary: it comes by the clock.
func (h boundRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		name := ""
		if args := cmd.Args(); len(args) > 1 {
			if hash, ok := args[1].(string); ok && cmd.Name() == "evalsha" {
				name = h.scripts[hash]
			}
		}
		if name != "claim" && name != "save" && name != "release" {
			if err := h.b.lives(); err != nil {
				cmd.SetErr(err)
				return err
			}
			return next(ctx, cmd)
		}
		_, err := around(h.b, "redis "+name, func() (struct{}, error) { return struct{}{}, next(ctx, cmd) })
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

func (h boundRedis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

type boundQueue struct {
	worker.Queue
	b *Boundaries
}

func (q boundQueue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	if err := q.b.lives(); err != nil {
		<-ctx.Done()
		return nil, err
	}
	got, err := q.Queue.Receive(ctx, most)
	if len(got) > 0 {
		if dead := q.b.cross("after receive"); dead != nil {
			return nil, dead
		}
	}
	return got, err
}

func (q boundQueue) RenewLock(ctx context.Context, m worker.Message) (time.Time, error) {
	if err := q.b.lives(); err != nil {
		return time.Time{}, err
	}
	return q.Queue.RenewLock(ctx, m)
}

func (q boundQueue) Complete(ctx context.Context, m worker.Message) error {
	_, err := around(q.b, "complete", func() (struct{}, error) { return struct{}{}, q.Queue.Complete(ctx, m) })
	return err
}

func (q boundQueue) Abandon(ctx context.Context, m worker.Message) error {
	_, err := around(q.b, "abandon", func() (struct{}, error) { return struct{}{}, q.Queue.Abandon(ctx, m) })
	return err
}

func (q boundQueue) DeadLetter(ctx context.Context, m worker.Message, reason, description string, properties map[string]any) error {
	_, err := around(q.b, "dead-letter", func() (struct{}, error) {
		return struct{}{}, q.Queue.DeadLetter(ctx, m, reason, description, properties)
	})
	return err
}

type boundOutbox struct {
	worker.Outbox
	b *Boundaries
}

func (o boundOutbox) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	_, err := around(o.b, "send", func() (struct{}, error) { return struct{}{}, o.Outbox.Send(ctx, queue, m, at) })
	return err
}
