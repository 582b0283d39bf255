package sample_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/sample"
)

func TestTheMixtureHasDuplicatesOvertakenStatesAndOneUnreadableEvent(t *testing.T) {
	t.Parallel()
	o := sample.Options{Count: 30, Run: "t", Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Seed: 1}
	events := sample.Customers(o)
	require.Len(t, events, 30)
	require.Equal(t, events, sample.Customers(o), "the same options make the same events")
	seen, twice, overtaken := map[string]bool{}, 0, 0
	for i, e := range events {
		if seen[e.ID] {
			twice++
		}
		seen[e.ID] = true
		if i > 0 && e.Time.Before(events[i-1].Time) {
			overtaken++
		}
	}
	require.Positive(t, twice)
	require.Positive(t, overtaken)
}

func TestAnyCountIsMetExactly(t *testing.T) {
	t.Parallel()
	for n := range 60 {
		require.Len(t, sample.Customers(sample.Options{Count: n, Run: "t", Now: time.Now()}), n)
	}
}
