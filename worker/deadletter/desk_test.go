package deadletter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
	"github.com/signalbox/signalbox/worker/envelope"
)

var hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))

// drawer is a dead-letter queue that behaves: locks, an order, deferral.
type drawer struct {
	mu       sync.Mutex
	letters  []worker.Message
	locked   map[int64]bool
	received int
	fails    map[string]error
}

func newDrawer(letters ...worker.Message) *drawer {
	return &drawer{letters: letters, locked: map[int64]bool{}, fails: map[string]error{}}
}

func (d *drawer) Peek(_ context.Context, from int64, most int) (got []worker.Message, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.letters {
		if m.Sequence >= from && len(got) < most {
			got = append(got, m)
		}
	}
	return got, d.fails["peek"]
}

func (d *drawer) Receive(ctx context.Context, most int) (got []worker.Message, err error) {
	d.mu.Lock()
	for i, m := range d.letters {
		if m.State != worker.Deferred && !d.locked[m.Sequence] && len(got) < most {
			d.locked[m.Sequence] = true
			got = append(got, d.letters[i])
		}
	}
	d.received += len(got)
	d.mu.Unlock()
	if len(got) == 0 {
		<-ctx.Done() // as long as it is told to
	}
	return got, nil
}

func (d *drawer) ReceiveDeferred(_ context.Context, sequences []int64) (got []worker.Message, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range sequences {
		i := slices.IndexFunc(d.letters, func(m worker.Message) bool { return m.Sequence == n })
		if i < 0 || d.letters[i].State != worker.Deferred || d.locked[n] {
			return nil, worker.ErrMessageNotFound
		}
		got = append(got, d.letters[i])
	}
	for _, m := range got {
		d.locked[m.Sequence] = true
	}
	return got, nil
}

func (d *drawer) settle(m worker.Message, op string, do func(i int)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails[op]; err != nil {
		return err
	}
	if !d.locked[m.Sequence] {
		return worker.ErrLockLost
	}
	delete(d.locked, m.Sequence)
	do(slices.IndexFunc(d.letters, func(l worker.Message) bool { return l.Sequence == m.Sequence }))
	return nil
}

func (d *drawer) Complete(_ context.Context, m worker.Message) error {
	return d.settle(m, "complete", func(i int) { d.letters = slices.Delete(d.letters, i, i+1) })
}
func (d *drawer) Abandon(_ context.Context, m worker.Message) error {
	return d.settle(m, "abandon", func(int) {})
}
func (d *drawer) Defer(_ context.Context, m worker.Message) error {
	return d.settle(m, "defer", func(i int) { d.letters[i].State = worker.Deferred })
}

func (d *drawer) sequences() (all []int64) {
	for _, m := range d.letters {
		all = append(all, m.Sequence)
	}
	return all
}

// box is our own queue.
type box struct {
	sent  []worker.Message
	fail  func(n int) error
	after func()
}

func (b *box) Send(_ context.Context, queue string, m worker.Message, at time.Time) error {
	if queue != "replays" || !at.IsZero() {
		return errors.New("not where it should go")
	}
	if b.fail != nil {
		if err := b.fail(len(b.sent)); err != nil {
			return err
		}
	}
	b.sent = append(b.sent, m)
	if b.after != nil {
		b.after()
	}
	return nil
}

type generations map[string]int

func (g generations) Generation(_ context.Context, source, id string) (int, error) {
	return g[source+" "+id], nil
}

// dead is a dead letter of the n-th event.
func dead(n int64, reason string) worker.Message {
	data, _ := json.Marshal(map[string]any{"id": fmt.Sprint(n)})
	parts := envelope.Encode(orchestration.Event{Source: "shop", ID: fmt.Sprintf("e%d", n), Type: "example.thing.changed.v1",
		Time: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Data: data, CorrelationID: orchestration.DeriveCorrelationID("shop", fmt.Sprintf("e%d", n))})
	parts.Properties["DeadLetterReason"], parts.Properties["DeadLetterErrorDescription"] = reason, "no"
	parts.Properties["ours"] = "stays"
	parts.Properties[envelope.PropertyStep] = "create-thing"
	return worker.Message{Queue: "in", ID: fmt.Sprintf("m%d", n), Sequence: n, Enqueued: time.Date(2026, 1, 5, 9, 0, int(n), 0, time.UTC),
		ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body, DeadLetterReason: reason,
		DeadLetterDescription: fmt.Sprintf("the target refused it; status 400, request %d", n), State: worker.Active}
}

