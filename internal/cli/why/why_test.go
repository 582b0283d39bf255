package why_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/internal/cli/why"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
)

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return nine.Add(-d) }

// run is a run of the object "ent", as the store saw it at nine.
func run(state redisstore.RunState, change func(*redisstore.RunTrace)) trace.Found {
	r := redisstore.RunTrace{Run: "r1", State: state, Scenario: "customers", Entity: "ent", CorrelationID: "c", Began: ago(time.Hour), Owner: "w1", ServerTime: nine}
	if change != nil {
		change(&r)
	}
	return trace.Found{Runs: []redisstore.RunTrace{r}}
}

func waits(cause string, until time.Time, attempts int, history ...redisstore.RunMoment) func(*redisstore.RunTrace) {
	return func(r *redisstore.RunTrace) {
		r.Wait, r.Attempt, r.History = &redisstore.RunWait{For: cause, Step: "create-account", Until: until}, attempts, history
	}
}

func rejected(reason string) func(*redisstore.RunTrace) {
	return func(r *redisstore.RunTrace) {
		r.History = []redisstore.RunMoment{{At: ago(time.Minute), Step: "create-account", Why: reason, Failed: "Customers.Create 400"}}
	}
}

func with(f trace.Found, change func(*trace.Found)) trace.Found {
	change(&f)
	return f
}

func object(id string, change func(*redisstore.EntityTrace)) func(*trace.Found) {
	return func(f *trace.Found) {
		o := redisstore.EntityTrace{Entity: "ent", D365ID: id, Applied: ago(2 * time.Hour), Checked: nine}
		if change != nil {
			change(&o)
		}
		f.Objects = append(f.Objects, trace.Object{EntityTrace: o, Provisional: id == provisional})
	}
}

func message(change func(*trace.Message)) func(*trace.Found) {
	return func(f *trace.Found) {
		m := trace.Message{Run: "r1", State: worker.Active, Letter: deadletter.Letter{Queue: "in", Sequence: 7, Enqueued: ago(time.Minute), Generation: 1, DeliveryCount: 1}}
		change(&m)
		f.Messages = append(f.Messages, m)
	}
}

func letter(reason, description string) func(*trace.Found) {
	return message(func(m *trace.Message) {
		m.DeadLetter, m.Reason, m.Description, m.Step, m.DeadLettered = true, reason, description, "create-account", ago(time.Minute)
	})
}

const provisional = "8ccc699f-7ad3-5941-9a2a-06e44a00ac02"

