// Package redisaudit keeps the last entries of the audit in Redis, and puts the operators of a fleet in one order: the go-redis adapter
// of audit.Store.
//
// Concurrency: safe. Errors: the client's; an Append of which nothing is known may be made again.
package redisaudit

import (
	"cmp"
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed append.lua
var appendText string

var appendScript = redis.NewScript(appendText)

// Store is the adapter.
type Store struct {
	client redis.UniversalClient
	key    string
}

var _ audit.Store = (*Store)(nil)

// New makes the store of the CSU that the keys belong to.
func New(client redis.UniversalClient, keys rediskey.Keys) *Store {
	return &Store{client, keys.Audit()}
}

const headField = "head"

func (h headText) text() string { return strconv.FormatInt(h.Number, 10) + "|" + h.Hash }

type headText audit.Head

// Read implements audit.Store.
func (s *Store) Read(ctx context.Context) ([]audit.Entry, *audit.Head, error) {
	all, err := s.client.HGetAll(ctx, s.key).Result()
	if err != nil {
		return nil, nil, fmt.Errorf("read the audit: %w", err)
	}
	var entries []audit.Entry
	var head *audit.Head
	for field, text := range all {
		if field == headField {
			if head, err = headOf(text); err != nil {
				return nil, nil, err
			}
			continue
		}
		var e audit.Entry
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return nil, nil, fmt.Errorf("read the audit: entry %s: %w", field, err)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b audit.Entry) int { return cmp.Compare(a.Number, b.Number) })
	return entries, head, nil
}

// Head implements audit.Store.
func (s *Store) Head(ctx context.Context) (*audit.Head, error) {
	text, err := s.client.HGet(ctx, s.key, headField).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	return headOf(text)
}

func headOf(text string) (*audit.Head, error) {
	number, hash, _ := strings.Cut(text, "|")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read the audit: its head is no number: %w", err)
	}
	return &audit.Head{Number: n, Hash: hash}, nil
}

// Append implements audit.Store.
func (s *Store) Append(ctx context.Context, behind *audit.Head, e audit.Entry) (bool, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return false, fmt.Errorf("encode an entry: %w", err)
	}
	before := ""
	if behind != nil {
		before = headText(*behind).text()
	}
	done, err := appendScript.Run(ctx, s.client, []string{s.key}, before, e.Number, e.Hash, text, audit.Kept).Bool()
	if err != nil {
		return false, fmt.Errorf("write the audit: %w", err)
	}
	return done, nil
}
