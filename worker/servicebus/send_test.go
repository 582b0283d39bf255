package servicebus_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// stray is a frame on a channel that has no session: a broker closes the connection for it, as not allowed.
var stray = []byte{0, 0, 0, 12, 2, 0, 0, 99, 0, 0x53, 0x17, 0x45}

// wire is a connection into which a test can put frames of its own.
type wire struct {
	net.Conn
	mu sync.Mutex
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Conn.Write(b)
}

func TestASendGetsThroughAfterTheBrokerHasClosedTheConnectionAsNotAllowed(t *testing.T) {
	t.Parallel()
	broker, err := sim.New(sim.Options{Queues: []sim.Queue{{Name: "orders"}}})
	require.NoError(t, err)
	var mu sync.Mutex
	var wires []*wire
	namespace, err := servicebus.Open(servicebus.Options{ConnectionString: secret.New(broker.ConnectionString("memory")),
		NewConn: func(context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			w := &wire{Conn: broker.Pipe()}
			wires = append(wires, w)
			return w, nil
		}})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = namespace.Close(ctx)
		require.NoError(t, broker.Close())
	})
	send := func() error {
		return namespace.Send(t.Context(), "orders", worker.Message{ID: uuid.NewString(), Body: []byte("{}")}, time.Time{})
	}
	require.NoError(t, send())
	mu.Lock()
	for _, w := range wires {
		_, err := w.Write(stray)
		require.NoError(t, err)
	}
	mu.Unlock()
	require.Eventually(t, func() bool { return send() == nil }, 20*time.Second, 50*time.Millisecond)
}