func several(n int, reasons ...string) (all []worker.Message) {
	for i := range n {
		all = append(all, dead(int64(i+1), reasons[i%len(reasons)]))
	}
	return all
}

type office struct {
	*deadletter.Desk
	drawer *drawer
	box    *box
	ledger *redisledger.Ledger
	redis  *redis.Client
}

func newOffice(t *testing.T, letters ...worker.Message) *office {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DisableIdentity: true,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() }})
	t.Cleanup(m.Close)
	t.Cleanup(func() { _ = client.Close() })
	ledger := redisledger.New(client, rediskey.New("default", hasher))
	o := &office{drawer: newDrawer(letters...), box: &box{}, ledger: ledger, redis: client}
	o.Desk = &deadletter.Desk{Shelves: []deadletter.Shelf{{Queue: "in", Peek: o.drawer}}, Outbox: o.box, Lane: "replays", Ledger: ledger, Jobs: ledger,
		Runs: generations{}, Hasher: hasher}
	return o
}

func (o *office) sweep(t *testing.T, hold int) deadletter.Swept {
	t.Helper()
	s, err := deadletter.Sweeper{Ledger: o.ledger, Hasher: hasher, Hold: hold, Wait: 10 * time.Millisecond}.Sweep(t.Context(), "in", o.drawer)
	require.NoError(t, err)
	return s
}

func TestAReplayIsTheSameEventInItsNextGeneration(t *testing.T) {
	t.Parallel()
	letter := dead(7, "CsuRejected")
	letter.Properties[envelope.PropertyOrigin] = "in@2026-01-05T08:00:00Z#3"
	letter.Properties[envelope.PropertyGeneration], letter.Properties[envelope.PropertyAttempt] = int64(4), int64(6)
	letter.Properties[envelope.PropertyExpires] = "2026-01-05T08:30:00Z"
	o := newOffice(t, letter)
	o.Shelves[0].Own = true
	o.Runs = generations{"shop e7": 9}
	job, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.Equal(t, deadletter.Count{Done: 1}, job.Count)
	require.Equal(t, deadletter.JobCompleted, job.State)

	sent := o.box.sent[0]
	require.NotEqual(t, "m7", sent.ID, "a message id of its own")
	require.Equal(t, letter.Body, sent.Body)
	require.Equal(t, "stays", sent.Properties["ours"])
	require.NotContains(t, sent.Properties, "DeadLetterReason")
	require.NotContains(t, sent.Properties, "DeadLetterErrorDescription")
	require.NotContains(t, sent.Properties, envelope.PropertyStep)
	require.NotContains(t, sent.Properties, envelope.PropertyExpires, "what expired would expire again")
	ev, err := envelope.Decode(envelope.Parts{ContentType: sent.ContentType, Properties: sent.Properties, Body: sent.Body}, envelope.Arrival{}, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, 10, ev.Generation, "beyond what its run has reached")
	require.Zero(t, ev.Attempt)
	require.Equal(t, int64(3), ev.Origin.Sequence)
	require.Equal(t, job.ID, ev.Replay)
	require.Equal(t, "e7", ev.ID)
}

// Whoever may publish to a source queue may write anything on a message, also what we write on copies.
func TestWhatASenderWroteInOurNameIsNotBelieved(t *testing.T) {
	t.Parallel()
	letter := dead(7, "CsuRejected")
	letter.Properties[envelope.PropertyOrigin] = "in@2026-01-05T08:00:00Z#3"
	letter.Properties[envelope.PropertyGeneration], letter.Properties[envelope.PropertyReplay] = int64(1000), "a job"
	o := newOffice(t, letter)
	job, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.EqualValues(t, 2, o.box.sent[0].Properties[envelope.PropertyGeneration])
	require.Equal(t, "in@2026-01-05T09:00:07Z#7", o.box.sent[0].Properties[envelope.PropertyOrigin])
	require.Equal(t, job.ID, o.box.sent[0].Properties[envelope.PropertyReplay])
}

