// Package redisschedule keeps in Redis what is remembered of schedules: the go-redis adapter of schedule.Memory.
//
// One hash holds a record for each schedule, small JSON: names of the configuration, states and times, nothing of an event's data. It has
// no lifetime, since a schedule may have a tick a year; the leader drops the records of schedules that are gone.
//
// Units: times are kept in milliseconds since the epoch.
// Errors: the client's; of a Write nothing is known of the outcome then. To make it again is safe: it is refused if it was made.
package redisschedule

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

//go:embed write.lua
var writeText string

var writeScript = redis.NewScript(writeText)

// Scripts names the script by the hash Redis knows it by, for metrics.
func Scripts() map[string]string { return map[string]string{writeScript.Hash(): "schedule"} }

// Memory implements schedule.Memory. Safe for concurrent use.
type Memory struct {
	client redis.UniversalClient
	key    string
}

var _ schedule.Memory = (*Memory)(nil)

// New makes the memory of the CSU that the keys belong to.
func New(client redis.UniversalClient, keys rediskey.Keys) *Memory {
	return &Memory{client, keys.Schedules()}
}

// entry is a Record in the store.
type entry struct {
	Version int64  `json:"v"`
	At      int64  `json:"at"`
	Since   int64  `json:"since"`
	Ticks   string `json:"ticks"`
	Tick    int64  `json:"tick,omitempty"`
	Skipped int64  `json:"skipped,omitempty"`
	Event   string `json:"event,omitempty"`
	Sent    int64  `json:"sent,omitempty"`
	State   string `json:"state,omitempty"`
	Ended   int64  `json:"ended,omitempty"`
	Success int64  `json:"success,omitempty"`
}

// Recall implements schedule.Memory.
func (m *Memory) Recall(ctx context.Context, name string) (schedule.Record, error) {
	text, err := m.client.HGet(ctx, m.key, name).Result()
	if errors.Is(err, redis.Nil) {
		return schedule.Record{}, nil
	}
	if err != nil {
		return schedule.Record{}, fmt.Errorf("schedules: recall: %w", err)
	}
	return read(text)
}

// All implements schedule.Memory.
func (m *Memory) All(ctx context.Context) (map[string]schedule.Record, error) {
	texts, err := m.client.HGetAll(ctx, m.key).Result()
	if err != nil {
		return nil, fmt.Errorf("schedules: recall all: %w", err)
	}
	all := map[string]schedule.Record{}
	for name, text := range texts {
		if all[name], err = read(text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Write implements schedule.Memory.
func (m *Memory) Write(ctx context.Context, name string, r schedule.Record) (bool, error) {
	e := entry{Version: r.Version + 1, At: ms(r.At()), Since: ms(r.Since), Ticks: r.Ticks, Tick: ms(r.Tick), Skipped: ms(r.Skipped),
		Event: r.Event, Sent: ms(r.Sent), State: string(r.State), Ended: ms(r.Ended), Success: ms(r.Success)}
	text, _ := json.Marshal(e) // numbers and texts cannot fail to marshal
	n, err := writeScript.Run(ctx, m.client, []string{m.key}, name, r.Version, e.At, text).Int()
	if err != nil {
		return false, fmt.Errorf("schedules: write: %w", err)
	}
	return n == 1, nil
}

// Forget implements schedule.Memory.
func (m *Memory) Forget(ctx context.Context, names ...string) error {
	if err := m.client.HDel(ctx, m.key, names...).Err(); err != nil {
		return fmt.Errorf("schedules: forget: %w", err)
	}
	return nil
}

func read(text string) (schedule.Record, error) {
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return schedule.Record{}, fmt.Errorf("schedules: read a record: %w", err)
	}
	return schedule.Record{Version: e.Version, Since: moment(e.Since), Ticks: e.Ticks, Tick: moment(e.Tick), Skipped: moment(e.Skipped),
		Event: e.Event, Sent: moment(e.Sent), State: schedule.State(e.State), Ended: moment(e.Ended), Success: moment(e.Success)}, nil
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
