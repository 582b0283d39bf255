package redistable

import (
	"context"
	_ "embed" // the script
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/mapping"
)

//go:embed bind.lua
var bindText string

var bindScript = redis.NewScript(bindText)

// remembered is how long it stays known that a binding was waited for: as long as runs are by default.
const remembered = 14 * 24 * time.Hour

// promotions is how often the record of one binding may have been promoted: once, as a rule.
const promotions = 3

// Bind implements mapping.Storage. All bindings of a call go in one round trip, one script each.
func (t *Table) Bind(ctx context.Context, entries []mapping.Entry, dry bool) ([]mapping.Answer, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if err := bindScript.Load(ctx, t.client).Err(); err != nil {
		return nil, fmt.Errorf("load the script that binds: %w", err)
	}
	answers := make([]mapping.Answer, len(entries))
	open := make([]int, len(entries)) // which entries are not answered yet
	for i := range entries {
		open[i] = i
	}
	targets := make([]mapping.Target, len(entries))
	for i, e := range entries {
		targets[i] = e.Target
	}
	for range promotions {
		onward, err := t.bind(ctx, entries, targets, open, dry, answers)
		if err != nil {
			return nil, err
		}
		if open = onward; len(open) == 0 {
			return answers, nil
		}
	}
	for _, i := range open { // it is being promoted again and again, or in a ring: a defect of the data
		answers[i] = mapping.Answer{Result: mapping.Busy}
	}
	return answers, nil
}

// bind asks for the open entries once. What belongs to a record that goes on under another id is left open for that one.
func (t *Table) bind(ctx context.Context, entries []mapping.Entry, targets []mapping.Target, open []int, dry bool, answers []mapping.Answer) ([]int, error) {
	asked := make([]*redis.Cmd, len(open))
	_, err := t.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n, i := range open {
			e, only := entries[i], "0"
			if dry {
				only = "1"
			}
			name := t.name(e)
			asked[n] = p.EvalSha(ctx, bindScript.Hash(), []string{t.keys.MapNamed(name), t.keys.MapBack(targets[i]), t.keys.EntityNamed(name), t.keys.Wait(name), t.keys.Wakes()},
				targets[i].ID, e.Ref.Source, name, inClear(e.Ref.ID), e.Version, only, remembered.Milliseconds())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	var onward []int
	for n, i := range open {
		pair, err := asked[n].StringSlice()
		if err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("bind: the script's answer cannot be read: %w", err)
		}
		if pair[0] == "promoted" {
			targets[i].ID = pair[1]
			onward = append(onward, i)
			continue
		}
		answers[i] = mapping.Answer{Result: mapping.Result(pair[0]), Is: pair[1]}
	}
	return onward, nil
}

// name is the short name of an entry's reference. It is made anew from an id that is known.
func (t *Table) name(e mapping.Entry) string {
	if e.Ref.ID != "" {
		return t.keys.EntityID(e.Ref)
	}
	return e.Name
}

// inClear is an id as a binding's value: itself if it is not personal by its looks, else nothing.
func inClear(id string) string {
	if mapping.Storable(id) {
		return id
	}
	return ""
}
