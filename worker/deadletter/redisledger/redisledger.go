// Package redisledger keeps what operators did about dead letters in Redis, and which stub is one: the go-redis adapter of deadletter.Ledger,
// deadletter.Jobs and worker.Stubs. A removal is a field of its queue's hash, so that the whole of a queue is one key; it holds no personal data:
// numbers, times, a job's id and a keyed hash.
//
// Concurrency: one Ledger for the process. Errors: the client's.
package redisledger

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/worker/deadletter"
)

//go:embed note.lua
var noteText string

var noteScript = redis.NewScript(noteText)

// Scripts names the script by the hash Redis knows it by, for metrics.
func Scripts() map[string]string { return map[string]string{noteScript.Hash(): "note"} }

// keep is how long removals and jobs are remembered after the last change: as long as runs are by default, since a replay that
// is repeated after that is not recognised by its run either.
const keep = 14 * 24 * time.Hour

// Ledger is the adapter, for the dead letters of one CSU's queues.
type Ledger struct {
	client redis.UniversalClient
	keys   rediskey.Keys
}

var (
	_ deadletter.Ledger = (*Ledger)(nil)
	_ deadletter.Jobs   = (*Ledger)(nil)
)

// New makes a Ledger over a client that the caller opens and closes.
func New(client redis.UniversalClient, keys rediskey.Keys) *Ledger { return &Ledger{client, keys} }

// Note implements deadletter.Ledger.
func (l *Ledger) Note(ctx context.Context, queue string, r deadletter.Removal) error {
	text := strings.Join([]string{r.Mark, string(r.Action), r.Job, strconv.FormatInt(r.At.UnixMilli(), 10)}, "|")
	err := noteScript.Run(ctx, l.client, []string{l.keys.Removals(queue), l.keys.Job(r.Job)}, r.Sequence, text, keep.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("note a removal: %w", err)
	}
	return nil
}

// Noted implements deadletter.Ledger.
func (l *Ledger) Noted(ctx context.Context, queue string, sequences []int64) (map[int64]deadletter.Removal, error) {
	if len(sequences) == 0 {
		return nil, nil
	}
	got, err := l.client.HMGet(ctx, l.keys.Removals(queue), fields(sequences)...).Result()
	if err != nil {
		return nil, fmt.Errorf("read removals: %w", err)
	}
	out := map[int64]deadletter.Removal{}
	for i, v := range got {
		if text, ok := v.(string); ok {
			if r, ok := removal(sequences[i], text); ok {
				out[sequences[i]] = r
			}
		}
	}
	return out, nil
}

// Pending implements deadletter.Ledger.
func (l *Ledger) Pending(ctx context.Context, queue string) ([]deadletter.Removal, error) {
	all, err := l.client.HGetAll(ctx, l.keys.Removals(queue)).Result()
	if err != nil {
		return nil, fmt.Errorf("read removals: %w", err)
	}
	out := make([]deadletter.Removal, 0, len(all))
	for field, text := range all {
		sequence, err := strconv.ParseInt(field, 10, 64)
		if r, ok := removal(sequence, text); ok && err == nil {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b deadletter.Removal) int { return int(a.Sequence - b.Sequence) })
	return out, nil
}

// Done implements deadletter.Ledger.
func (l *Ledger) Done(ctx context.Context, queue string, sequences []int64) error {
	if len(sequences) == 0 {
		return nil
	}
	if err := l.client.HDel(ctx, l.keys.Removals(queue), fields(sequences)...).Err(); err != nil {
		return fmt.Errorf("forget removals: %w", err)
	}
	return nil
}

// First implements worker.Stubs.
func (l *Ledger) First(ctx context.Context, id, which string) (bool, error) {
	first, err := l.client.SetArgs(ctx, l.keys.Stub(id), which, redis.SetArgs{Mode: "NX", TTL: keep}).Result()
	if first == "OK" {
		return true, nil
	}
	if err == nil || errors.Is(err, redis.Nil) { // another was, or this one, before
		first, err = l.client.Get(ctx, l.keys.Stub(id)).Result()
	}
	if err != nil {
		return false, fmt.Errorf("ask for the first stub: %w", err)
	}
	return first == which, nil
}

func fields(sequences []int64) []string {
	out := make([]string, len(sequences))
	for i, n := range sequences {
		out[i] = strconv.FormatInt(n, 10)
	}
	return out
}

// removal reads mark|action|job|time.
func removal(sequence int64, text string) (deadletter.Removal, bool) {
	part := strings.Split(text, "|")
	if len(part) != 4 {
		return deadletter.Removal{}, false
	}
	at, err := strconv.ParseInt(part[3], 10, 64)
	return deadletter.Removal{Sequence: sequence, Mark: part[0], Action: deadletter.Action(part[1]), Job: part[2], At: time.UnixMilli(at).UTC()}, err == nil
}

// Put implements deadletter.Jobs. What is done is not written: the ledger counts it.
func (l *Ledger) Put(ctx context.Context, j deadletter.Job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encode a job: %w", err)
	}
	_, err = l.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, l.keys.Job(j.ID), "job", text)
		p.PExpire(ctx, l.keys.Job(j.ID), keep)
		p.ZAdd(ctx, l.keys.Jobs(), redis.Z{Score: float64(j.Began.UnixMilli()), Member: j.ID})
		p.PExpire(ctx, l.keys.Jobs(), keep)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep a job: %w", err)
	}
	return nil
}

// Get implements deadletter.Jobs.
func (l *Ledger) Get(ctx context.Context, id string) (deadletter.Job, bool, error) {
	h, err := l.client.HGetAll(ctx, l.keys.Job(id)).Result()
	if err != nil {
		return deadletter.Job{}, false, fmt.Errorf("read a job: %w", err)
	}
	if h["job"] == "" {
		return deadletter.Job{}, false, nil
	}
	var j deadletter.Job
	if err := json.Unmarshal([]byte(h["job"]), &j); err != nil {
		return j, false, errors.New("read a job: its record cannot be read")
	}
	j.Count.Done, _ = strconv.Atoi(h["done"]) // none yet
	return j, true, nil
}

// List implements deadletter.Jobs.
func (l *Ledger) List(ctx context.Context) ([]deadletter.Job, error) {
	ids, err := l.client.ZRevRange(ctx, l.keys.Jobs(), 0, 999).Result()
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	var out []deadletter.Job
	for _, id := range ids {
		j, found, err := l.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, j)
		}
	}
	return out, nil
}
