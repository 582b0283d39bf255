package orchestration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestAnEventThatIsLateOrEarlyStillSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		c, err := orchestration.NewChecker([]orchestration.Scenario{things(r.target)}, orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf"}})
		require.NoError(r.t, err)
		for want, spoil := range map[fault.Reason]func(*orchestration.Event){
			fault.TimeInFuture: func(ev *orchestration.Event) { ev.Time = time.Now().Add(time.Hour) },
			fault.Expired:      func(ev *orchestration.Event) { ev.Expires = time.Now().Add(-time.Second) },
			"":                 func(*orchestration.Event) {},
		} {
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			spoil(&ev)
			if err := c.Check(ev); want != "" {
				require.Equal(r.t, want, fault.As(err).Reason)
			} else {
				require.NoError(r.t, err)
			}
			got, err := c.Identify(ev)
			require.NoError(r.t, err)
			require.Equal(r.t, ref("shop", "42"), got.Entity)
			require.Len(r.t, got.Keys, 1)
			require.Equal(r.t, "ana", got.Keys[0].Value.Reveal())
		}
		ev := r.event("e1", "42", "ana", "v1", time.Now().Add(time.Hour))
		ev.Type = "example.other"
		require.Equal(r.t, fault.UnknownType, fault.As(c.Check(ev)).Reason, "what nobody takes is not refused for its time")
		_, err = c.Identify(ev)
		require.Equal(r.t, fault.UnknownType, fault.As(err).Reason)
	})
}
