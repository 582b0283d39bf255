package letters_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
)

type shelf []worker.Message

func (s shelf) Peek(_ context.Context, from int64, most int) (got []worker.Message, err error) {
	for _, m := range s {
		if m.Sequence >= from && len(got) < most {
			got = append(got, m)
		}
	}
	return got, nil
}

type broken struct{}

func (broken) Peek(context.Context, int64, int) ([]worker.Message, error) {
	return nil, worker.ErrUnauthorized
}

func letter(queue string, sequence int64, reason string) worker.Message {
	return worker.Message{Queue: queue, Sequence: sequence, DeadLetterReason: reason, DeadLetterDescription: "ana@example.com wrote this"}
}

func many(n int) (s shelf) {
	for i := range n {
		s = append(s, letter("in", int64(i+1), []string{"SchemaInvalid", "Odd"}[i%2]))
	}
	return s
}

func TestAListGoesThroughAllQueuesAndAllPages(t *testing.T) {
	t.Parallel()
	shelves := []deadletter.Shelf{{Queue: "in", Peek: many(600)}, {Queue: "live", Peek: shelf{letter("live", 7, "Odd")}}}
	list, err := letters.Find(t.Context(), shelves, deadletter.Selection{Reason: "odd", Limit: 1000}, nil)
	require.NoError(t, err)
	require.Len(t, list.Letters, 301)
	require.False(t, list.More)
	require.Equal(t, "live", list.Letters[300].Queue)

	list, err = letters.Find(t.Context(), shelves, deadletter.Selection{Limit: 601}, nil)
	require.NoError(t, err)
	require.False(t, list.More, "the limit is exactly enough")
	list, err = letters.Find(t.Context(), shelves, deadletter.Selection{Limit: 600}, nil)
	require.NoError(t, err)
	require.True(t, list.More)

	_, err = letters.Find(t.Context(), []deadletter.Shelf{{Queue: "in", Peek: broken{}}}, deadletter.Selection{Limit: 1}, nil)
	require.ErrorIs(t, err, worker.ErrUnauthorized)
}

func TestANumberThatSeveralQueuesHaveIsNotGuessed(t *testing.T) {
	t.Parallel()
	two := []deadletter.Shelf{{Queue: "in", Peek: many(8)}, {Queue: "live", Peek: shelf{letter("live", 7, "Odd")}}}
	_, err := letters.Show(t.Context(), two, 7, nil)
	require.ErrorIs(t, err, letters.ErrSeveral)
	require.ErrorContains(t, err, "in, live")
	l, err := letters.Show(t.Context(), two, 8, nil)
	require.NoError(t, err)
	require.Equal(t, "in", l.Queue)
	_, err = letters.Show(t.Context(), two, 9, nil)
	require.ErrorIs(t, err, deadletter.ErrNotFound)
	_, err = letters.Show(t.Context(), []deadletter.Shelf{{Queue: "in", Peek: broken{}}}, 1, nil)
	require.ErrorIs(t, err, worker.ErrUnauthorized)
}

func TestTheDescriptionOfSomebodyElseIsNotPrinted(t *testing.T) {
	t.Parallel()
	l, err := letters.Show(t.Context(), []deadletter.Shelf{{Queue: "in", Peek: many(2)}}, 2, nil)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, letters.PrintOne(&out, l))
	require.Contains(t, out.String(), "(not shown: somebody else wrote it)")
	require.NotContains(t, out.String(), "ana@")
}

func TestWhatHasNoBodyIsSaidToHaveNone(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, letters.Result{Job: deadletter.Job{Action: deadletter.Replayed, Count: deadletter.Count{Done: 4, Skipped: 3, Withheld: 2}}}.Print(&b))
	require.Contains(t, b.String(), "replayed 4, skipped 1 that were noted before, failed 0\nskipped 2 whose body was not kept: publish those events anew")
	b.Reset()
	require.NoError(t, letters.PrintOne(&b, deadletter.Letter{Withheld: true}))
	require.Contains(t, b.String(), "not kept: publish the event anew")
	b.Reset()
	f := letters.Foresight{Count: map[deadletter.Would]int{deadletter.WouldSkip: 1, deadletter.WouldApply: 1},
		Verdicts: []deadletter.Verdict{{Would: deadletter.WouldSkip}, {Would: deadletter.WouldApply}}}
	require.NoError(t, f.Print(&b))
	require.Contains(t, b.String(), "With --yes these 1 are replayed.")
}
