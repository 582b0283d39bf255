package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/publish"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// checker refuses events by their type.
type checker struct{}

func (checker) Check(ev orchestration.Event) error {
	switch ev.Type {
	case "bad":
		return &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Pointer: "/customers/ana@example.com/zip", Detail: "odd"}
	case "broken":
		return errors.New("ana@example.com is in this text")
	}
	return nil
}

// sender remembers what it sent; fail decides about each message.
type sender struct {
	batches  []int
	bodies   []string
	messages []worker.Message
	fail     func(i int, m worker.Message) error
}

func (s *sender) Publish(_ context.Context, _ string, messages []worker.Message) []error {
	s.batches = append(s.batches, len(messages))
	results := make([]error, len(messages))
	for i, m := range messages {
		if s.fail != nil {
			results[i] = s.fail(len(s.bodies), m)
		}
		s.bodies, s.messages = append(s.bodies, string(m.Body)), append(s.messages, m)
	}
	return results
}

func line(id, kind string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"s","type":%q,"time":"2026-01-05T09:00:00Z","traceparent":"00-a-b-01","data":{}}`, id, kind)
}

func run(t *testing.T, in io.Reader, s publish.Sender, change ...func(*publish.Options)) (publish.Summary, []string, error) {
	t.Helper()
	var refused []string
	o := publish.Options{In: in, Sender: s, Checker: checker{}, Queue: "in", MaxBytes: 200,
		Refused: func(r publish.Refusal) { refused = append(refused, r.String()) }}
	for _, c := range change {
		c(&o)
	}
	sum, err := publish.Run(t.Context(), o)
	return sum, refused, err
}

func TestEventsAreSentAsTheyCame(t *testing.T) {
	t.Parallel()
	s := &sender{}
	sum, refused, err := run(t, strings.NewReader("\ufeff"+line("1", "good")+"\r\n\n  "+line("2", "good")), s)
	require.NoError(t, err)
	require.Empty(t, refused)
	require.Equal(t, publish.Summary{Queue: "in", Read: 2, Valid: 2, Sent: 2}, sum)
	require.Equal(t, line("2", "good"), s.bodies[1], "attributes that mean nothing to us travel on")
}

func TestBadLinesAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	in := strings.Join([]string{line("1", "good"), strings.Repeat("x", 100_000), line("3", "bad"), line("4", "broken"), strings.Repeat(" ", 500), line("6", "good")}, "\n")
	sum, refused, err := run(t, strings.NewReader(in), &sender{})
	require.NoError(t, err)
	require.Equal(t, 2, sum.Sent)
	require.Equal(t, 4, sum.Refused)
	require.Equal(t, []string{
		"line 2: TooLarge: The line has more than 200 bytes, the limit of worker.max_body.",
		"line 3: SchemaInvalid at /data/customers/*/zip: odd",
		"line 4: Bug: The event could not be checked.",
		"line 5: TooLarge: The line has more than 200 bytes, the limit of worker.max_body.",
	}, refused)
}

func TestWhatTheBrokerFindsTooLargeIsRefusedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	s := &sender{fail: func(i int, _ worker.Message) error {
		if i == 1 {
			return fmt.Errorf("publish: %w", worker.ErrTooLarge)
		}
		return nil
	}}
	sum, refused, err := run(t, strings.NewReader(line("1", "a")+"\n"+line("2", "a")+"\n"+line("3", "a")), s)
	require.NoError(t, err)
	require.Equal(t, []string{"line 2: TooLarge: The queue does not take a message of this size."}, refused)
	require.Equal(t, publish.Summary{Queue: "in", Read: 3, Valid: 2, Sent: 2, Refused: 1}, sum)
	require.Equal(t, exit.Partly, exit.From(publish.Verdict(sum, nil)).Code)
}

func TestALostBrokerEndsItAndSaysWhatIsUnsent(t *testing.T) {
	t.Parallel()
	s := &sender{fail: func(i int, _ worker.Message) error {
		switch {
		case i < 100:
			return nil
		case i == 100:
			return worker.ErrConnectionLost
		}
		return servicebus.ErrUnsent
	}}
	var in strings.Builder
	for i := range 500 {
		in.WriteString(line(fmt.Sprint(i), "a") + "\n")
	}
	sum, _, err := run(t, strings.NewReader(in.String()), s)
	require.ErrorIs(t, err, worker.ErrConnectionLost)
	require.Equal(t, 100, sum.Sent)
	require.Equal(t, sum.Read-100, sum.Unsent)
	require.Less(t, sum.Read, 500, "it does not go on reading")
	require.Equal(t, exit.Partly, exit.From(publish.Verdict(sum, err)).Code)
	sum.Sent = 0
	require.Equal(t, exit.Unreachable, exit.From(publish.Verdict(sum, err)).Code)
}

func TestARateHoldsAndABatchWaitsOnlyAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var in strings.Builder
		for i := range 100 {
			in.WriteString(line(fmt.Sprint(i), "a") + "\n")
		}
		s, began := &sender{}, time.Now()
		sum, _, err := run(t, strings.NewReader(in.String()), s, func(o *publish.Options) { o.Rate = 20 })
		require.NoError(t, err)
		require.Equal(t, 100, sum.Sent)
		require.InDelta(t, 5, time.Since(began).Seconds(), 0.5)
	})
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := &sender{}
		ended := make(chan error, 1)
		go func() { _, _, err := run(t, r, s); ended <- err }()
		_, err := io.WriteString(w, line("1", "a")+"\n")
		require.NoError(t, err)
		time.Sleep(100 * time.Millisecond) // virtual
		synctest.Wait()
		require.Len(t, s.bodies, 1, "the input goes on, and the event has not waited for it")
		require.NoError(t, w.Close())
		require.NoError(t, <-ended)
	})
}

func TestAnInputThatFailsIsSaid(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, line("1", "a")+"\n")
		_ = w.CloseWithError(errors.New("disk on fire"))
	}()
	sum, _, err := run(t, r, &sender{})
	require.EqualError(t, err, "read line 2: disk on fire")
	require.Equal(t, 1, sum.Sent)
}
