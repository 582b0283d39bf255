package redis

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Two servers in one place would be one memory for two worlds, each of which takes the other's events for its own.
func TestAServerWhosePortIsTakenIsNotTakenForTheOneThatHasIt(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"open": {}, "with a password": {Password: "secret"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, err := Start(t.Context(), o)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, first.Close()) })
			second := &Server{addr: first.Addr(), dir: t.TempDir(), opts: o}
			require.ErrorContains(t, second.run(t.Context(), "redis-server"), "ended at once")

			require.NoError(t, first.Kill())
			require.NoError(t, first.Restart(t.Context()))
		})
	}
}
