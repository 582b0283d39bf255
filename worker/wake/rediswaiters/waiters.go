// Package rediswaiters keeps in Redis who waits for which binding, and who for a scenario that is off: the go-redis adapter of
// worker.Waiters and wake.Index.
//
// For each entity that is waited for there is a hash, with a field for each run: where its parked copy is. Whoever binds an entity
// (save.lua of redisstore, bind.lua of redistable) sees whether it is waited for, and counts it in a sorted set of those to wake; a
// run that is claimed takes itself out (claim.lua). For each scenario that is off there is such a hash, too; it is emptied as soon as
// somebody looks at it and the scenario is on. It is an index: with all of it lost, each copy still comes when it is due.
//
// Concurrency: one Waiters for the process. Errors: the client's.
package rediswaiters

import (
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/wake"
)

//go:embed wait.lua
var waitText string

//go:embed take.lua
var takeText string

//go:embed woken.lua
var wokenText string

//go:embed done.lua
var doneText string

var (
	waitScript  = redis.NewScript(waitText)
	takeScript  = redis.NewScript(takeText)
	wokenScript = redis.NewScript(wokenText)
	doneScript  = redis.NewScript(doneText)
)

// Scripts names the scripts by the hash Redis knows them by, for metrics.
func Scripts() map[string]string {
	return map[string]string{waitScript.Hash(): "wait", takeScript.Hash(): "wake_take", wokenScript.Hash(): "wake_woken", doneScript.Hash(): "wake_done"}
}

const (
	keep  = 14 * 24 * time.Hour // how long waiting is remembered: as long as runs are by default
	taken = 30 * time.Second    // how long whoever took a waiter has it for itself
	page  = 100                 // waiters of one script
)

// Waiters is the adapter, for one CSU.
type Waiters struct {
	client redis.UniversalClient
	keys   rediskey.Keys
}

var (
	_ worker.Waiters = (*Waiters)(nil)
	_ wake.Index     = (*Waiters)(nil)
)

// New makes Waiters over a client that the caller opens and closes.
func New(client redis.UniversalClient, keys rediskey.Keys) *Waiters { return &Waiters{client, keys} }

// record is where a waiter's copy is. take.lua adds the last two.
type record struct {
	Queue     string `json:"queue"`
	Sequence  string `json:"seq"` // text: Lua would round it
	MessageID string `json:"id"`
	Seen      string `json:"seen"`
	Times     int    `json:"times,omitempty"` // how often somebody set out to wake it
	Until     int64  `json:"til,omitempty"`   // until when that one has it for itself
}

// Wait implements worker.Waiters.
func (w *Waiters) Wait(ctx context.Context, ev orchestration.Event, m orchestration.Missing, p orchestration.Parked) (there bool, err error) {
	text, err := json.Marshal(record{Queue: p.Queue, Sequence: fmt.Sprint(p.Sequence), MessageID: p.MessageID, Seen: m.Seen})
	if err != nil {
		return false, fmt.Errorf("encode a waiter: %w", err)
	}
	keys := []string{w.keys.Off(m.Scenario)}
	if m.Scenario == "" {
		keys = []string{w.keys.Wait(w.keys.EntityID(m.Ref)), w.keys.Map(m.Ref)}
	}
	n, err := waitScript.Run(ctx, w.client, keys, w.keys.RunID(ev.Source, ev.ID), m.Seen, text, keep.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("note that an event waits: %w", err)
	}
	return n == 0, nil
}

// Each implements wake.Index.
func (w *Waiters) Each(ctx context.Context, use func([]wake.Waiter) (woken []wake.Waiter)) error {
	bound, err := w.client.ZRangeWithScores(ctx, w.keys.Wakes(), 0, page-1).Result()
	if err != nil {
		return fmt.Errorf("read which bindings were waited for: %w", err)
	}
	for _, z := range bound {
		entity, _ := z.Member.(string)
		all, err := w.drain(ctx, []string{w.keys.Wait(entity), w.keys.MapNamed(entity)}, use)
		if err != nil {
			return err
		}
		if !all {
			continue // they are tried again, when nobody has them for himself
		}
		if err := doneScript.Run(ctx, w.client, []string{w.keys.Wakes()}, entity, int64(z.Score)).Err(); err != nil {
			return fmt.Errorf("forget that a binding was waited for: %w", err)
		}
	}
	return nil
}

// drain wakes all who wait for one binding or scenario, by the keys of take.lua, and says whether it left nobody out.
func (w *Waiters) drain(ctx context.Context, keys []string, use func([]wake.Waiter) []wake.Waiter) (all bool, err error) {
	all = true
	for cursor := uint64(0); ; {
		pairs, next, err := w.client.HScan(ctx, keys[0], cursor, "", page).Result()
		if err != nil {
			return false, fmt.Errorf("read who waits: %w", err)
		}
		var runs []string
		for i := 0; i < len(pairs); i += 2 {
			runs = append(runs, pairs[i])
		}
		some, left, err := w.take(ctx, keys, runs)
		if err != nil {
			return false, err
		}
		woken := use(some)
		for _, one := range woken {
			if err := wokenScript.Run(ctx, w.client, keys[:1], one.Run, one.Token).Err(); err != nil {
				return false, fmt.Errorf("forget who was woken: %w", err)
			}
		}
		all = all && !left && len(woken) == len(some)
		if cursor = next; cursor == 0 {
			return all, nil
		}
	}
}

// take takes those of some runs that are to be woken; left: somebody else has one of them.
func (w *Waiters) take(ctx context.Context, keys []string, runs []string) (some []wake.Waiter, left bool, err error) {
	if len(runs) == 0 {
		return nil, false, nil
	}
	args := []any{taken.Milliseconds()}
	for _, run := range runs {
		args = append(args, run)
	}
	got, err := takeScript.Run(ctx, w.client, keys, args...).StringSlice()
	if err != nil {
		return nil, false, fmt.Errorf("take who waits: %w", err)
	}
	for i, text := range got {
		switch text {
		case "": // it waits for something else, or is gone
			continue
		case "taken":
			left = true
			continue
		}
		var r record
		if json.Unmarshal([]byte(text), &r) != nil {
			continue // another version's: its copy comes when it is due, and the others need not wait for that
		}
		sequence, err := strconv.ParseInt(r.Sequence, 10, 64)
		if err != nil {
			continue
		}
		some = append(some, wake.Waiter{Run: runs[i], Parked: orchestration.Parked{Queue: r.Queue, Sequence: sequence, MessageID: r.MessageID}, Times: r.Times, Token: text})
	}
	return some, left, nil
}
