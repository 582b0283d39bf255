package rediswaiters

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/worker/wake"
)

// Switched is the index of those who wait for a scenario that is on by now. Nobody has to say that it was switched on: each round
// looks at who waits, so it does not matter whether a person did it, its time was over, or the configuration changed.
func (w *Waiters) Switched(scenarios []string, off func(scenario string) bool) wake.Index {
	return switched{w, scenarios, off}
}

type switched struct {
	w         *Waiters
	scenarios []string
	off       func(string) bool
}

// Each implements wake.Index.
func (s switched) Each(ctx context.Context, use func([]wake.Waiter) []wake.Waiter) error {
	var on []string
	for _, name := range s.scenarios {
		if !s.off(name) {
			on = append(on, name)
		}
	}
	waiting, err := s.w.Off(ctx, on)
	if err != nil {
		return err
	}
	for _, name := range on {
		if waiting[name] == 0 {
			continue
		}
		if _, err := s.w.drain(ctx, []string{s.w.keys.Off(name)}, use); err != nil {
			return err
		}
	}
	return nil
}

// Off counts the events that wait for each of these scenarios to be on.
func (w *Waiters) Off(ctx context.Context, scenarios []string) (map[string]int, error) {
	if len(scenarios) == 0 {
		return nil, nil
	}
	counts := make([]*redis.IntCmd, len(scenarios))
	if _, err := w.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range scenarios {
			counts[i] = p.HLen(ctx, w.keys.Off(name))
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("count who waits for a scenario: %w", err)
	}
	all := map[string]int{}
	for i, name := range scenarios {
		all[name] = int(counts[i].Val())
	}
	return all, nil
}
