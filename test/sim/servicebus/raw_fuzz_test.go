package servicebus

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// FuzzConnection sends whatever it likes after a proper opening, links included. The broker may hang up; it must
// not fall over, hang, or lose what another client stored.
func FuzzConnection(f *testing.F) {
	opening := []byte(wire.HeaderAMQP)
	for _, body := range []wire.Performative{
		&wire.Open{ContainerID: "fuzz", MaxFrameSize: 512},
		&wire.Begin{IncomingWindow: 10, OutgoingWindow: 10},
		&wire.Attach{Name: "in", Handle: 0, Role: wire.RoleReceiver, Source: &wire.Source{Address: text("orders")}},
		&wire.Attach{Name: "out", Handle: 1, Target: &wire.Target{Address: text("orders")}},
		&wire.Attach{Name: "ask", Handle: 2, Target: &wire.Target{Address: text("orders/$management")}},
		&wire.Attach{Name: "back", Handle: 3, Role: wire.RoleReceiver, Source: &wire.Source{Address: text("orders/$management")}},
	} {
		opening = appendFrame(f, opening, body)
	}
	id, count, credit := uint32(1), uint32(0), uint32(10)
	request, err := wire.Marshal(&wire.Message{
		Properties: &wire.Properties{MessageID: "m", ReplyTo: text("back")}, ApplicationProps: map[string]any{"operation": "com.microsoft:peek-message"},
	})
	require.NoError(f, err)
	batch := wire.FormatBatch
	for _, body := range []wire.Performative{
		linkFlow(0, count, credit), linkFlow(3, count, credit),
		&wire.Transfer{Handle: 1, DeliveryID: &id, Payload: wire.DataBody([]byte("x"))},
		&wire.Transfer{Handle: 1, DeliveryID: &id, MessageFormat: &batch, More: true, Payload: wire.DataBody(wire.DataBody(nil))},
		&wire.Transfer{Handle: 2, DeliveryID: &id, Payload: request},
		&wire.Disposition{Role: wire.RoleReceiver, Last: &id, State: &wire.Modified{UndeliverableHere: true}},
		&wire.Detach{Handle: 0, Closed: true}, &wire.End{}, &wire.Close{},
	} {
		f.Add(appendFrame(f, nil, body))
	}
	receive, err := wire.ValueBody(map[string]any{"sequence-numbers": wire.Array[int64]{1}, "receiver-settle-mode": uint32(1)})
	require.NoError(f, err)
	request, err = wire.Marshal(&wire.Message{
		Properties: &wire.Properties{MessageID: "m", ReplyTo: text("back")}, ApplicationProps: map[string]any{"operation": "com.microsoft:receive-by-sequence-number"},
		Body: receive,
	})
	require.NoError(f, err)
	f.Add(append(appendFrame(f, nil, &wire.Disposition{Role: wire.RoleReceiver, State: &wire.Modified{UndeliverableHere: true}}),
		appendFrame(f, nil, &wire.Transfer{Handle: 2, DeliveryID: &id, Payload: request})...))
	f.Add(append(appendFrame(f, nil, linkFlow(0, 0, 10)), appendFrame(f, nil, &wire.Disposition{Role: wire.RoleReceiver, State: &wire.Accepted{}})...))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := New(Options{Queues: []Queue{{Name: "orders"}, {Name: "other"}}})
		require.NoError(t, err)
		other, err := b.queue("other")
		require.NoError(t, err)
		_, err = other.Send(body("kept"))
		require.NoError(t, err)
		put(t, b, "x", string(make([]byte, 2000)))

		client, server := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			b.ServeConn(server)
		}()
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			_, _ = io.Copy(io.Discard, client)
		}()
		_, _ = client.Write(append(opening[:len(opening):len(opening)], in...))
		_ = client.Close()
		select {
		case <-served:
		case <-time.After(10 * time.Second):
			t.Fatal("the broker does not let go of a client that has left")
		}
		<-drained
		require.Equal(t, Counts{Active: 1}, other.Counts())
		require.NoError(t, b.Close())
	})
}

func appendFrame(f *testing.F, b []byte, body wire.Performative) []byte {
	b, err := wire.AppendFrame(b, wire.Frame{Body: body})
	require.NoError(f, err)
	return b
}
