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
		require.NoError(t, Of(s, now).Print(&b))
		require.Contains(t, b.String(), want)
	}
}
