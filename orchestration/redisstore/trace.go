package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
)

// RunState says what a run is doing.
type RunState string

// The states of a run.
const (
	RunWorking   RunState = "working"   // a process holds its claim
	RunWaiting   RunState = "waiting"   // postponed; see RunTrace.Wait
	RunReleased  RunState = "released"  // given back without a wait: its message comes again
	RunRejected  RunState = "rejected"  // its message is a dead letter; see the last entry of RunTrace.History
	RunAbandoned RunState = "abandoned" // its lease ran out without a release: the next delivery takes it over
	RunDone      RunState = "done"
)

// RunTrace is what the store knows of one run, for a person. It holds no personal data by construction: of the event only
// the hash of its key, of what was learned nothing, else closed lists, numbers and times.
type RunTrace struct {
	Run           string      `json:"run"` // short name: the keyed hash of source and id
	State         RunState    `json:"state"`
	Scenario      string      `json:"scenario"`
	Entity        string      `json:"entity,omitempty"` // short name of the business object: the keyed hash of its reference
	CorrelationID string      `json:"correlation_id"`
	Origin        string      `json:"origin"` // queue/enqueued (ms)/sequence of the message it began with
	Generation    int         `json:"generation"`
	Attempt       int         `json:"attempt"` // attempts used so far
	Steps         []string    `json:"steps"`   // finished; empty once done, when all of them are
	Began         time.Time   `json:"began,omitzero"`
	Ended         time.Time   `json:"ended,omitzero"`
	Outcome       string      `json:"outcome,omitempty"`     // of a done run
	Owner         string      `json:"owner,omitempty"`       // the process that holds the claim, or held it last
	LeaseUntil    time.Time   `json:"lease_until,omitzero"`  // of that claim
	Wait          *RunWait    `json:"wait,omitempty"`        // of a waiting run
	Doubts        []RunDoubt  `json:"doubts,omitempty"`      // writes that got no answer
	Deaths        []RunDeath  `json:"deaths,omitempty"`      // processes that died while they worked on it, since something of it was saved
	History       []RunMoment `json:"history"`               // the last times it was given back, oldest first
	ForgottenAt   time.Time   `json:"forgotten_at,omitzero"` // when the store drops it
	ServerTime    time.Time   `json:"server_time,omitzero"`  // the store's clock, to which the times belong
}

// RunWait is what a postponed run waits for.
type RunWait struct {
	For   string    `json:"for"`            // one of orchestration's causes
	Step  string    `json:"step,omitempty"` // where it stopped
	Until time.Time `json:"until"`
	Needs *RunNeed  `json:"needs,omitempty"` // the binding that it waits for
}

// RunNeed names a binding that a run waits for.
type RunNeed needed

// RunDoubt is a write of which nobody knows whether it took effect.
type RunDoubt struct {
	Step  string    `json:"step,omitempty"` // empty: of whatever the process did when it was lost
	Until time.Time `json:"until"`          // until then it may still take effect
}

// RunMoment is one time a run was given back.
type RunMoment struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step,omitempty"`
	Why    string    `json:"why,omitempty"`    // a cause, or the reason of a dead letter; empty: interrupted
	Failed string    `json:"failed,omitempty"` // what had failed, in codes
}

// Tracer reads runs for a person, without scripts and without an Epoch. Safe for concurrent use.
type Tracer struct {
	client redis.UniversalClient
	keys   rediskey.Keys
}

// NewTracer reads the runs of one CSU over a client that the caller opens and closes.
func NewTracer(client redis.UniversalClient, keys rediskey.Keys) *Tracer {
	return &Tracer{client, keys}
}

// RunName is the short name of an event's run: the keyed hash of source and id.
func (t *Tracer) RunName(source, id string) string { return t.keys.RunID(source, id) }

// MostRuns is how many runs of one correlation are read: a producer may well give one id to all that it sends.
const MostRuns = 1000

// ByCorrelation gives the runs of a correlation, oldest first, at most MostRuns of them; none if the store knows none.
func (t *Tracer) ByCorrelation(ctx context.Context, id string) ([]RunTrace, error) {
	names, err := t.correlated(ctx, t.keys.Correlation(id))
	if err != nil {
		return nil, fmt.Errorf("read the runs of a correlation: %w", err)
	}
	return t.Runs(ctx, names)
}

