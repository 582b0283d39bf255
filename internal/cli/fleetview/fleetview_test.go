package fleetview

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/redisstore"
)

func TestTheFleetIsShownProcessByProcess(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var b strings.Builder
	require.NoError(t, View{[]redisstore.Member{
		{Name: "a/1", Version: "v1.2.3", Began: at, InFlight: 3, Slots: 16},
		{Name: "b/2", Began: at, Slots: 16, Paused: []string{"gate"}},
		{Name: "c/3", Began: at, Slots: 16, Paused: []string{"gate"}, Draining: true},
		{Name: "d/4", Began: at, InFlight: 16, Slots: 16, Until: at, Dead: true},
	}}.Print(&b))
	require.Regexp(t, `(?m)^a/1 +working +3 of 16 +2026-11-28T12:00:00.000Z +v1.2.3$`, b.String())
	require.Regexp(t, `(?m)^b/2 +paused: gate +0 of 16`, b.String())
	require.Regexp(t, `(?m)^c/3 +draining`, b.String())
	require.Regexp(t, `(?m)^d/4 +died, last heard of until 2026-11-28T12:00:00.000Z +16 of 16`, b.String())

	b.Reset()
	require.NoError(t, View{}.Print(&b))
	require.Contains(t, b.String(), "No process of the fleet runs")
}
