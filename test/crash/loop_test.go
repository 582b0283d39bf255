package crash

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/harness"
)

// firstLook is the first thing that is asked of the CSU about a customer.
const firstLook = "before csu POST /Commerce/Customers/SearchByFields"

// An event whose first call ends its process, with real processes that are gone without a word.
func TestAnEventThatEndsItsProcessEndsAsADeadLetterAndTheFleetGoesOn(t *testing.T) {
	t.Parallel()
	w := harness.NewReal(t, short)
	now := time.Now()
	bad, good := jane("bad", now, "Redmond"), jane("good", now, "Houston")
	good.ID, good.Email = "C-2", "good@example.com"
	w.Publish(bad)
	for range 4 {
		c := w.Spawn("kill", firstLook)
		require.Eventually(t, func() bool { _, killed := c.Killed(); return killed }, patience, often)
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
