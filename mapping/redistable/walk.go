package redistable

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/mapping"
)

var _ mapping.Storage = (*Table)(nil)

// Entry implements mapping.Storage.
func (t *Table) Entry(ctx context.Context, ref mapping.Ref) (mapping.Entry, error) {
	h, err := t.client.HGetAll(ctx, t.keys.Map(ref)).Result()
	if err != nil {
		return mapping.Entry{}, fmt.Errorf("read a binding: %w", err)
	}
	if h["v"] == "" {
		return mapping.Entry{}, mapping.ErrNotBound
	}
	return mapping.Entry{Ref: ref, Name: t.keys.EntityID(ref), Target: mapping.Target{Kind: ref.Kind, Scope: ref.Scope, ID: h["v"]}, Version: h["ver"]}, nil
}

// page is how many keys a SCAN looks at, and so how many records one round trip reads.
const page = 500

// Walk implements mapping.Storage, by SCAN over the records that references are bound to. Memory: some 100 bytes a record.
func (t *Table) Walk(ctx context.Context, places []mapping.Place, use func(mapping.Entry) error) error {
	seen := map[string]struct{}{} // SCAN may give a key twice
	prefix := t.keys.Prefix() + "mapr:"
	for cursor := uint64(0); ; {
		keys, next, err := t.client.Scan(ctx, cursor, prefix+"*", page).Result()
		if err != nil {
			return fmt.Errorf("walk the bindings: %w", err)
		}
		var fresh []string
		for _, key := range keys {
			name := strings.TrimPrefix(key, prefix)
			if _, twice := seen[name]; !twice {
				seen[name] = struct{}{}
				fresh = append(fresh, key)
			}
		}
		if err := t.walk(ctx, fresh, places, use); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// backward is one field of a record's key: a reference that is bound to it.
type backward struct {
	key, source, name, id string
}

// walk hands over what is bound to some records.
func (t *Table) walk(ctx context.Context, keys []string, places []mapping.Place, use func(mapping.Entry) error) error {
	if len(keys) == 0 {
		return nil
	}
	records := make([]*redis.MapStringStringCmd, len(keys))
	if _, err := t.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			records[i] = p.HGetAll(ctx, key)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("walk the bindings: %w", err)
	}
	var found []backward
	for i, r := range records {
		for source, value := range r.Val() {
			if source != promoted && source != replaces {
				name, id, _ := strings.Cut(value, "|")
				found = append(found, backward{keys[i], source, name, id})
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	bindings := make([]*redis.SliceCmd, len(found))
	if _, err := t.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, b := range found {
			bindings[i] = p.HMGet(ctx, t.keys.MapNamed(b.name), "v", "ver")
		}
		return nil
	}); err != nil {
		return fmt.Errorf("walk the bindings: %w", err)
	}
	for i, b := range found {
		values := bindings[i].Val()
		id, _ := values[0].(string)
		version, _ := values[1].(string)
		if id == "" {
			continue // unbound meanwhile, or one direction alone: verifying is not a walk's business
		}
		e := mapping.Entry{Ref: mapping.Ref{Source: b.source, ID: b.id}, Name: b.name, Target: mapping.Target{ID: id}, Version: version}
		if err := t.place(ctx, &e, b, places); err != nil {
			return err
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

// place finds out kind and scope of a binding, which stand in its keys as hashes only: those of the places that make the same
// hash, of the record or of the reference. While a record is promoted it has another key by now, so that one is asked, too.
func (t *Table) place(ctx context.Context, e *mapping.Entry, b backward, places []mapping.Place) error {
	for _, p := range places {
		ref, target := mapping.Ref{Kind: p.Kind, Scope: p.Scope, Source: b.source, ID: b.id}, mapping.Target{Kind: p.Kind, Scope: p.Scope, ID: e.Target.ID}
		if t.keys.MapBack(target) == b.key || b.id != "" && t.keys.EntityID(ref) == b.name {
			e.Ref, e.Target = ref, target
			return nil
		}
	}
	for _, p := range places {
		target := mapping.Target{Kind: p.Kind, Scope: p.Scope, ID: e.Target.ID}
		value, err := t.client.HGet(ctx, t.keys.MapBack(target), b.source).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("walk the bindings: %w", err)
		}
		if name, _, _ := strings.Cut(value, "|"); name == b.name {
			e.Ref.Kind, e.Ref.Scope, e.Target = p.Kind, p.Scope, target
			return nil
		}
	}
	return nil
}
