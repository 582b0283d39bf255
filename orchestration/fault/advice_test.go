package fault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestEveryReasonIsExplainedInItsOwnWords(t *testing.T) {
	t.Parallel()
	said := map[string]fault.Reason{}
	for _, r := range fault.Reasons() {
		a := r.Advice()
		require.NotEmpty(t, a.Means, r)
		require.NotEmpty(t, a.Do, r)
		require.Empty(t, said[a.Means], "%s is explained as another one is", r)
		said[a.Means] = r
	}
	require.Equal(t, fault.Other.Advice(), fault.Reason("TTLExpiredException").Advice(), "a reason of the broker's")
}