func TestWhatIsNoEventIsReplayedToo(t *testing.T) {
	t.Parallel()
	letter := dead(7, "Malformed")
	letter.Body = []byte("{")
	o := newOffice(t, letter)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.Equal(t, []byte("{"), o.box.sent[0].Body)
	require.Equal(t, "in@2026-01-05T09:00:07Z#7", o.box.sent[0].Properties[envelope.PropertyOrigin])
}

func TestOnlyTheSelectionIsReplayed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(600, "CsuRejected", "UnknownChannel", "SchemaInvalid")...)
	job, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{Reason: "unknownchannel"}))
	require.NoError(t, err)
	require.Equal(t, 200, job.Count.Done)
	require.Len(t, o.box.sent, 200)
	require.Equal(t, deadletter.Swept{Removed: 200}, o.sweep(t, 1000))
	require.Len(t, o.drawer.letters, 400)
	require.Empty(t, o.drawer.locked, "what was held is given back")
	for _, m := range o.drawer.letters {
		require.NotEqual(t, "UnknownChannel", m.DeadLetterReason)
		require.Equal(t, worker.Active, m.State)
	}
	again, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{Reason: "UnknownChannel"}))
	require.NoError(t, err)
	require.Equal(t, deadletter.Count{}, again.Count)
}

func TestALimitCountsWhatIsDoneAlsoAfterACut(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(600, "CsuRejected")...)
	ctx, kill := context.WithCancel(t.Context())
	o.box.after = func() {
		if len(o.box.sent) == 100 {
			kill()
		}
	}
	job, err := o.Run(ctx, o.NewJob(deadletter.Replayed, deadletter.Selection{Limit: 300}))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, deadletter.JobStopped, job.State)
	require.Equal(t, 100, job.Count.Done, "a copy that was sent is noted, interrupted or not")
	o.sweep(t, 1000)

	o.box.after = nil
	kept, found, err := o.ledger.Get(t.Context(), job.ID)
	require.NoError(t, err)
	require.True(t, found)
	job, err = o.Run(t.Context(), kept)
	require.NoError(t, err)
	require.Equal(t, 300, job.Count.Done)
	require.Len(t, o.box.sent, 300)
}

// A process that dies right after a send leaves a letter that was replayed and is not noted. Replaying it again must be all there
// is to it.
func TestACutBetweenSendingAndNotingRepeatsOneLetter(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(3, "CsuRejected")...)
	o.Ledger = cutting{o.ledger}
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.ErrorIs(t, err, errCut)
	require.Len(t, o.box.sent, 1)
	require.Len(t, o.drawer.letters, 3, "nothing leaves its queue before it is noted")
	require.Equal(t, deadletter.Swept{}, o.sweep(t, 1000))

	o.Ledger = o.ledger
	_, err = o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.Len(t, o.box.sent, 4)
	require.Equal(t, 3, o.sweep(t, 1000).Removed)
}

var errCut = errors.New("cut")

type cutting struct{ deadletter.Ledger }

func (cutting) Note(context.Context, string, deadletter.Removal) error { return errCut }

func TestWhatTheBrokerDoesNotTakeStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(3, "CsuRejected")...)
	first := true
	o.box.fail = func(n int) error {
		if n == 1 && first {
			first = false
			return worker.ErrTooLarge
		}
		return nil
	}
	job, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.ErrorIs(t, err, deadletter.ErrSomeFailed)
	require.Equal(t, deadletter.Count{Done: 2, Failed: 1}, job.Count)
	o.sweep(t, 1000)
	require.Len(t, o.drawer.letters, 1)

	o.box.fail = func(int) error { return worker.ErrUnauthorized }
	_, err = o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.ErrorIs(t, err, worker.ErrUnauthorized)
	require.Len(t, o.drawer.letters, 1)
}

func TestDiscardingSendsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(5, "Malformed")...)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{2, 4}}))
	require.NoError(t, err)
	require.Empty(t, o.box.sent)
	require.Equal(t, 2, o.sweep(t, 1000).Removed)
	require.Equal(t, []int64{1, 3, 5}, o.drawer.sequences())
}

func TestWhatStandsBeforeARemovalIsHeldOrPassed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(500, "CsuRejected")...)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{450}}))
	require.NoError(t, err)
	swept := o.sweep(t, 120)
	require.Equal(t, 1, swept.Removed)
	require.Positive(t, swept.Deferred, "more than it may hold")
	require.Empty(t, o.drawer.locked)
	require.Len(t, o.drawer.letters, 499)

	// What was passed is taken by its number from then on.
	var passed int64
	for _, m := range o.drawer.letters {
		if m.State == worker.Deferred {
			passed = m.Sequence
		}
	}
	o.drawer.received = 0
	_, err = o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{passed}}))
	require.NoError(t, err)
	require.Equal(t, deadletter.Swept{Removed: 1}, o.sweep(t, 120))
	require.Zero(t, o.drawer.received, "the head is not asked")
}

func TestASweepLeavesWhatSomebodyElseHasLocked(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(4, "CsuRejected")...)
	o.drawer.letters[3].State = worker.Deferred
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{}))
	require.NoError(t, err)
	o.drawer.locked[2], o.drawer.locked[4] = true, true
	require.Equal(t, deadletter.Swept{Removed: 2, Left: 2}, o.sweep(t, 1000))
	delete(o.drawer.locked, 2)
	delete(o.drawer.locked, 4)
	require.Equal(t, deadletter.Swept{Removed: 2}, o.sweep(t, 1000))
	require.Empty(t, o.drawer.letters)
}

func TestANumberThatMeansAnotherMessageIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(2, "CsuRejected")...)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{}))
	require.NoError(t, err)
	o.drawer.letters[0].ID = "another" // as after a queue was made anew
	o.drawer.letters = o.drawer.letters[:1]
	require.Equal(t, deadletter.Swept{Gone: 2}, o.sweep(t, 1000))
	require.Len(t, o.drawer.letters, 1)
	pending, err := o.ledger.Pending(t.Context(), "in")
	require.NoError(t, err)
	require.Empty(t, pending)
}

func TestAnEarlyEndGivesBackWhatIsHeld(t *testing.T) {
	t.Parallel()
	o := newOffice(t, several(50, "CsuRejected")...)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{40}}))
	require.NoError(t, err)
	o.drawer.fails["complete"] = worker.ErrConnectionLost
	_, err = deadletter.Sweeper{Ledger: o.ledger, Hasher: hasher, Wait: 10 * time.Millisecond}.Sweep(t.Context(), "in", o.drawer)
	require.ErrorIs(t, err, worker.ErrConnectionLost)
	require.LessOrEqual(t, len(o.drawer.locked), 1, "but for the one that could not be settled")
	require.Len(t, o.drawer.letters, 50)
}

func TestListsSayWhatWasDone(t *testing.T) {
	t.Parallel()
	letters := several(4, "CsuRejected")
	letters[3] = dead(4, "IdConflict")
	o := newOffice(t, letters...)
	_, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{Sequences: []int64{1}}))
	require.NoError(t, err)
	_, err = o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{2}}))
	require.NoError(t, err)
	standing := &deadletter.Standing{Ledger: o.ledger, Runs: finished{"e3": true, "e4": true}, Hasher: hasher}
	got, more, err := deadletter.Find(t.Context(), o.Shelves, deadletter.Selection{}, standing)
	require.NoError(t, err)
	require.False(t, more)
	states := []deadletter.State{}
	for _, l := range got {
		states = append(states, l.State)
	}
	require.Equal(t, []deadletter.State{deadletter.WasReplayed, deadletter.WasDiscarded, deadletter.AlreadyApplied, deadletter.Waiting}, states,
		"of the last one another content was done")
}