// Each way in which it can stand with an event has its sentence.
func TestTheSentence(t *testing.T) {
	t.Parallel()
	failed := redisstore.RunMoment{At: ago(10 * time.Minute), Step: "create-account", Why: "backoff", Failed: "Customers.Create 503"}
	for want, f := range map[string]trace.Found{
		"Done at 2026-11-23T08:59:00Z (1m0s ago) by scenario customers; it is bound to 000123.": with(run(redisstore.RunDone, func(r *redisstore.RunTrace) {
			r.Outcome, r.Ended = "completed", ago(time.Minute)
		}), object("000123", nil)),
		"Done at 2026-11-20T06:00:00Z (3d3h ago) by scenario customers; it is bound to " + provisional + ", which is provisional: it is promoted once headquarters has given the permanent id.": with(run(redisstore.RunDone, func(r *redisstore.RunTrace) {
			r.Outcome, r.Ended = "completed", ago(75*time.Hour)
		}), object(provisional, nil)),
		"Superseded at 2026-11-23T09:00:00Z (now): a newer state of the same object, of 2026-11-23T07:00:00Z, was applied, so nothing is left to do.": with(run(redisstore.RunDone, func(r *redisstore.RunTrace) {
			r.Outcome, r.Ended = "superseded", nine
		}), object("000123", nil)),
		"It is being worked on by w1 after step create-account; the claim is renewed and lasts until 2026-11-23T09:00:10Z (in 10s).": run(redisstore.RunWorking, func(r *redisstore.RunTrace) {
			r.LeaseUntil, r.Steps = nine.Add(10*time.Second), []string{"create-account"}
		}),
		"Its worker w1 has not renewed its claim since 2026-11-23T08:59:00Z (1m0s ago), so it has died or lost Redis; the next delivery takes it over by itself, once the broker's lock on its message has run out.": run(redisstore.RunAbandoned, func(r *redisstore.RunTrace) {
			r.LeaseUntil = ago(time.Minute)
		}),
		"It was given back at 2026-11-23T08:59:00Z (1m0s ago) at step create-account, by a drain or a lost lock; its message comes again by itself (in queue in, number 7).": with(run(redisstore.RunReleased, func(r *redisstore.RunTrace) {
			r.History = []redisstore.RunMoment{{At: ago(time.Minute), Step: "create-account"}}
		}), message(func(*trace.Message) {})),

		"It waits at step create-account since 2026-11-23T08:50:00Z (10m0s ago) for its next attempt, because the last one failed (Customers.Create 503; 2 attempts used), until 2026-11-23T10:30:00Z (in 1h30m); repair what failed; after the last attempt it is a dead letter, AttemptsExhausted.": run(
			redisstore.RunWaiting, waits("backoff", nine.Add(90*time.Minute), 2, redisstore.RunMoment{At: ago(time.Hour), Why: "gate"}, failed, redisstore.RunMoment{At: ago(time.Minute), Why: "backoff", Failed: "Customers.Create 503"})),
		"It waits at step create-account since 2026-11-23T08:00:00Z (1h0m ago) for its turn, because another run holds the same business object (run r9 on w2), until 2026-11-23T09:00:05Z (in 5s); it goes on once that run ends.": with(
			run(redisstore.RunWaiting, waits("held", nine.Add(5*time.Second), 0)), object("", func(o *redisstore.EntityTrace) { o.Holder = &redisstore.Holder{Owner: "w2", Run: "r9"} })),
		"It waits at step create-account since 2026-11-23T08:00:00Z (1h0m ago) for certainty, because an earlier write got no answer and may still take effect (the store lost its memory, or may have, at 2026-11-23T08:58:00Z; of run r9 at step unknown), until 2026-11-23T09:00:30Z (in 30s); it looks again until then and goes on by itself.": with(with(
			run(redisstore.RunWaiting, waits("taint", nine.Add(30*time.Second), 0)), object("", func(o *redisstore.EntityTrace) {
				o.Doubts = []redisstore.HeldDoubt{{Run: "r9", RunDoubt: redisstore.RunDoubt{Until: nine.Add(time.Minute)}}, {Run: "r1", RunDoubt: redisstore.RunDoubt{Step: "own", Until: nine.Add(time.Minute)}}}
			})), func(f *trace.Found) { f.Memory = &redisstore.Memory{Born: ago(2 * time.Minute)} }),
		"It waited at step create-account for headquarters, which the scale unit cannot reach, was due at 2026-11-23T08:30:00Z (30m0s ago), and no worker has taken it up since; see whether workers run, whether their intake is paused, and how much is queued before it: signalbox doctor.": with(
			run(redisstore.RunWaiting, waits("hq", ago(30*time.Minute), 0)), message(func(m *trace.Message) { m.Queue = "own" })),
		"It waited at step create-account for headquarters, which the scale unit cannot reach, was due at 2026-11-23T08:30:00Z (30m0s ago), and no worker has taken it up since and no message of it is in a queue: if that stays so, publish it again; see whether workers run, whether their intake is paused, and how much is queued before it: signalbox doctor.": run(
			redisstore.RunWaiting, waits("hq", ago(30*time.Minute), 0)),

		"It is a dead letter since 2026-11-23T08:59:00Z (1m0s ago), CsuRejected at step create-account: the CSU refused the call for good; the description has its error code (the state is not known; operation Customers.Create); to do: correct the data or the CSU's set-up, then replay or discard it (signalbox deadletter show --queue in 7).": with(
			run(redisstore.RunRejected, rejected("CsuRejected")), letter("CsuRejected", "the state is not known; operation Customers.Create.")),
		"It was rejected at 2026-11-23T08:59:00Z (1m0s ago) (CsuRejected) at step create-account, and has been sent once more since (in queue replay, number 7).": with(with(
			run(redisstore.RunRejected, rejected("CsuRejected")), letter("CsuRejected", "")), message(func(m *trace.Message) { m.Queue, m.Generation = "replay", 2 })),
		"It was rejected at 2026-11-23T08:59:00Z (1m0s ago) (NotPermitted: the CSU refuses this operation to our role) at step create-account, and no dead letter of it was found: somebody took it out; look for it with a greater --depth, or publish it again.": run(
			redisstore.RunRejected, rejected("NotPermitted")),

		"It is a dead letter since 2026-11-23T08:59:00Z, SchemaInvalid at step create-account: the data does not match the type's schema; the description has the JSON pointer (/email is not an address); to do: correct the producer, publish again under a new id (signalbox deadletter show --queue in 7).": with(
			trace.Found{}, letter("SchemaInvalid", "/email is not an address")),
		"It is a dead letter, TTLExpiredException: in metrics: a reason of the broker or of another program; lists show it as it is; to do: see the documentation of whoever wrote it, then replay or discard it (signalbox deadletter show --queue in 7).": with(
			trace.Found{}, message(func(m *trace.Message) { m.DeadLetter, m.Reason = true, "TTLExpiredException" })),
		"It is a dead letter, unknown: whoever dead-lettered it gave no reason; to do: see the documentation of whoever wrote it, then replay or discard it (signalbox deadletter show --queue in 7).": with(
			trace.Found{}, message(func(m *trace.Message) { m.DeadLetter = true })),
		"It is in queue in since 2026-11-23T08:59:00Z, and no worker has begun with it, though it was delivered 2 times; see whether workers run, whether their intake is paused, and how much is queued before it: signalbox doctor.": with(
			trace.Found{}, message(func(m *trace.Message) { m.DeliveryCount = 3 })),
		"It waits in queue in until 2026-11-23T09:05:00Z (run r9 on w2 holds the same object until 2026-11-23T09:00:05Z (in 5s)); it goes on by itself.": with(with(
			trace.Found{}, message(func(m *trace.Message) { m.State, m.Due = worker.Scheduled, nine.Add(5*time.Minute) })),
			object("", func(o *redisstore.EntityTrace) {
				o.Holder = &redisstore.Holder{Owner: "w2", Run: "r9", LeaseUntil: nine.Add(5 * time.Second)}
			})),
		"Somebody put it aside in queue in at 2026-11-23T08:59:00Z; receive it by its number 7.": with(
			trace.Found{}, message(func(m *trace.Message) { m.State = worker.Deferred })),
	} {
		got := why.Explain(f)
		require.Len(t, got.Answers, 1)
		require.Equal(t, want, got.Answers[0].Sentence)
	}
}

