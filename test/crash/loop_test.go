package crash

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/harness"
)

// An event whose first call ends its process, with real processes that are gone without a word.
func TestAnEventThatEndsItsProcessEndsAsADeadLetterAndTheFleetGoesOn(t *testing.T) {
	w := harness.NewReal(t, short)
	now := time.Now()
	bad, good := jane("bad", now, "Redmond"), jane("good", now, "Houston")
	good.ID, good.Email = "C-2", "good@example.com"
	w.Publish(bad)
	for _, at := range []string{"4", "4", "4", "6"} { // behind receive and claim; the last one is told to be alone and claims again
		c := w.Spawn("kill", at)
		require.Eventually(t, func() bool { _, killed := c.Killed(); return killed }, patience, often)
		where, _ := c.Killed()
		require.Contains(t, where, "before csu ")
	}
	c := w.Spawn("run", "")
	require.Eventually(t, func() bool { return w.DeadLetters() == 1 && w.Empty() }, patience, often, "%s", c.Log())
	letter := w.Letters()[0]
	require.Equal(t, string(fault.CrashLoop), letter.DeadLetterReason)
	require.Contains(t, letter.DeadLetterDescription, "4 processes died while they worked on it")
	require.Empty(t, w.CSU.Customers())

	w.Publish(good)
	require.Eventually(t, w.Empty, patience, often)
	w.RequireState(good)
	c.Stop()
}
