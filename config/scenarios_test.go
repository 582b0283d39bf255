package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryScenarioThatFollowsUpOnNoOtherMayBeOffButTheHeartbeat(t *testing.T) {
	t.Parallel()
	require.Subset(t, Switchable(), []string{"customers", "orders", "returns", "sinks"})
	for _, name := range []string{"heartbeat", "customers-promote"} {
		require.NotContains(t, Switchable(), name)
		_, err := Load(Sources{Env: enough("SIGNALBOX_SCENARIOS_OFF=" + name)})
		require.ErrorContains(t, err, "which is no scenario that may be off")
	}
	_, err := Load(Sources{Env: enough("SIGNALBOX_SCENARIOS_OFF=returns")})
	require.NoError(t, err)
}