// ByEvent gives the run of an event; false if the store knows none.
func (t *Tracer) ByEvent(ctx context.Context, source, id string) (RunTrace, bool, error) {
	runs, err := t.Runs(ctx, []string{t.keys.RunID(source, id)})
	if err != nil || len(runs) == 0 {
		return RunTrace{}, false, err
	}
	return runs[0], true, nil
}

// Runs reads runs by their short names, and gives those that the store knows, oldest first.
func (t *Tracer) Runs(ctx context.Context, names []string) ([]RunTrace, error) {
	var runs []RunTrace
	for some := range slices.Chunk(names, 100) {
		got, err := t.read(ctx, some)
		if err != nil {
			return nil, err
		}
		runs = append(runs, got...)
	}
	if err := t.buried(ctx, runs); err != nil {
		return nil, err
	}
	slices.SortStableFunc(runs, func(a, b RunTrace) int { return a.Began.Compare(b.Began) })
	return runs, nil
}

// Generation is the generation that an event's run has reached; 0 if the store knows none.
func (t *Tracer) Generation(ctx context.Context, source, id string) (int, error) {
	r, _, err := t.ByEvent(ctx, source, id)
	return r.Generation, err
}

// Finished says whether an event is done, as far as the store remembers.
func (t *Tracer) Finished(ctx context.Context, source, id string) (bool, error) {
	r, _, err := t.ByEvent(ctx, source, id)
	return r.State == RunDone, err
}

// correlated lists the short names at a correlation's key: text for one run, a set for several.
func (t *Tracer) correlated(ctx context.Context, key string) ([]string, error) {
	var one *redis.StringCmd
	var several *redis.StringSliceCmd
	_, err := t.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		one, several = p.Get(ctx, key), p.SRandMemberN(ctx, key, MostRuns)
		return nil
	})
	switch {
	case one.Err() == nil:
		return []string{one.Val()}, nil
	case several.Err() == nil:
		return several.Val(), nil // empty when there is no such key
	}
	return nil, err
}

// stored is a run as the store has it: a string once it is done, a hash while it lasts.
type stored struct {
	ttl   *redis.DurationCmd
	done  *redis.StringCmd
	lasts *redis.MapStringStringCmd
}