type finished map[string]bool

func (f finished) Finished(_ context.Context, _, id string) (bool, error) { return f[id], nil }

func TestJobsAreListedTheNewestFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, several(2, "CsuRejected")...)
		first, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{Sequences: []int64{1}}))
		require.NoError(t, err)
		<-time.After(time.Second)
		second, err := o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Reason: "CsuRejected"}))
		require.NoError(t, err)
		require.Equal(t, deadletter.Count{Done: 1, Skipped: 1}, second.Count)
		jobs, err := o.ledger.List(t.Context())
		require.NoError(t, err)
		require.Len(t, jobs, 2)
		require.Equal(t, second.ID, jobs[0].ID)
		require.Equal(t, first.ID, jobs[1].ID)
		require.Equal(t, "CsuRejected", jobs[0].Selection.Reason)
		require.Equal(t, []string{"in"}, jobs[0].Queues)
		for _, key := range o.redis.Keys(t.Context(), "*").Val() {
			require.Positive(t, o.redis.PTTL(t.Context(), key).Val(), "%s has a lifetime", key)
		}
	})
}

func TestGroupsPutTogetherWhatFailsAlike(t *testing.T) {
	t.Parallel()
	letters := several(9, "CsuRejected", "CsuRejected", "SchemaInvalid")
	letters[0].DeadLetterDescription = "another cause; status 400, request 5"
	o := newOffice(t, letters...)
	groups, err := deadletter.Groups(t.Context(), append(o.Shelves, deadletter.Shelf{Queue: "live", Peek: newDrawer(func() worker.Message {
		m := dead(99, "CsuRejected")
		m.Queue = "live"
		return m
	}())}), deadletter.Selection{})
	require.NoError(t, err)
	require.Len(t, groups, 3)
	require.Equal(t, "CsuRejected", groups[0].Reason)
	require.Equal(t, 6, groups[0].Count, "numbers in a description make no difference")
	require.Equal(t, []string{"in", "live"}, groups[0].Queues)
	require.Equal(t, int64(2), groups[0].Example)
	require.Equal(t, 3, groups[1].Count)
	require.Equal(t, 1, groups[2].Count)
	require.Regexp(t, `^[0-9a-f]{8}$`, groups[0].Fingerprint)

	only, _, err := deadletter.Find(t.Context(), o.Shelves, deadletter.Selection{Group: groups[0].Fingerprint}, nil)
	require.NoError(t, err)
	require.Len(t, only, 5)
}

type planner func(orchestration.Event) orchestration.Plan

func (p planner) Plan(_ context.Context, ev orchestration.Event) orchestration.Plan { return p(ev) }

func TestEachVerdictOfAPlanHasItsWord(t *testing.T) {
	t.Parallel()
	plan := func(v orchestration.Verdict) orchestration.Plan {
		return orchestration.Plan{Outcome: orchestration.Outcome{Verdict: v, Reason: fault.MappingConflict, Detail: "taken", Cause: orchestration.CauseGate, After: time.Minute}}
	}
	acts := plan(orchestration.Completed)
	acts.Steps = []orchestration.PlannedStep{{Name: "create-thing", Will: orchestration.WillAct}}
	for name, tc := range map[string]struct {
		reason  string
		plan    orchestration.Plan
		want    deadletter.Would
		because string
	}{
		"it goes through":                             {"UnknownChannel", acts, deadletter.WouldApply, ""},
		"its effect is found":                         {"CsuRejected", plan(orchestration.Completed), deadletter.WouldApply, ""},
		"the target refused that very act":            {"CsuRejected", acts, deadletter.WouldTry, "refused create-thing"},
		"it was applied":                              {"CsuRejected", plan(orchestration.Duplicate), deadletter.WouldDuplicate, ""},
		"a newer state is applied":                    {"CsuRejected", plan(orchestration.Superseded), deadletter.WouldSupersede, ""},
		"it fails as before":                          {"MappingConflict", plan(orchestration.Rejected), deadletter.WouldFail, "MappingConflict: taken"},
		"it waits, and the operator is told what for": {"CsuRejected", plan(orchestration.Postponed), deadletter.WouldWait, "gate, 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []deadletter.Verdict
			err := deadletter.Foresee(t.Context(), []deadletter.Shelf{{Queue: "in", Peek: newDrawer(dead(1, tc.reason))}}, deadletter.Selection{},
				planner(func(ev orchestration.Event) orchestration.Plan {
					require.Equal(t, 2, ev.Generation, "as a replay")
					require.NotEmpty(t, ev.Replay)
					return tc.plan
				}), 4, 0, func(v deadletter.Verdict) error {
					got = append(got, v)
					return nil
				})
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, tc.want, got[0].Would)
			require.Contains(t, got[0].Because, tc.because)
		})
	}
}

func TestForeseeingIsPacedAndStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		began, n := time.Now(), 0
		err := deadletter.Foresee(t.Context(), []deadletter.Shelf{{Queue: "in", Peek: newDrawer(several(100, "Odd")...)}}, deadletter.Selection{},
			planner(func(orchestration.Event) orchestration.Plan { return orchestration.Plan{} }), 8, 10, func(deadletter.Verdict) error {
				if n++; n == 21 {
					return enough
				}
				return nil
			})
		require.ErrorIs(t, err, enough)
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestALetterIsKnownWithoutTheCardInItsMessageID(t *testing.T) {
	t.Parallel()
	m := dead(1, "Odd")
	m.ID = "4111 1111 1111 1111"
	mark := deadletter.MarkOf(hasher, "in", m)
	m.ID = "5500 0000 0000 0004"
	require.Equal(t, mark, deadletter.MarkOf(hasher, "in", m))
	m.Sequence++
	require.NotEqual(t, mark, deadletter.MarkOf(hasher, "in", m))

	m.Properties["cloudEvents_id"] = "4111111111111111" // of a letter that somebody else dead-lettered
	require.Equal(t, "[masked]", deadletter.Of(m, nil).ID)
}

func TestWhatWasNotKeptIsSkippedAndNoFailure(t *testing.T) {
	t.Parallel()
	stub := dead(1, "CardDataRefused")
	stub.Body, stub.Properties[envelope.PropertyWithheld] = nil, "/card looks like a payment card number"
	o := newOffice(t, stub, dead(2, "CsuRejected"))
	o.Shelves[0].Own = true
	selection := deadletter.Selection{Limit: 1}
	job, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, selection))
	require.NoError(t, err)
	require.Equal(t, deadletter.Count{Done: 1, Skipped: 1, Withheld: 1}, job.Count, "it does not count for a limit")
	require.Len(t, o.box.sent, 1)

	var would []deadletter.Would
	require.NoError(t, deadletter.Foresee(t.Context(), o.Shelves, deadletter.Selection{Sequences: []int64{1}}, nil, 1, 0, func(v deadletter.Verdict) error {
		would = append(would, v.Would)
		require.True(t, v.Event, "source and id are known")
		return nil
	}))
	require.Equal(t, []deadletter.Would{deadletter.WouldSkip}, would)

	o.Shelves[0].Own = false // where anybody may say so, it is a message with a bad body
	foreign, _, err := deadletter.Find(t.Context(), o.Shelves, deadletter.Selection{Sequences: []int64{1}}, nil)
	require.NoError(t, err)
	require.False(t, foreign[0].Withheld)

	o.Shelves[0].Own = true
	job, err = o.Run(t.Context(), o.NewJob(deadletter.Discarded, deadletter.Selection{Sequences: []int64{1}}))
	require.NoError(t, err)
	require.Equal(t, 1, job.Count.Done)
}

func TestAReplayIsPaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, several(21, "CsuRejected")...)
		o.Rate = 10
		began := time.Now()
		_, err := o.Run(t.Context(), o.NewJob(deadletter.Replayed, deadletter.Selection{}))
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}
