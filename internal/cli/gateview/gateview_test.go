package gateview

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/redisgate"
)

func TestTheGateIsShownInSentences(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for want, s := range map[string]redisgate.Standing{
		"The gate is open":                                                 {},
		"at most 42.5 calls a second.\n":                                   {PaceState: csuclient.PaceState{Paced: true, Rate: 42.5}},
		"pause. At 2026-11-28T12:00:30Z one call":                          {PaceState: csuclient.PaceState{Paced: true, Shut: true, Until: 30 * time.Second}},
		"An operator allows 10 calls a second until 2026-11-28T13:00:00Z.": {PaceState: csuclient.PaceState{Paced: true, Rate: 10}, Limit: 10, LimitFor: time.Hour},
	} {
		var b strings.Builder
		require.NoError(t, Of(s, nil, now).Print(&b))
		require.Contains(t, b.String(), want)
	}
}

func TestOpenCircuitsAreShownWithTheirCause(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var b strings.Builder
	require.NoError(t, Of(redisgate.Standing{}, []csuclient.Circuit{
		{Name: csuclient.CircuitCSU, Cause: csuclient.CauseBlocked, Age: time.Minute, Until: 10 * time.Second},
		{Name: "Customers.Create", Cause: csuclient.CauseForbidden, Age: time.Hour, Until: 20 * time.Second},
	}, now).Print(&b))
	require.Contains(t, b.String(), "Calls of Customers.Create are not made since 2026-11-28T11:00:00Z, because it is not permitted to our role. At 2026-11-28T12:00:20Z one call")
	require.Contains(t, b.String(), "Calls of the CSU, all of them, are not made since 2026-11-28T11:59:00Z, because we are not let in. ")
}
