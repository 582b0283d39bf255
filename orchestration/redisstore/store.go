// Package redisstore keeps the engine's progress in Redis: the go-redis adapter of orchestration.Store.
//
// Every call is one Lua script and one round trip. Scripts are re-entrant by claim id, so the client must not retry
// commands by itself (MaxRetries: -1) but may be asked again by the engine. Times inside are the server's, in
// milliseconds. Keys: see internal/rediskey.
//
// Concurrency: one Store for the process. Errors: orchestration.ErrNotOurs, mapping.ErrConflict, or the client's, which
// mean that the outcome is not known.
package redisstore

import (
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

//go:embed claim.lua
var claimText string

//go:embed extend.lua
var extendText string

//go:embed save.lua
var saveText string

//go:embed release.lua
var releaseText string

var (
	claimScript   = redis.NewScript(claimText)
	extendScript  = redis.NewScript(extendText)
	saveScript    = redis.NewScript(saveText)
	releaseScript = redis.NewScript(releaseText)
)

// Scripts names the scripts by the hash Redis knows them by, for metrics.
func Scripts() map[string]string {
	return map[string]string{claimScript.Hash(): "claim", extendScript.Hash(): "extend", saveScript.Hash(): "save",
		releaseScript.Hash(): "release", announceScript.Hash(): "announce", epochScript.Hash(): "epoch"}
}

// Options of a Store.
type Options struct {
	Client redis.UniversalClient
	Hasher *keyhash.Hasher
	Epoch  *Epoch        // knows the server and its replicas
	Lease  time.Duration // how long a claim lasts unless renewed
	Window time.Duration // csu.max_execution + csu.search_lag: how long keys stay closed for acting after an unclean end
	Keep   time.Duration // how long runs are remembered; default 14 days
	// Gate is told at every claim how the gate of the CSU stands for the fleet; nil: nobody is.
	Gate func(GateSeen)
}

// GateSeen is how the gate stands. The zero GateSeen: nothing holds calls back.
type GateSeen struct {
	Paced bool  // calls need moments
	Rev   int64 // counts what was taken to heart
	Shut  bool
	Until time.Duration // Shut: until the next probe
	Asked time.Time     // when the claim was sent
}

// Store is the adapter.
type Store struct {
	o Options
}

var _ orchestration.Store = (*Store)(nil)

// New makes a Store over a client that the caller opens and closes.
func New(o Options) *Store {
	if o.Keep == 0 {
		o.Keep = 14 * 24 * time.Hour
	}
	return &Store{o}
}

// Load puts the scripts into the server's cache, so that the first event does not pay for it.
func (s *Store) Load(ctx context.Context) error {
	for _, script := range []*redis.Script{claimScript, extendScript, saveScript, releaseScript, announceScript} {
		if err := script.Load(ctx, s.o.Client).Err(); err != nil {
			return fmt.Errorf("load scripts: %w", err)
		}
	}
	return nil
}

func (s *Store) keys(csu string) rediskey.Keys { return rediskey.New(csu, s.o.Hasher) }

// held lists the keys a claim holds: the run, the entity and the natural keys.
func (s *Store) held(q orchestration.Request) []string {
	k := s.keys(q.CSU)
	return append([]string{k.Run(k.RunID(q.Event.Source, q.Event.ID)), k.Entity(q.Entity)}, s.natural(q)...)
}

// keep is how long a finished run is remembered.
func (s *Store) keep(q orchestration.Request) time.Duration {
	if q.Keep > 0 {
		return q.Keep
	}
	return s.o.Keep
}

func (s *Store) natural(q orchestration.Request) []string {
	k := s.keys(q.CSU)
	out := make([]string, 0, len(q.Keys))
	for _, n := range q.Keys {
		out = append(out, k.Natural(q.Scope, n.Kind, n.Value))
	}
	return out
}

// claimArgs and claimAnswer are what claim.lua reads and returns.
type claimArgs struct {
	Claim       string `json:"claim"`
	Owner       string `json:"owner"`
	Run         string `json:"run"`
	Lease       int64  `json:"lease"`
	Window      int64  `json:"window"`
	TTL         int64  `json:"ttl"`
	Keep        int64  `json:"keep"`
	Generation  int    `json:"gen"`
	Attempt     int    `json:"attempt"`
	Origin      string `json:"origin"`
	Enqueued    int64  `json:"enq"`
	Fingerprint string `json:"fp"`
	State       bool   `json:"state"`
	Version     string `json:"version"`
	Pipeline    int    `json:"pv"`
	Scenario    string `json:"scen"`
	Correlation string `json:"corr"`
	Entity      string `json:"ent"`
	Place       int    `json:"place"`
	Server      string `json:"srv"`
	Job         string `json:"job"`
	Alone       bool   `json:"alone,omitempty"`
	Needs       int    `json:"need,omitempty"`
	Dry         bool   `json:"dry,omitempty"`
}

type claimAnswer struct {
	Answer    orchestration.Answer `json:"answer"`
	Binding   string               `json:"binding"`
	Newer     bool                 `json:"newer"`
	Same      bool                 `json:"same"`
	Ended     string               `json:"ended"`
	Attempt   int                  `json:"attempt"`
	Steps     string               `json:"steps"`
	Learned   string               `json:"learned"`
	Suspect   bool                 `json:"suspect"`
	Forgotten bool                 `json:"forgotten"`
	In        int64                `json:"in"`
	OthersIn  int64                `json:"othersin"`
	Hints     []string             `json:"hints"`
	Needs     []string             `json:"needs"`
	Own       []string             `json:"own"`
	Deaths    int                  `json:"deaths"`
	Crashed   bool                 `json:"crashed"`
	By        string               `json:"by"`
	Key       int                  `json:"key"`
	Until     int64                `json:"til"`
	Place     int                  `json:"place"`
	Epoch     string               `json:"epoch"`
	Gate      *struct {
		Rev    int64   `json:"rev"`
		Shut   bool    `json:"shut"`
		Closed float64 `json:"closed"`
	} `json:"gate"`
}

// Claim takes the run, its entity and its natural keys, all or none.
func (s *Store) Claim(ctx context.Context, q orchestration.Request) (orchestration.Grant, error) {
	return s.claim(ctx, q, false)
}

// Peek says what Claim would answer, by the same script, and writes nothing.
func (s *Store) Peek(ctx context.Context, q orchestration.Request) (orchestration.Grant, error) {
	return s.claim(ctx, q, true)
}

func (s *Store) claim(ctx context.Context, q orchestration.Request, dry bool) (orchestration.Grant, error) {
	k := s.keys(q.CSU)
	a := claimArgs{Claim: q.ClaimID, Owner: q.Owner, Run: k.RunID(q.Event.Source, q.Event.ID), Lease: s.o.Lease.Milliseconds(),
		Window: s.o.Window.Milliseconds(), TTL: s.o.Keep.Milliseconds(), Keep: s.keep(q).Milliseconds(), Dry: dry, Alone: q.Alone, Needs: len(q.Needs), Generation: q.Event.Generation, Attempt: q.Event.Attempt,
		Origin: q.Event.Origin.String(), Fingerprint: q.Fingerprint, State: q.Order == orchestration.State, Version: q.Version,
		Pipeline: q.Pipeline, Scenario: q.Scenario, Correlation: q.Event.CorrelationID, Entity: k.EntityID(q.Entity), Place: q.Place, Job: q.Event.Replay, Server: s.o.Epoch.Server()}
	if !q.Event.Origin.Enqueued.IsZero() {
		a.Enqueued = q.Event.Origin.Enqueued.UnixMilli()
	}
	args, err := json.Marshal(a)
	if err != nil {
		return orchestration.Grant{}, fmt.Errorf("encode claim: %w", err)
	}
	keys := append([]string{k.Run(a.Run), k.EntityNamed(a.Entity), k.MapNamed(a.Entity), k.Correlation(q.Event.CorrelationID), k.Epoch(), k.Waits(), k.Gate(), k.Members()}, s.natural(q)...)
	for _, ref := range q.Needs {
		name := k.EntityID(ref)
		keys = append(keys, k.MapNamed(name), k.Wait(name))
	}
	asked := time.Now()
	text, err := claimScript.Run(ctx, s.o.Client, keys, args).Text()
	if err != nil {
		return orchestration.Grant{}, fmt.Errorf("claim: %w", err)
	}
	var r claimAnswer
	if err := jsontext.Decode([]byte(text), &r); err != nil {
		return orchestration.Grant{}, fmt.Errorf("read the claim's answer: %w", err)
	}
	if !dry {
		s.o.Epoch.heard(r.Epoch)
	}
	if s.o.Gate != nil {
		s.o.Gate(r.gate(asked))
	}
	return r.grant(), nil
}

func (r claimAnswer) gate(asked time.Time) GateSeen {
	if r.Gate == nil {
		return GateSeen{Asked: asked}
	}
	return GateSeen{Asked: asked, Paced: true, Rev: r.Gate.Rev, Shut: r.Gate.Shut, Until: time.Duration(r.Gate.Closed * float64(time.Millisecond))}
}

func (r claimAnswer) grant() orchestration.Grant {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	g := orchestration.Grant{Answer: r.Answer, ActIn: ms(r.In), OthersIn: ms(r.OthersIn), OwnTaint: r.Own, Suspect: r.Suspect,
		Forgotten: r.Forgotten, Learned: json.RawMessage(r.Learned), Attempt: r.Attempt, Binding: r.Binding, Hints: r.Hints, Needs: r.Needs,
		HeldBy: r.By, HeldKey: r.Key, Until: ms(r.Until), Place: r.Place, SameMessage: r.Same, Newer: r.Newer, Ended: r.Ended, Deaths: r.Deaths, Crashed: r.Crashed}
	if r.Steps != "" {
		g.Steps = strings.Split(r.Steps, ",")
	}
	return g
}

// Extend renews the lease of everything the claim holds.
func (s *Store) Extend(ctx context.Context, q orchestration.Request) error {
	n, err := extendScript.Run(ctx, s.o.Client, s.held(q), q.ClaimID, s.o.Lease.Milliseconds()).Int()
	if err != nil {
		return fmt.Errorf("extend the lease: %w", err)
	}
	if n == 0 {
		return orchestration.ErrNotOurs
	}
	return nil
}

type saveArgs struct {
	Claim    string        `json:"claim"`
	Run      string        `json:"run"`
	TTL      int64         `json:"ttl"`
	Keep     int64         `json:"keep"`
	Natural  int           `json:"nat"`
	Step     string        `json:"step"`
	Steps    string        `json:"steps"`
	Learned  string        `json:"learned"`
	Hints    []string      `json:"hints,omitempty"`
	Bindings []saveBinding `json:"bindings,omitempty"`
	State    bool          `json:"state"`
	Version  string        `json:"version"`
	Applied  bool          `json:"applied"`
	EndTaint bool          `json:"endtaint"`
	Finish   bool          `json:"finish"`
	Ended    string        `json:"ended"`
	Dry      bool          `json:"dry,omitempty"`
}

type saveBinding struct {
	ID     string `json:"id"`
	Was    string `json:"was,omitempty"`
	Source string `json:"source"`
	Ref    string `json:"ref"`
	Value  string `json:"value"`
}

// Save writes progress, bindings and learned ids; a finishing save also waits for a replica where there are any, since
// the message is completed on its word.
func (s *Store) Save(ctx context.Context, q orchestration.Request, p orchestration.Progress) error {
	return s.save(ctx, q, p, false)
}

// Fits says whether Save would find the bindings in contradiction to what is there, and writes nothing.
func (s *Store) Fits(ctx context.Context, q orchestration.Request, bindings []mapping.Binding) error {
	return s.save(ctx, q, orchestration.Progress{Bindings: bindings}, true)
}

func (s *Store) save(ctx context.Context, q orchestration.Request, p orchestration.Progress, dry bool) error {
	k := s.keys(q.CSU)
	a := saveArgs{Claim: q.ClaimID, Run: k.RunID(q.Event.Source, q.Event.ID), TTL: s.o.Keep.Milliseconds(), Keep: s.keep(q).Milliseconds(),
		Natural: len(q.Keys), Step: p.Step, Steps: strings.Join(p.Steps, ","), Learned: string(p.Learned), Hints: p.Hints,
		State: q.Order == orchestration.State, Version: q.Version, Applied: p.Applied, EndTaint: p.EndTaint, Finish: p.Finish,
		Ended: "completed", Dry: dry}
	entity := k.EntityID(q.Entity)
	keys := append([]string{k.Run(a.Run), k.EntityNamed(entity), k.MapNamed(entity)}, s.natural(q)...)
	for _, b := range p.Bindings {
		back := k.MapBack(b.Target)
		provisional := back
		if b.Was != "" {
			was := b.Target
			was.ID = b.Was
			provisional = k.MapBack(was)
		}
		name := entity
		if b.Ref != q.Entity {
			name = k.EntityID(b.Ref)
		}
		keys = append(keys, k.MapNamed(name), back, provisional, k.Wait(name))
		a.Bindings = append(a.Bindings, saveBinding{ID: b.Target.ID, Was: b.Was, Source: b.Ref.Source, Ref: name, Value: inClear(b.Ref.ID)})
	}
	if len(p.Bindings) > 0 {
		keys = append(keys, k.Wakes())
	}
	args, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	text, err := s.runSaved(ctx, p.Finish, keys, args)
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	switch text {
	case "ok":
		return nil
	case "lost":
		return orchestration.ErrNotOurs
	}
	if c := conflictOf(text, p.Bindings); c != nil {
		return c
	}
	return fmt.Errorf("save: unknown answer %q", text)
}

// conflictOf reads which binding contradicts what is there; nil if the answer is another one.
func conflictOf(text string, bindings []mapping.Binding) error {
	parts := strings.SplitN(text, "|", 4)
	if len(parts) != 4 || parts[0] != "conflict" {
		return nil
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n < 1 || n > len(bindings) {
		return nil
	}
	c := &mapping.Conflict{Ref: bindings[n-1].Ref, Target: bindings[n-1].Target}
	if parts[1] == "to" {
		c.To = parts[3]
	} else {
		c.By = parts[3]
	}
	return c
}

// inClear is the id as a binding's value: itself if it is not personal by its looks, else nothing.
func inClear(id string) string {
	if mapping.Storable(id) {
		return id
	}
	return ""
}

var errNoReplica = errors.New("no replica has confirmed the finish")

// runSaved runs the save script. WAIT rides behind a finish in the same network round trip.
func (s *Store) runSaved(ctx context.Context, finish bool, keys []string, args []byte) (string, error) {
	if !finish || !s.o.Epoch.Replicas() {
		return saveScript.Run(ctx, s.o.Client, keys, args).Text()
	}
	pipe := s.o.Client.Pipeline()
	saved := pipe.EvalSha(ctx, saveScript.Hash(), keys, args)
	waited := pipe.Do(ctx, "wait", 1, 100)
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return "", err
	}
	if redis.HasErrorPrefix(saved.Err(), "NOSCRIPT") {
		if err := saveScript.Load(ctx, s.o.Client).Err(); err != nil {
			return "", err
		}
		return "", errors.New("scripts were not loaded; asked again")
	}
	if n, err := waited.Int(); err != nil || n == 0 {
		return "", errors.Join(errNoReplica, s.o.Epoch.Refresh(ctx, s.o.Client))
	}
	return saved.Text()
}

// Release gives the claim back without an end.
func (s *Store) Release(ctx context.Context, q orchestration.Request, r orchestration.Released) error {
	k := s.keys(q.CSU)
	window, attempt := "", "0"
	if r.Taint {
		window = fmt.Sprint(s.o.Window.Milliseconds())
	}
	if r.Attempt {
		attempt = "1"
	}
	version := ""
	if q.Order == orchestration.State {
		version = q.Version
	}
	needs, err := s.needs(k, r.Needs)
	if err != nil {
		return err
	}
	held := s.held(q)
	keys := append([]string{held[0], k.Waits(), k.Map(q.Entity)}, held[1:]...)
	n, err := releaseScript.Run(ctx, s.o.Client, keys, q.ClaimID, k.RunID(q.Event.Source, q.Event.ID), r.Step, window, attempt,
		string(r.Cause), r.Wait.Milliseconds(), r.Reason, r.Failed, version, s.o.Keep.Milliseconds(), needs).Int()
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if n == 0 {
		return orchestration.ErrNotOurs
	}
	return nil
}

// needed is what a waiting run's record says of the binding that it waits for.
type needed struct {
	Kind   string `json:"kind"`
	Source string `json:"source"`
	ID     string `json:"id,omitempty"` // empty if it looks personal
	Name   string `json:"name"`         // short name of the reference
}

func (s *Store) needs(k rediskey.Keys, ref *mapping.Ref) (string, error) {
	if ref == nil {
		return "", nil
	}
	text, err := json.Marshal(needed{Kind: ref.Kind, Source: ref.Source, ID: inClear(ref.ID), Name: k.EntityID(*ref)})
	if err != nil {
		return "", fmt.Errorf("encode what is waited for: %w", err)
	}
	return string(text), nil
}
