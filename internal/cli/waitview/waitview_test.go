package waitview

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// hall is where runs wait.
type hall []redisstore.RunTrace

func (h hall) Waiting(_ context.Context, use func(redisstore.Waiting) error) error {
	for _, r := range h {
		if err := use(redisstore.Waiting{Scenario: r.Scenario, Cause: "promotion", Run: r.Run}); err != nil {
			return err
		}
	}
	return nil
}

func (h hall) Runs(_ context.Context, names []string) ([]redisstore.RunTrace, error) {
	return h[:len(names)], nil
}

func TestTheOldestAreListedAndTheRestCounted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var all hall
	for i := range 10_003 {
		all = append(all, redisstore.RunTrace{Run: fmt.Sprint(i), Scenario: "orders-confirm", CorrelationID: fmt.Sprint("c", i), Began: now.Add(-time.Hour + time.Duration(i)*time.Second), ServerTime: now,
			Wait: &redisstore.RunWait{For: "promotion", Step: "find-sales-id", Until: now.Add(time.Minute)}})
	}
	all[1].Wait = nil // it has gone on
	v, err := Show(t.Context(), all, Query{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, 10_003, v.Waiting)
	require.True(t, v.Partial)
	var b strings.Builder
	require.NoError(t, v.Print(&b))
	require.Regexp(t, `(?m)^1h0m0s +orders-confirm +find-sales-id +promotion +2026-11-29T12:01:00.000Z +- +c0$`, b.String())
	require.Regexp(t, `(?m)^59m58s .* c2$`, b.String())
	require.Contains(t, b.String(), "10003 wait. The oldest of 10000 of them are shown; --limit shows more.")
}

func TestABindingThatIsWaitedForIsNamed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, View{Waiting: 1, Runs: []Run{{Age: "3s", Scenario: "orders", Step: "place-order", Cause: "dependency", Needs: &redisstore.RunNeed{Kind: "customer", ID: "1001"}, Correlation: "c"}}}.Print(&b))
	require.Contains(t, b.String(), "customer 1001")
}