func TestEveryCauseOfAWaitIsExplainedAndOneOfAnotherVersionIsShown(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, c := range orchestration.Causes() {
		a := why.Explain(run(redisstore.RunWaiting, waits(string(c), nine.Add(time.Minute), 1))).Answers[0]
		require.Equal(t, string(c), a.Cause)
		require.NotContains(t, a.Sentence, "see the documentation", "the cause %s has no words", c)
		require.NotEmpty(t, a.Do)
		require.Equal(t, nine.Add(time.Minute), a.Until)
		require.False(t, a.Since.IsZero())
		require.False(t, said[a.Sentence])
		said[a.Sentence] = true
	}
	require.Contains(t, why.Explain(run(redisstore.RunWaiting, waits("tulips", nine, 0))).Answers[0].Sentence, "for tulips")
}

func TestEveryReasonOfADeadLetterIsExplained(t *testing.T) {
	t.Parallel()
	for _, r := range fault.Reasons() {
		a := why.Explain(with(run(redisstore.RunRejected, rejected(string(r))), letter(string(r), ""))).Answers[0]
		require.Equal(t, why.DeadLetter, a.Status)
		require.Contains(t, a.Sentence, strings.ReplaceAll(r.Advice().Means, "`", ""))
		require.Contains(t, a.Sentence, strings.ReplaceAll(r.Advice().Do, "`", ""))
		require.NotContains(t, a.Sentence, "`")
	}
}

func TestEveryStateOfARunHasAStatus(t *testing.T) {
	t.Parallel()
	for state, want := range map[redisstore.RunState]why.Status{
		redisstore.RunWorking: why.Working, redisstore.RunReleased: why.GivenBack, redisstore.RunRejected: why.Gone,
		redisstore.RunAbandoned: why.Abandoned, redisstore.RunDone: why.Done,
	} {
		require.Equal(t, want, why.Explain(run(state, nil)).Answers[0].Status)
	}
	require.Equal(t, why.Waiting, why.Explain(run(redisstore.RunWaiting, waits("gate", ago(30*time.Second), 0))).Answers[0].Status, "half a minute late is not late")
	require.Equal(t, why.Overdue, why.Explain(run(redisstore.RunWaiting, waits("gate", ago(2*time.Minute), 0))).Answers[0].Status)
}

func TestQueuesAreLookedIntoOnlyWhereTheStoreDoesNotSayEnough(t *testing.T) {
	t.Parallel()
	for state, want := range map[redisstore.RunState]bool{redisstore.RunDone: false, redisstore.RunWorking: false, redisstore.RunRejected: true,
		redisstore.RunReleased: true, redisstore.RunAbandoned: true} {
		require.Equal(t, want, why.Needed(run(state, nil), trace.Place{}), state)
	}
	require.False(t, why.Needed(run(redisstore.RunWaiting, waits("gate", nine, 0)), trace.Place{}))
	require.True(t, why.Needed(run(redisstore.RunWaiting, waits("gate", ago(time.Hour), 0)), trace.Place{}))
	require.True(t, why.Needed(trace.Found{}, trace.Place{}))
}

