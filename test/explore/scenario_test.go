package explore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

var (
	hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))
	keys   = rediskey.New("default", hasher)
)

type changed struct {
	ID    string `json:"id"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

type learned struct {
	Thing   string
	Created bool
}

type run = orchestration.Run[changed, learned]

const (
	eventType = "example.thing.changed.v1"
	schema    = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["id","key","value"]}`
)

// things is the smallest scenario that has everything: two acting steps, a natural key, a search that may lag, a binding.
func (w *worker) things() orchestration.Pipeline[changed, learned] {
	t := w.x.target
	return orchestration.Pipeline[changed, learned]{
		Name: "things", Handles: eventType, Version: 1, Order: orchestration.State, Schema: []byte(schema),
		Entity: func(c changed) (string, string) { return "thing", c.ID },
		Keys:   func(c changed) []orchestration.Key { return []orchestration.Key{{Kind: "key", Value: pii.New(c.Key)}} },
		Steps: []orchestration.Step[changed, learned]{{
			Name: "create-thing", Sure: orchestration.Lagging, Look: w.find,
			Act: func(ctx context.Context, r *run) error {
				r.State.Created = true
				return w.act(ctx, "create", func() { r.State.Thing = t.create(r.Event.ID, r.In.Key, r.In.Value) })
			},
			Note: func(r *run) {
				r.Bind(r.Entity(), r.State.Thing)
				r.Learn(0, r.State.Thing)
			},
		}, {
			Name: "update-thing", When: func(r *run) bool { return !r.State.Created },
			Look: func(_ context.Context, r *run) (same bool, err error) {
				err = w.read("read", func() string {
					is := t.find(r.State.Thing)
					same = is != nil && is.value == r.In.Value
					return is.value
				})
				return same, err
			},
			Act: func(ctx context.Context, r *run) error {
				return w.act(ctx, "update", func() { t.update(r.Event.ID, r.State.Thing, r.In.Value) })
			},
		}},
	}
}

// find looks for the thing: by its binding, by a search, by what was learned under its key.
func (w *worker) find(_ context.Context, r *run) (bool, error) {
	if r.Binding != "" {
		r.State.Thing = r.Binding
		return true, nil
	}
	var ids []string
	err := w.read("search", func() string {
		ids = w.x.target.search(r.In.Key)
		return strings.Join(ids, ",")
	})
	if err != nil || w.x.model.blind {
		return false, err
	}
	if made := r.State.Thing; r.State.Created && len(ids) > 0 && !slices.Contains(ids, made) {
		ids = append(ids, made)
		slices.Sort(ids)
	}
	if len(ids) == 0 && r.Hints[0] != "" {
		ids = []string{r.Hints[0]}
	}
	if len(ids) == 0 {
		return false, nil
	}
	if r.State.Thing != ids[0] {
		r.State = learned{Thing: ids[0]}
	}
	return true, nil
}

// event is a state of a thing, as a source says it.
func event(source, id, thing, value string, version int) orchestration.Event {
	data, _ := json.Marshal(changed{thing, "ana", value})
	return orchestration.Event{Source: source, ID: id, Type: eventType, Time: time.Now().Add(time.Duration(version-60) * time.Second), Data: data,
		Generation: 1, CorrelationID: orchestration.DeriveCorrelationID(source, id)}
}

func entity(ev orchestration.Event) mapping.Ref {
	var c changed
	_ = json.Unmarshal(ev.Data, &c)
	return mapping.Ref{Kind: "thing", Scope: "default/usmf", Source: ev.Source, ID: c.ID}
}