// read gives some runs. One transaction reads both shapes of each, so that none changes from one to the other in between.
func (t *Tracer) read(ctx context.Context, names []string) ([]RunTrace, error) {
	var now *redis.TimeCmd
	found := make([]stored, len(names))
	_, err := t.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		now = p.Time(ctx)
		for i, name := range names {
			key := t.keys.Run(name)
			found[i] = stored{p.PTTL(ctx, key), p.Get(ctx, key), p.HGetAll(ctx, key)}
		}
		return nil
	})
	var runs []RunTrace
	for i, s := range found {
		r := RunTrace{Run: names[i], Steps: []string{}, History: []RunMoment{}}
		switch {
		case s.done.Err() == nil:
			if err := r.fromDone(s.done.Val()); err != nil {
				return nil, err
			}
		case s.lasts.Err() == nil && len(s.lasts.Val()) > 0:
			r.fromHash(s.lasts.Val(), now.Val())
		case errors.Is(s.done.Err(), redis.Nil):
			continue
		default:
			return nil, fmt.Errorf("read a run: %w", err)
		}
		r.ServerTime = now.Val().UTC().Truncate(time.Millisecond)
		if ttl := s.ttl.Val(); ttl > 0 {
			r.ForgottenAt = r.ServerTime.Add(ttl)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// fromDone reads what save.lua leaves of a finished run.
func (r *RunTrace) fromDone(text string) error {
	f := strings.SplitN(text, "|", 12)
	if len(f) < 12 {
		return errors.New("read the record of a finished run: it has another form")
	}
	keyID, _, _ := strings.Cut(f[1], ".")
	entity := f[10]
	if !strings.Contains(entity, ".") {
		entity = keyID + "." + entity
	}
	part := strings.Split(f[2], "/")
	began := number(f[7])
	if len(part) >= 3 {
		began += number(part[len(part)-2])
	}
	r.State, r.Scenario, r.Entity, r.CorrelationID, r.Origin = RunDone, f[5], entity, f[6], f[2]
	r.Generation, r.Attempt, r.Outcome = int(number(f[3])), int(number(f[4])), cmp.Or(f[9], "completed")
	r.Began, r.Ended = moment(began), moment(began+number(f[8]))
	r.remembers(f[11])
	return nil
}

func (r *RunTrace) fromHash(h map[string]string, now time.Time) {
	r.Scenario, r.Entity, r.CorrelationID, r.Origin = h["scen"], h["ent"], h["corr"], h["origin"]
	r.Generation, r.Attempt = int(number(h["gen"])), int(number(h["attempt"]))
	r.Began, r.Owner, r.LeaseUntil = moment(number(h["began"])), h["owner"], moment(number(h["lease"]))
	if h["steps"] != "" {
		r.Steps = strings.Split(h["steps"], ",")
	}
	r.Wait = waitOf(h["wait"])
	if n := (RunNeed{}); r.Wait != nil && json.Unmarshal([]byte(h["needs"]), &n) == nil {
		r.Wait.Needs = &n
	}
	if step, until, ok := strings.Cut(h["t:"+r.Run], "|"); ok { // a taint of its own, as release.lua writes it
		r.Doubts = append(r.Doubts, RunDoubt{Step: step, Until: moment(number(until))})
	}
	r.remembers(h["hist"])
	switch {
	case h["claim"] != "" && r.LeaseUntil.After(now):
		r.State = RunWorking
	case h["claim"] != "":
		r.State = RunAbandoned
	case r.Wait != nil:
		r.State = RunWaiting
	case len(r.History) > 0 && r.History[len(r.History)-1].Why != "": // not a wait, so a reason
		r.State = RunRejected
	default:
		r.State = RunReleased
	}
	r.letGo(h)
}

// WaitsSince is when a waiting run was first given back for what it waits for now, as far as its history goes back.
func (r RunTrace) WaitsSince() time.Time {
	since := r.Began
	for i := len(r.History) - 1; i >= 0 && r.Wait != nil && r.History[i].Why == r.Wait.For; i-- {
		since = r.History[i].At
	}
	return since
}

// Active is when a run that lasts was last worked on, or, if that is later, until when it is claimed or waits.
func (r RunTrace) Active() time.Time {
	last := r.Began
	at := []time.Time{r.LeaseUntil}
	if r.Wait != nil {
		at = append(at, r.Wait.Until)
	}
	if n := len(r.History); n > 0 {
		at = append(at, r.History[n-1].At)
	}
	for _, t := range at {
		if t.After(last) {
			last = t
		}
	}
	return last
}

func (r *RunTrace) remembers(history string) {
	for line := range strings.Lines(history) {
		if m, ok := momentOf(strings.TrimSpace(line)); ok {
			r.History = append(r.History, m)
		}
	}
}

// waitOf reads cause|step|until, as release.lua writes it.
func waitOf(text string) *RunWait {
	part := strings.Split(text, "|")
	if len(part) != 3 {
		return nil
	}
	return &RunWait{For: part[0], Step: part[1], Until: moment(number(part[2]))}
}

// momentOf reads time|step|why or time|step|why|failed, as release.lua writes it.
func momentOf(line string) (RunMoment, bool) {
	part := strings.Split(line, "|")
	if len(part) != 3 && len(part) != 4 {
		return RunMoment{}, false
	}
	m := RunMoment{At: moment(number(part[0])), Step: part[1], Why: part[2]}
	if len(part) == 4 {
		m.Failed = part[3]
	}
	return m, true
}

// number is 0 for what is missing: a run that another version wrote is shown as far as it can be read.
func number(text string) int64 {
	f, err := strconv.ParseFloat(text, 64) // Lua may write a large number as 1.7e+12
	if err != nil {
		return 0
	}
	return int64(f)
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
