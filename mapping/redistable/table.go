// Package redistable keeps bindings in Redis: the go-redis adapter of mapping.Storage. Runs only read here: what they learn is
// written with their progress (package orchestration/redisstore). What an operator binds is written here, by a script that is
// as careful.
//
// Concurrency: one Table for the process. Errors: mapping.ErrNotBound, or the client's.
package redistable

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
)

// Table is the bindings of one CSU.
type Table struct {
	client redis.UniversalClient
	keys   rediskey.Keys
}

// New makes a Table over a client that the caller opens and closes.
func New(client redis.UniversalClient, keys rediskey.Keys) *Table { return &Table{client, keys} }

// Find gives the D365 record that a source's record is bound to.
func (t *Table) Find(ctx context.Context, ref mapping.Ref) (mapping.Target, error) {
	id, err := t.client.HGet(ctx, t.keys.Map(ref), "v").Result()
	switch {
	case errors.Is(err, redis.Nil):
		return mapping.Target{}, mapping.ErrNotBound
	case err != nil:
		return mapping.Target{}, fmt.Errorf("find a binding: %w", err)
	}
	return mapping.Target{Kind: ref.Kind, Scope: ref.Scope, ID: id}, nil
}

// Sources gives the records that are bound to a D365 record, one a source, by source. The ID of a record that looks
// personal is not stored and comes back empty.
func (t *Table) Sources(ctx context.Context, target mapping.Target) ([]mapping.Ref, error) {
	fields, err := t.client.HGetAll(ctx, t.keys.MapBack(target)).Result()
	if err != nil {
		return nil, fmt.Errorf("find what is bound: %w", err)
	}
	if len(fields) == 0 {
		return nil, mapping.ErrNotBound
	}
	if permanent := fields[promoted]; permanent != "" && len(fields) == 1 {
		return t.Sources(ctx, mapping.Target{Kind: target.Kind, Scope: target.Scope, ID: permanent})
	}
	refs := make([]mapping.Ref, 0, len(fields))
	if provisional := fields[replaces]; provisional != "" {
		left, err := t.client.HGetAll(ctx, t.keys.MapBack(mapping.Target{Kind: target.Kind, Scope: target.Scope, ID: provisional})).Result()
		if err != nil {
			return nil, fmt.Errorf("find what is bound provisionally: %w", err)
		}
		for source, value := range left {
			if _, promotedToo := fields[source]; !promotedToo {
				fields[source] = value
			}
		}
	}
	for source, value := range fields {
		if source == promoted || source == replaces {
			continue
		}
		_, id, _ := strings.Cut(value, "|")
		refs = append(refs, mapping.Ref{Kind: target.Kind, Scope: target.Scope, Source: source, ID: id})
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i].Source < refs[j].Source })
	return refs, nil
}

// promoted is the field under which a provisional id names the permanent one; no source is called that.
const promoted = ">"

// replaces is the field under which a permanent id names the provisional one, as long as sources are bound to that still.
const replaces = "<"

// Resolve gives the record that goes on under another id: the permanent one for a provisional id that was promoted lately, else
// the record itself.
func (t *Table) Resolve(ctx context.Context, target mapping.Target) (mapping.Target, error) {
	id, err := t.client.HGet(ctx, t.keys.MapBack(target), promoted).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return target, nil
	case err != nil:
		return target, fmt.Errorf("resolve a provisional id: %w", err)
	}
	target.ID = id
	return target, nil
}

// Count counts the bindings by walking the keyspace: for summaries of small stores and tests, not for a running fleet.
func (t *Table) Count(ctx context.Context) (int, error) {
	n, cursor := 0, uint64(0)
	for {
		keys, next, err := t.client.Scan(ctx, cursor, t.keys.Prefix()+"map:*", 1000).Result()
		if err != nil {
			return 0, fmt.Errorf("count bindings: %w", err)
		}
		for _, key := range keys {
			bound, err := t.client.HExists(ctx, key, "v").Result()
			if err != nil {
				return 0, fmt.Errorf("count bindings: %w", err)
			}
			if bound {
				n++
			}
		}
		if cursor = next; cursor == 0 {
			return n, nil
		}
	}
}
