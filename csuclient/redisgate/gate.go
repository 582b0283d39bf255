// Package redisgate keeps the fleet's budget of a CSU in Redis: the go-redis adapter of csuclient.Pace.
//
// The arithmetic is one Lua script over one hash; times are the server's, so the processes' clocks need not agree.
//
// Concurrency: one Gate for the process. Errors: the client's; nothing is known of the outcome then, and nothing depends on it: a
// refusal that was not heard is heard at the next one.
package redisgate

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed gate.lua
var gateText string

var gateScript = redis.NewScript(gateText)

// Scripts names the script by the hash Redis knows it by, for metrics.
func Scripts() map[string]string { return map[string]string{gateScript.Hash(): "gate"} }

// Gate is the adapter.
type Gate struct {
	client redis.UniversalClient
	key    string
	by     string

	mu    sync.Mutex
	asked map[string]int64 // by lane: questions that were answered
}

var _ csuclient.Pace = (*Gate)(nil)

// New makes the gate of the CSU that the keys belong to. by names the process: a probe is known by it.
func New(client redis.UniversalClient, keys rediskey.Keys, by string) *Gate {
	return &Gate{client: client, key: keys.Gate(), by: by, asked: map[string]int64{}}
}

type request struct {
	Op     string  `json:"op"`
	By     string  `json:"by,omitempty"`
	Lane   string  `json:"lane,omitempty"`
	Weight int     `json:"weight,omitempty"`
	N      int     `json:"n,omitempty"`
	Rev    int64   `json:"rev"`
	Rate   float64 `json:"rate"`
	Told   bool    `json:"told,omitempty"`
	Wait   int64   `json:"wait"`
	More   float64 `json:"more"`
	Probe  bool    `json:"probe,omitempty"`
	Served bool    `json:"served,omitempty"`
	For    int64   `json:"for,omitempty"`
}

type answer struct {
	Rev     int64     `json:"rev"`
	Paced   bool      `json:"paced"`
	Rate    float64   `json:"rate"`
	Shut    bool      `json:"shut"`
	Closed  float64   `json:"closed"`
	Moments []float64 `json:"moments"`
	Probe   bool      `json:"probe"`
	Again   float64   `json:"again"`

	Limit    float64 `json:"limit"`
	LimitFor float64 `json:"limitfor"`
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

func (a answer) state() csuclient.PaceState {
	return csuclient.PaceState{Rev: a.Rev, Paced: a.Paced, Rate: a.Rate, Shut: a.Shut, Until: ms(a.Closed)}
}

func (g *Gate) ask(ctx context.Context, r request) (answer, error) {
	args, err := json.Marshal(r)
	if err != nil {
		return answer{}, fmt.Errorf("encode %s: %w", r.Op, err)
	}
	text, err := gateScript.Run(ctx, g.client, []string{g.key}, args).Text()
	if err != nil {
		return answer{}, fmt.Errorf("gate: %s: %w", r.Op, err)
	}
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return answer{}, fmt.Errorf("gate: read the answer: %w", err)
	}
	return a, nil
}

// name is what the lane's next probe is known by. It stays the same until an answer came: a probe that was granted in an answer
// that was lost is granted again.
func (g *Gate) name(lane string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.by + "/" + lane + strconv.FormatInt(g.asked[lane], 36)
}

func (g *Gate) answered(lane string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[lane]++
}

// Take implements csuclient.Pace.
func (g *Gate) Take(ctx context.Context, lane string, weight, n int) (csuclient.Moments, error) {
	by := g.name(lane)
	a, err := g.ask(ctx, request{Op: "take", By: by, Lane: lane, Weight: weight, N: n})
	if err != nil {
		return csuclient.Moments{}, err
	}
	g.answered(lane)
	m := csuclient.Moments{PaceState: a.state(), Again: ms(a.Again)}
	if a.Probe {
		m.Probe = by
	}
	for _, after := range a.Moments {
		m.After = append(m.After, ms(after))
	}
	return m, nil
}

// Refused implements csuclient.Pace.
func (g *Gate) Refused(ctx context.Context, r csuclient.Refusal) (csuclient.PaceState, error) {
	a, err := g.ask(ctx, request{Op: "refused", Probe: r.Probe, Told: r.Told && r.Wait > 0, Wait: r.Wait.Milliseconds(), More: rand.Float64(),
		Rev: r.Rev, Rate: r.Rate})
	return a.state(), err
}

// Probed implements csuclient.Pace.
func (g *Gate) Probed(ctx context.Context, probe string, rev int64, served bool) (csuclient.PaceState, error) {
	a, err := g.ask(ctx, request{Op: "probed", By: probe, Rev: rev, Served: served})
	return a.state(), err
}

// Look implements csuclient.Pace.
func (g *Gate) Look(ctx context.Context) (csuclient.PaceState, error) {
	a, err := g.ask(ctx, request{Op: "look"})
	return a.state(), err
}

// Standing is how the gate stands, for a person.
type Standing struct {
	csuclient.PaceState
	Limit    float64       // calls a second that an operator allows; 0: no limit of his
	LimitFor time.Duration // and for how long yet
}

// Show says how the gate stands.
func (g *Gate) Show(ctx context.Context) (Standing, error) {
	a, err := g.ask(ctx, request{Op: "look"})
	return a.standing(), err
}

func (a answer) standing() Standing {
	return Standing{PaceState: a.state(), Limit: a.Limit, LimitFor: ms(a.LimitFor)}
}

// Limit is an operator's: no more than so many calls a second, for so long. A rate of 0 takes it back.
func (g *Gate) Limit(ctx context.Context, rate float64, lasts time.Duration) (Standing, error) {
	a, err := g.ask(ctx, request{Op: "limit", Rate: rate, For: lasts.Milliseconds()})
	return a.standing(), err
}
