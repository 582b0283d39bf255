package local_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPublishedEventEndsExactlyOnce(t *testing.T) {
	var out, errs, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &errs, Log: &log, JSON: true, ExitWhenIdle: true, Count: 30}), log.String())
	var sum map[string]float64
	require.NoError(t, json.Unmarshal(out.Bytes(), &sum), out.String())
	require.EqualValues(t, 30, sum["published"])
	require.Equal(t, sum["published"], sum["completed"]+sum["duplicates"]+sum["superseded"]+sum["dead_lettered"])
	require.EqualValues(t, 1, sum["dead_lettered"])
	require.Positive(t, sum["duplicates"])
	require.Positive(t, sum["superseded"])
	require.Zero(t, sum["duplicate_effects"])
	require.EqualValues(t, 2, sum["csu_throttled"])
	require.Equal(t, sum["csu_customers"], sum["mappings"])
	require.NotContains(t, log.String()+errs.String(), "@example.com")
}
