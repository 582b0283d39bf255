package orchestration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAVersionSaysItsTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 9, 0, 0, 123, time.UTC)
	require.Equal(t, at, VersionTime(stateVersion(Event{Time: at, Sequence: "7"})))
	require.LessOrEqual(t, len(stateVersion(Event{Time: at, Origin: Origin{Enqueued: at, Sequence: 1 << 62}})), 64)
	for _, text := range []string{"", "k", "2026-01-05", "9999999999999999999999999999999999"} {
		require.Zero(t, VersionTime(text))
	}
}
