package exit_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
)

func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	_, invalid := config.Load(config.Sources{})
	for name, tc := range map[string]struct {
		err  error
		code int
	}{
		"what nobody knows has failed":       {errors.New("odd"), exit.Failed},
		"a code that was chosen stands":      {fmt.Errorf("publish: %w", exit.New(exit.Partly, "some", "")), exit.Partly},
		"a quiet code stands":                {exit.Quiet(exit.Nothing), exit.Nothing},
		"a signal":                           {fmt.Errorf("read: %w", exit.ErrInterrupted), exit.Interrupted},
		"a cancelled call":                   {context.Canceled, exit.Interrupted},
		"problems of the configuration":      {invalid, exit.Configuration},
		"a credential the broker refuses":    {fmt.Errorf("peek: %w", worker.ErrUnauthorized), exit.NotAllowed},
		"a password Redis refuses":           {errors.New("WRONGPASS invalid username-password pair"), exit.NotAllowed},
		"a secret the CSU refuses":           {fmt.Errorf("probe: %w", &fault.Error{Kind: fault.Blocked, Class: "unauthorized"}), exit.NotAllowed},
		"a CSU that nobody knows":            {&fault.Error{Kind: fault.Blocked, Class: "network"}, exit.Unreachable},
		"a CSU that does not answer":         {&fault.Error{Kind: fault.Transient, Class: "timeout"}, exit.Unreachable},
		"a CSU that answers nonsense":        {&fault.Error{Kind: fault.Transient, Class: "server_error"}, exit.Failed},
		"a queue that is not there":          {fmt.Errorf("peek: %w", worker.ErrNotFound), exit.Configuration},
		"a connection that is refused":       {fmt.Errorf("redis: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), exit.Unreachable},
		"an address of ours that is taken":   {&net.OpError{Op: "listen", Err: errors.New("in use")}, exit.Failed},
		"a connection that was lost":         {fmt.Errorf("send: %w", worker.ErrConnectionLost), exit.Unreachable},
		"an answer that did not come":        {fmt.Errorf("peek: %w", context.DeadlineExceeded), exit.Unreachable},
		"a broker that does not answer soon": {worker.ErrTimeout, exit.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.code, exit.From(tc.err).Code)
		})
	}
	require.Nil(t, exit.From(nil))
	require.NoError(t, exit.Quiet(exit.Done))
	require.Empty(t, exit.Quiet(exit.Partly).Error())
}
