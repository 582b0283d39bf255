// Package redisfeed keeps what was told of records in Redis: the go-redis adapter of feed.Memory.
//
// A bucket is a hash, small enough for Redis to keep it in one piece of memory (hash-max-listpack-entries, 128 by default) up to half a million
// records a feed.
package redisfeed

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/feed"
)

//go:embed advance.lua
var advanceText string

//go:embed settle.lua
var settleText string

var (
	advanceScript = redis.NewScript(advanceText)
	settleScript  = redis.NewScript(settleText)
)

// Scripts names the scripts by the hash Redis knows them by, for metrics.
func Scripts() map[string]string {
	return map[string]string{advanceScript.Hash(): "advance", settleScript.Hash(): "settle"}
}

// Memory implements feed.Memory over a client that the caller opens and closes.
type Memory struct {
	client redis.UniversalClient
	keys   rediskey.Keys
}

// New makes a Memory of one CSU's feeds.
func New(client redis.UniversalClient, keys rediskey.Keys) *Memory { return &Memory{client, keys} }

// Cursor implements feed.Memory.
func (m *Memory) Cursor(ctx context.Context, f feed.Feed) (string, error) {
	at, err := m.client.Get(ctx, m.keys.Feed(f.Channel, f.Name)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read how far a feed has come: %w", err)
	}
	return at, nil
}

// Advance implements feed.Memory.
func (m *Memory) Advance(ctx context.Context, f feed.Feed, was, to string) error {
	if err := advanceScript.Run(ctx, m.client, []string{m.keys.Feed(f.Channel, f.Name)}, was, to).Err(); err != nil {
		return fmt.Errorf("note how far a feed has come: %w", err)
	}
	return nil
}

// Recall implements feed.Memory.
func (m *Memory) Recall(ctx context.Context, f feed.Feed, ids []string) (map[string]feed.Entry, error) {
	got := make(map[string]*redis.StringCmd, len(ids))
	_, err := m.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range ids {
			got[id] = p.HGet(ctx, m.bucket(f, feed.Bucket(id)), id)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("recall what was told of records: %w", err)
	}
	known := make(map[string]feed.Entry, len(ids))
	for id, cmd := range got {
		switch {
		case cmd.Err() == nil:
			known[id] = entryOf(cmd.Val())
		case !errors.Is(cmd.Err(), redis.Nil):
			return nil, fmt.Errorf("recall what was told of records: %w", cmd.Err())
		}
	}
	return known, nil
}

// keepAfter is how long what was told is remembered of a feed that has ended, since it was told.
const keepAfter = 30 * 24 * time.Hour

// Keep implements feed.Memory.
func (m *Memory) Keep(ctx context.Context, f feed.Feed, entries map[string]feed.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	_, err := m.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for id, e := range entries {
			p.HSet(ctx, m.bucket(f, feed.Bucket(id)), id, textOf(e))
			if !f.Until.IsZero() {
				p.PExpire(ctx, m.bucket(f, feed.Bucket(id)), lifetime(f))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep what was told of records: %w", err)
	}
	return nil
}

func lifetime(f feed.Feed) time.Duration { return max(time.Until(f.Until), 0) + keepAfter }

// Settle implements feed.Memory.
func (m *Memory) Settle(ctx context.Context, f feed.Feed, token string, kept map[string]feed.Entry, gone []string) error {
	buckets := map[string][]any{}
	settle := func(id, digest, text string) {
		b := m.bucket(f, feed.Bucket(id))
		buckets[b] = append(buckets[b], id, digest, text)
	}
	for id, e := range kept {
		digest := e.Digest
		if e.Private() { // it says the same of any list
			digest = ""
		}
		settle(id, digest, textOf(e))
	}
	for _, id := range gone {
		settle(id, "", "")
	}
	lives := ""
	if !f.Until.IsZero() {
		lives = strconv.FormatInt(lifetime(f).Milliseconds(), 10)
	}
	run := func(script func(p redis.Scripter, key string, args ...any)) error {
		_, err := m.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for key, args := range buckets {
				script(p, key, append([]any{token, lives}, args...)...)
			}
			return nil
		})
		return err
	}
	err := run(func(p redis.Scripter, key string, args ...any) { settleScript.EvalSha(ctx, p, []string{key}, args...) })
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // what was done is done: to do it again changes nothing
		err = run(func(p redis.Scripter, key string, args ...any) { settleScript.Eval(ctx, p, []string{key}, args...) })
	}
	if err != nil {
		return fmt.Errorf("settle what was told of records: %w", err)
	}
	return nil
}

// Bucket implements feed.Memory.
func (m *Memory) Bucket(ctx context.Context, f feed.Feed, bucket int) (map[string]feed.Entry, error) {
	got, err := m.client.HGetAll(ctx, m.bucket(f, bucket)).Result()
	if err != nil {
		return nil, fmt.Errorf("read what was told of a bucket of records: %w", err)
	}
	entries := make(map[string]feed.Entry, len(got))
	for id, text := range got {
		entries[id] = entryOf(text)
	}
	return entries, nil
}

// atOnce is how many buckets are read in one round trip.
const atOnce = 128

// Walk implements feed.Memory.
func (m *Memory) Walk(ctx context.Context, f feed.Feed, from, least int) (map[string]feed.Entry, int, error) {
	entries := map[string]feed.Entry{}
	for from < feed.Buckets && len(entries) < least {
		until := min(from+atOnce, feed.Buckets)
		got := make([]*redis.MapStringStringCmd, 0, atOnce)
		_, err := m.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for b := from; b < until; b++ {
				got = append(got, p.HGetAll(ctx, m.bucket(f, b)))
			}
			return nil
		})
		if err != nil {
			return nil, from, fmt.Errorf("walk through what was told of records: %w", err)
		}
		for _, cmd := range got {
			if len(entries) >= least {
				break
			}
			for id, text := range cmd.Val() {
				entries[id] = entryOf(text)
			}
			from++
		}
	}
	return entries, from, nil
}

func (m *Memory) bucket(f feed.Feed, b int) string {
	return m.keys.FeedBucket(f.Channel, f.Name, b)
}

// textOf is an entry as it is stored: digest, mark and note. The token of what is in doubt goes with the digest, behind a question mark.
func textOf(e feed.Entry) string {
	digest := e.Digest
	if e.Doubt != "" {
		digest += "?" + e.Doubt
	}
	return strings.TrimRight(digest+" "+e.Mark+" "+e.Note, " ")
}

func entryOf(text string) (e feed.Entry) {
	e.Digest, text, _ = strings.Cut(text, " ")
	e.Digest, e.Doubt, _ = strings.Cut(e.Digest, "?")
	e.Mark, e.Note, _ = strings.Cut(text, " ")
	return e
}
