// Package rediscircuit keeps the fleet's open circuits in Redis: the go-redis adapter of csuclient.CircuitStore.
//
// One Lua script over one hash, which is not there while every circuit is closed; times are the server's, so the processes' clocks
// need not agree.
//
// Concurrency: one Circuits for the process. Errors: the client's; nothing is known of the outcome then, and each call may be made
// again.
package rediscircuit

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed circuit.lua
var circuitText string

var circuitScript = redis.NewScript(circuitText)

// Scripts names the script by the hash Redis knows it by, for metrics.
func Scripts() map[string]string { return map[string]string{circuitScript.Hash(): "circuit"} }

// Circuits is the adapter.
type Circuits struct {
	client redis.UniversalClient
	key    string
	by     string
	every  time.Duration
}

var _ csuclient.CircuitStore = (*Circuits)(nil)

// New makes the circuits of the CSU that the keys belong to. by names the process: a probe is known by it. every is the longest pause
// between two probes; the first is a fifteenth of it.
func New(client redis.UniversalClient, keys rediskey.Keys, by string, every time.Duration) *Circuits {
	return &Circuits{client: client, key: keys.Circuits(), by: by, every: every}
}

type request struct {
	Op    string `json:"op"`
	Name  string `json:"name,omitempty"`
	By    string `json:"by,omitempty"`
	Cause string `json:"cause,omitempty"`
	Ended string `json:"ended,omitempty"`
	Most  int64  `json:"most"`
}

type answer struct {
	Open []struct {
		Name    string  `json:"name"`
		Cause   string  `json:"cause"`
		Age     float64 `json:"age"`
		Left    float64 `json:"left"`
		Probing bool    `json:"probing"`
	} `json:"open"`
	Leave  bool   `json:"leave"`
	Turned string `json:"turned"`
}

func (c *Circuits) ask(ctx context.Context, r request) ([]csuclient.Circuit, answer, error) {
	r.Most = c.every.Milliseconds()
	args, err := json.Marshal(r)
	if err != nil {
		return nil, answer{}, fmt.Errorf("encode %s: %w", r.Op, err)
	}
	text, err := circuitScript.Run(ctx, c.client, []string{c.key}, args).Text()
	if err != nil {
		return nil, answer{}, fmt.Errorf("circuits: %s: %w", r.Op, err)
	}
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, answer{}, fmt.Errorf("circuits: read the answer: %w", err)
	}
	ms := func(n float64) time.Duration { return time.Duration(n) * time.Millisecond }
	open := make([]csuclient.Circuit, 0, len(a.Open))
	for _, o := range a.Open {
		open = append(open, csuclient.Circuit{Name: o.Name, Cause: o.Cause, Age: ms(o.Age), Until: ms(o.Left), Probing: o.Probing})
	}
	return open, a, nil
}

// Trip implements csuclient.CircuitStore.
func (c *Circuits) Trip(ctx context.Context, circuit, cause string) ([]csuclient.Circuit, string, error) {
	open, a, err := c.ask(ctx, request{Op: "trip", Name: circuit, Cause: cause})
	return open, a.Turned, err
}

// Ask implements csuclient.CircuitStore. Asked again by the same process, it gives the same leave again: an answer that was lost
// costs nothing.
func (c *Circuits) Ask(ctx context.Context, circuit string) ([]csuclient.Circuit, bool, error) {
	open, a, err := c.ask(ctx, request{Op: "ask", Name: circuit, By: c.by})
	return open, a.Leave, err
}

// Probed implements csuclient.CircuitStore.
func (c *Circuits) Probed(ctx context.Context, circuit string, ended csuclient.ProbeEnd, cause string) ([]csuclient.Circuit, string, error) {
	open, a, err := c.ask(ctx, request{Op: "probed", Name: circuit, By: c.by, Ended: string(ended), Cause: cause})
	return open, a.Turned, err
}

// Look implements csuclient.CircuitStore.
func (c *Circuits) Look(ctx context.Context) ([]csuclient.Circuit, error) {
	open, _, err := c.ask(ctx, request{Op: "look"})
	return open, err
}
