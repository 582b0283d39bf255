package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// runs is a store with one run, or one that fails.
type runs struct {
	run *redisstore.RunTrace
	err error
}

func (r runs) ByCorrelation(context.Context, string) ([]redisstore.RunTrace, error) {
	if r.run == nil {
		return nil, r.err
	}
	return []redisstore.RunTrace{*r.run}, r.err
}

func (r runs) ByEvent(context.Context, string, string) (redisstore.RunTrace, bool, error) {
	if r.run == nil {
		return redisstore.RunTrace{}, false, r.err
	}
	return *r.run, true, r.err
}

// shelf gives at most two messages at once, as a broker may.
type shelf []worker.Message

func (s shelf) Peek(_ context.Context, from int64, most int) (got []worker.Message, err error) {
	for _, m := range s {
		if m.Sequence >= from && len(got) < min(most, 2) {
			got = append(got, m)
		}
	}
	return got, nil
}

type broken struct{}

func (broken) Peek(context.Context, int64, int) ([]worker.Message, error) {
	return nil, worker.ErrConnectionLost
}

func message(sequence int64, id string) worker.Message {
	body := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"shop","type":"t","time":"2026-01-05T09:00:00Z","data":{"email":"ana@example.com"}}`, id)
	return worker.Message{Queue: "in", Sequence: sequence, ContentType: envelope.ContentTypeStructured, Body: []byte(body)}
}

var byEvent = trace.Subject{Source: "shop", ID: "e2"}

func TestMessagesAreFoundByEventAndByCorrelation(t *testing.T) {
	t.Parallel()
	queue := shelf{message(1, "e1"), message(2, "e2"), message(3, "e3"), {Queue: "in", Sequence: 4, CorrelationID: "given", Body: []byte("x")}, message(5, "e2")}
	places := []trace.Place{{Queue: "in", Peek: queue}, {Queue: "in", DeadLetter: true, Peek: shelf{message(2, "e2")}}}
	found, err := trace.Look(t.Context(), byEvent, runs{}, places, 100)
	require.NoError(t, err)
	require.Equal(t, 6, found.LookedAt)
	require.Len(t, found.Messages, 3)
	require.Equal(t, int64(5), found.Messages[1].Sequence)
	require.True(t, found.Messages[2].DeadLetter)

	derived := trace.Subject{CorrelationID: orchestration.DeriveCorrelationID("shop", "e2")}
	found, err = trace.Look(t.Context(), derived, runs{}, places, 100)
	require.NoError(t, err)
	require.Len(t, found.Messages, 3, "its producer gave it none, so it is derived")
	found, err = trace.Look(t.Context(), trace.Subject{CorrelationID: "given"}, runs{}, places, 100)
	require.NoError(t, err)
	require.Len(t, found.Messages, 1, "what cannot be read is found by the broker's property")

	text, err := json.Marshal(found)
	require.NoError(t, err)
	require.NotContains(t, string(text), "ana@")
}

func TestADeepQueueIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	queue := shelf{message(1, "e1"), message(2, "e1"), message(3, "e1"), message(4, "e2")}
	found, err := trace.Look(t.Context(), byEvent, runs{}, []trace.Place{{Queue: "in", Peek: queue}}, 3)
	require.NoError(t, err)
	require.True(t, found.Nothing())
	require.Equal(t, 3, found.LookedAt)
	require.Equal(t, []string{"in"}, found.Unfinished)

	found, err = trace.Look(t.Context(), byEvent, runs{}, []trace.Place{{Queue: "in", Peek: queue}}, 4)
	require.NoError(t, err)
	require.Len(t, found.Messages, 1)
	require.Empty(t, found.Unfinished, "it was looked at to its end")
}

func TestWhatCannotBeReadIsSaidAndTheRestIsShown(t *testing.T) {
	t.Parallel()
	found, err := trace.Look(t.Context(), byEvent, runs{err: errors.New("redis is down")},
		[]trace.Place{{Queue: "in", Peek: shelf{message(1, "e2")}}, {Queue: "in", DeadLetter: true, Peek: broken{}}}, 10)
	require.ErrorIs(t, err, worker.ErrConnectionLost)
	require.ErrorContains(t, err, "redis is down")
	require.Len(t, found.Problems, 2)
	require.Contains(t, found.Problems[1], "look into in (dead letters)")
	require.Len(t, found.Messages, 1)
}

func TestEachStateReadsAsASentence(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for want, r := range map[string]redisstore.RunTrace{
		"done: completed at 2026-11-23T09:00:00.000Z":                          {State: redisstore.RunDone, Outcome: "completed", Ended: at},
		"working: held by w1, lease until 2026-11-23T09:00:00.000Z":            {State: redisstore.RunWorking, Owner: "w1", LeaseUntil: at},
		"abandoned: w1 let its lease run out at":                               {State: redisstore.RunAbandoned, Owner: "w1", LeaseUntil: at},
		"waiting: for gate until 2026-11-23T09:00:00.000Z, at step create-it":  {State: redisstore.RunWaiting, Wait: &redisstore.RunWait{For: "gate", Step: "create-it", Until: at}},
		"rejected: its message is a dead letter":                               {State: redisstore.RunRejected},
		"released: given back":                                                 {State: redisstore.RunReleased},
		"a write of step create-it got no answer; it may take effect until 20": {Doubts: []redisstore.RunDoubt{{Step: "create-it", Until: at}}},
	} {
		var out strings.Builder
		found, err := trace.Look(t.Context(), trace.Subject{CorrelationID: "c"}, runs{run: &r}, nil, 1)
		require.NoError(t, err)
		require.NoError(t, found.Print(&out))
		require.Contains(t, out.String(), want)
	}
}