func TestWhatIsNotOverComesFirstAndOfTheRestTheLastIsEnough(t *testing.T) {
	t.Parallel()
	var f trace.Found
	for i, state := range []redisstore.RunState{redisstore.RunDone, redisstore.RunDone, redisstore.RunWorking, redisstore.RunDone} {
		r := run(state, nil).Runs[0]
		r.Run, r.Ended = fmt.Sprint("r", i), nine.Add(time.Duration(i)*time.Second)
		f.Runs = append(f.Runs, r)
	}
	f.Unfinished = []string{"in"}
	got := why.Explain(f)
	require.Len(t, got.Answers, 4)
	var out strings.Builder
	require.NoError(t, got.Print(&out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.Contains(t, lines[0], "It is being worked on")
	require.Contains(t, lines[1], "Done at 2026-11-23T09:00:03Z")
	require.Equal(t, "2 more of the same correlation or object are over; signalbox trace shows them.", lines[2])
	require.Contains(t, lines[3], "--depth looks further")

	text, err := json.Marshal(got.Answers[0])
	require.NoError(t, err)
	require.Contains(t, string(text), `"status":"working"`)
}

// What sinks were told of a customer is over later than the customer itself, and says less.
func TestOfWhatIsOverTheRunThatIsBoundSpeaks(t *testing.T) {
	t.Parallel()
	f := run(redisstore.RunDone, nil)
	told := f.Runs[0]
	told.Run, told.Scenario, told.Entity, told.Ended = "r2", "sinks", "other", nine.Add(time.Second)
	f.Runs = append(f.Runs, told)
	object("000042", nil)(&f)
	var out strings.Builder
	require.NoError(t, why.Explain(f).Print(&out))
	require.Contains(t, out.String(), "by scenario customers; it is bound to 000042.")
}

// An export is over before its pages, the deliveries of its records and its report to the CSU are.
func TestOfWhatIsOverTheRunThatWasAskedForSpeaks(t *testing.T) {
	t.Parallel()
	f := run(redisstore.RunDone, func(r *redisstore.RunTrace) { r.Scenario = "products" })
	for i, scenario := range []string{"sinks", "products-report", "sinks"} {
		r := f.Runs[0]
		r.Run, r.Scenario, r.Entity = fmt.Sprint("later", i), scenario, fmt.Sprint("other", i)
		f.Runs = append(f.Runs, r)
	}
	f.Own = "r1"
	said := func() string {
		var out strings.Builder
		require.NoError(t, why.Explain(f).Print(&out))
		return out.String()
	}
	require.Contains(t, said(), "by scenario products.")
	f.Own = "" // a correlation was asked for
	require.Contains(t, said(), "by scenario products-report.")
}

func TestAnEventForASinkThatIsLeftAloneWaitsForTheSinkAndNotForTheCSU(t *testing.T) {
	t.Parallel()
	f := run(redisstore.RunWaiting, waits(string(orchestration.CauseGate), nine.Add(time.Minute), 0))
	f.Runs[0].Scenario = "sinks"
	got := why.Explain(f).Answers[0]
	require.Contains(t, got.Sentence, "for its sink to take deliveries again: it is left alone for a while")
	require.Contains(t, got.Do, "signalbox_sink_deliveries_total")
	f.Runs[0].History = append(f.Runs[0].History, redisstore.RunMoment{At: nine, Step: "deliver-event", Why: "gate", Failed: "Sink.Deliver throttled unauthorized"})
	require.Contains(t, why.Explain(f).Answers[0].Sentence, "(Sink.Deliver throttled unauthorized)", "what the sink answered last")
}

func TestOfManyThatWaitAlikeAFewSpeak(t *testing.T) {
	t.Parallel()
	f := run(redisstore.RunWaiting, waits(string(orchestration.CauseGate), nine.Add(time.Minute), 0))
	for i := range 99 {
		r := f.Runs[0]
		r.Run = fmt.Sprint("like", i)
		f.Runs = append(f.Runs, r)
	}
	f.Runs = append(f.Runs, run(redisstore.RunWorking, func(r *redisstore.RunTrace) { r.Run = "other" }).Runs...)
	var out strings.Builder
	require.NoError(t, why.Explain(f).Print(&out))
	require.Equal(t, 3, strings.Count(out.String(), "It waits"))
	require.Contains(t, out.String(), "It is being worked on")
	require.Contains(t, out.String(), "97 more stand alike; --output json lists them.")
}

// Nothing was in doubt before: whoever starts on a new Redis has no earlier write.
func TestAWaitOnANewStoreSpeaksOfTheStore(t *testing.T) {
	t.Parallel()
	f := with(run(redisstore.RunWaiting, waits(string(orchestration.CauseTaint), nine.Add(time.Minute), 0)), func(f *trace.Found) {
		f.Memory = &redisstore.Memory{Born: ago(time.Minute)}
	})
	require.Contains(t, why.Explain(f).Answers[0].Sentence, "for certainty, because the store is new or has lost its memory")
}
