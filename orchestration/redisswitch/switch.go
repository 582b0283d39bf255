// Package redisswitch keeps in Redis which scenarios an operator has switched off: the go-redis adapter of orchestration.Switches.
//
// One hash holds what was said last of each scenario. Every process asks for it every two seconds and answers from memory; it goes on
// with what it knows while Redis does not answer. What is lost in Redis is written again by whoever remembers it, the newest word
// winning, so a scenario that is off stays off through a wipe or a failover for as long as one process lives. With all of them gone,
// too, it is on; the configuration (scenarios.off) is what outlasts that.
//
// Units: times are the server's, so the processes' clocks need not agree; durations are as Go has them.
// Errors: the client's; of a Set nothing is known of the outcome then, and it may be made again.
// Concurrency: one View for the process, safe for concurrent use.
package redisswitch

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
)

//go:embed switch.lua
var switchText string

var switchScript = redis.NewScript(switchText)

// Scripts names the script by the hash Redis knows it by, for metrics.
func Scripts() map[string]string { return map[string]string{switchScript.Hash(): "switch"} }

// Longest is how long a scenario may be switched off at a time.
const Longest = 7 * 24 * time.Hour

// Said is what an operator said last of a scenario.
type Said struct {
	Off    bool
	By     string // who
	Reason string
	Audit  string        // number of its entry in the audit
	Since  time.Duration // ago
	Left   time.Duration // until it is on again by itself; of one that is on, for how long that is remembered
}

// Word is what an operator says of a scenario.
type Word struct {
	Scenario   string
	Off        bool
	By, Reason string
	Audit      string
	For        time.Duration // of Off: until it is on again by itself; at most Longest
}

// Switches is the hash itself, for the command line and for a View.
type Switches struct {
	client redis.UniversalClient
	key    string
}

// New makes the switches of the CSU that the keys belong to.
func New(client redis.UniversalClient, keys rediskey.Keys) *Switches {
	return &Switches{client, keys.Switch()}
}

// entry is a Said in the store.
type entry struct {
	Off    bool    `json:"off"`
	By     string  `json:"by"`
	Reason string  `json:"reason"`
	Audit  string  `json:"audit"`
	At     float64 `json:"at"`
	Til    float64 `json:"til"`
}

type request struct {
	Op     string           `json:"op"`
	Name   string           `json:"name,omitempty"`
	Off    bool             `json:"off"`
	By     string           `json:"by"`
	Reason string           `json:"reason"`
	Audit  string           `json:"audit"`
	For    int64            `json:"for"`
	Known  map[string]entry `json:"known,omitempty"`
}

type answer struct {
	Now     float64          `json:"now"`
	Entries map[string]entry `json:"entries"`
}

func (s *Switches) ask(ctx context.Context, r request) (answer, error) {
	args, err := json.Marshal(r)
	if err != nil {
		return answer{}, fmt.Errorf("encode %s: %w", r.Op, err)
	}
	text, err := switchScript.Run(ctx, s.client, []string{s.key}, args).Text()
	if err != nil {
		return answer{}, fmt.Errorf("switches: %s: %w", r.Op, err)
	}
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return answer{}, fmt.Errorf("switches: read the answer: %w", err)
	}
	return a, nil
}

// Look says what was said last of each scenario that anything was said of lately.
func (s *Switches) Look(ctx context.Context) (map[string]Said, error) {
	a, err := s.ask(ctx, request{Op: "look"})
	return a.said(), err
}

// Set says something of a scenario, and returns what Look would.
func (s *Switches) Set(ctx context.Context, w Word) (map[string]Said, error) {
	if !w.Off {
		w.For = Longest // for as long as a process may remember that it was off
	}
	a, err := s.ask(ctx, request{Op: "set", Name: w.Scenario, Off: w.Off, By: w.By, Reason: w.Reason, Audit: w.Audit, For: w.For.Milliseconds()})
	return a.said(), err
}

func (a answer) said() map[string]Said {
	all := map[string]Said{}
	for name, e := range a.Entries {
		all[name] = e.said(a.Now)
	}
	return all
}

func (e entry) said(now float64) Said {
	return Said{Off: e.Off, By: e.By, Reason: e.Reason, Audit: e.Audit, Since: ms(now - e.At), Left: ms(e.Til - now)}
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
