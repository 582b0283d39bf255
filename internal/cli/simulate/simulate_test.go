package simulate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/simulate"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

func TestAQueueIsReadFromItsFlag(t *testing.T) {
	t.Parallel()
	q, err := simulate.Queue("orders,lock=30s,max-delivery=5,max-bytes=1048576")
	require.NoError(t, err)
	require.Equal(t, servicebus.Queue{Name: "orders", LockDuration: 30 * time.Second, MaxDeliveryCount: 5, MaxMessageBytes: 1 << 20}, q)
	q, err = simulate.Queue("orders")
	require.NoError(t, err)
	require.Equal(t, servicebus.Queue{Name: "orders"}, q)
	for _, text := range []string{"", "lock=30s", "orders,", "orders,lock", "orders,lock=1", "orders,max-delivery=x", "orders,tulip=1"} {
		_, err = simulate.Queue(text)
		require.Error(t, err, text)
	}
}

func TestAnExportedVariableIsReadByAShellAsItIs(t *testing.T) {
	t.Parallel()
	require.Equal(t, `export A='{"x":"it'\''s $HOME"}'`, simulate.Variable{Name: "A", Value: `{"x":"it's $HOME"}`}.Export())
}

func TestOnlyLoopbackIsLocal(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "x": false} {
		require.Equal(t, want, simulate.Local(address), address)
	}
}
