package servicebus

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// raw speaks frames: it sees and does what no SDK lets a test see or do. It reads only when asked to.
type raw struct {
	t   *testing.T
	net net.Conn
	in  *bufio.Reader
	// Empty frames that were skipped; the SDKs do not show them either.
	empty int
}

// rawly runs a test in virtual time against a broker with the queue "orders".
func rawly(t *testing.T, o Options, test func(t *testing.T, b *Broker)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, newBroker(t, o)) })
}

// dial connects without a word.
func dial(t *testing.T, b *Broker) *raw {
	t.Helper()
	nc := b.Pipe()
	t.Cleanup(func() { _ = nc.Close() })
	return &raw{t: t, net: nc, in: bufio.NewReader(nc)}
}

// connect plays the opening to the point where both are open.
func connect(t *testing.T, b *Broker) *raw {
	t.Helper()
	c := dial(t, b)
	c.header(wire.HeaderSASL)
	require.Contains(t, next[*wire.Mechanisms](c).Names, wire.Symbol("ANONYMOUS"))
	c.write(wire.Frame{Type: wire.FrameSASL, Body: &wire.Init{Mechanism: "ANONYMOUS"}})
	require.Zero(t, next[*wire.Outcome](c).Code)
	c.header(wire.HeaderAMQP)
	c.send(0, &wire.Open{ContainerID: "raw", MaxFrameSize: 65536, ChannelMax: 100})
	next[*wire.Open](c)
	return c
}

// begun is a connection with a session on channel 0.
func begun(t *testing.T, b *Broker) *raw {
	t.Helper()
	c := connect(t, b)
	c.begin(0, 5000)
	return c
}

func (c *raw) header(h string) {
	c.t.Helper()
	_, err := c.net.Write([]byte(h))
	require.NoError(c.t, err)
	got := make([]byte, 8)
	_, err = io.ReadFull(c.in, got)
	require.NoError(c.t, err)
	require.Equal(c.t, h, string(got))
}

func (c *raw) write(f wire.Frame) {
	c.t.Helper()
	b, err := wire.AppendFrame(nil, f)
	require.NoError(c.t, err)
	_, err = c.net.Write(b)
	require.NoError(c.t, err)
}

func (c *raw) send(channel uint16, body wire.Performative) {
	c.t.Helper()
	c.write(wire.Frame{Channel: channel, Body: body})
}

// frame reads the next frame that is not empty. Every flow is checked for what clients insist on.
func (c *raw) frame() (wire.Frame, error) {
	for {
		f, err := wire.ReadFrame(c.in, 65536)
		if err != nil || f.Body != nil {
			if flow, ok := f.Body.(*wire.Flow); ok {
				require.NotNil(c.t, flow.NextIncomingID, "a flow without next-incoming-id")
				require.GreaterOrEqual(c.t, flow.IncomingWindow, uint32(sessionWindow/2), "a window that runs out")
				require.LessOrEqual(c.t, flow.IncomingWindow, uint32(sessionWindow))
				require.Equal(c.t, flow.Handle == nil, flow.LinkCredit == nil, "a link flow without credit")
				require.Equal(c.t, flow.Handle == nil, flow.DeliveryCount == nil, "a link flow without delivery-count")
			}
			return f, err
		}
		c.empty++
	}
}

// within limits the reads that follow. A pipe whose other end has hung up refuses; then reading says so.
func (c *raw) within(d time.Duration) { _ = c.net.SetReadDeadline(time.Now().Add(d)) }

// next reads the next frame, which must be a T.
func next[T wire.Performative](c *raw) T {
	c.t.Helper()
	body, _ := nextOn[T](c)
	return body
}

func nextOn[T wire.Performative](c *raw) (T, uint16) {
	c.t.Helper()
	c.within(10 * time.Second)
	f, err := c.frame()
	require.NoError(c.t, err)
	body, ok := f.Body.(T)
	require.True(c.t, ok, "got %T %+v", f.Body, f.Body)
	return body, f.Channel
}

// quiet insists that nothing but empty frames comes for a while.
func (c *raw) quiet(d time.Duration) {
	c.t.Helper()
	c.within(d)
	f, err := c.frame()
	require.ErrorIs(c.t, err, os.ErrDeadlineExceeded, "got %+v", f.Body)
}

// gone insists that the broker hangs up within d.
func (c *raw) gone(d time.Duration) {
	c.t.Helper()
	c.within(d)
	f, err := c.frame()
	require.True(c.t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "got %+v, %v", f.Body, err)
}

func (c *raw) begin(channel uint16, window uint32) {
	c.t.Helper()
	c.send(channel, &wire.Begin{IncomingWindow: window, OutgoingWindow: 5000, HandleMax: 255})
	b := next[*wire.Begin](c)
	require.Equal(c.t, channel, *b.RemoteChannel)
}

func (c *raw) end(channel uint16) {
	c.t.Helper()
	c.send(channel, &wire.End{})
	_, on := nextOn[*wire.End](c)
	require.Equal(c.t, channel, on)
}

func text(s string) *string { return &s }

// sender attaches a link on which c sends, and takes the credit.
func (c *raw) sender(channel uint16, handle uint32, address string) *wire.Attach {
	c.t.Helper()
	c.send(channel, &wire.Attach{Name: "out-" + uuid.NewString(), Handle: handle, Role: wire.RoleSender, Source: &wire.Source{}, Target: &wire.Target{Address: text(address)}})
	a := next[*wire.Attach](c)
	require.Equal(c.t, wire.RoleReceiver, a.Role)
	require.NotNil(c.t, a.Target)
	require.Positive(c.t, *next[*wire.Flow](c).LinkCredit)
	return a
}

// receiver attaches a link on which c receives, without credit.
func (c *raw) receiver(channel uint16, handle uint32, address string, mode uint8) *wire.Attach {
	c.t.Helper()
	return c.attach(channel, &wire.Attach{
		Name: "in-" + uuid.NewString(), Handle: handle, Role: wire.RoleReceiver, SenderSettleMode: &mode,
		Source: &wire.Source{Address: text(address)}, Target: &wire.Target{},
	})
}

func (c *raw) attach(channel uint16, a *wire.Attach) *wire.Attach {
	c.t.Helper()
	c.send(channel, a)
	got := next[*wire.Attach](c)
	require.Equal(c.t, !a.Role, got.Role)
	require.Equal(c.t, a.Name, got.Name)
	return got
}

// credit grants credit on a link, with the session's window as it is at the start of a test.
func (c *raw) credit(channel uint16, handle, count, credit uint32) {
	c.t.Helper()
	c.send(channel, linkFlow(handle, count, credit))
}

func linkFlow(handle, count, credit uint32) *wire.Flow {
	return &wire.Flow{NextIncomingID: new(uint32), IncomingWindow: 5000, OutgoingWindow: 5000, Handle: &handle, DeliveryCount: &count, LinkCredit: &credit}
}

// publish sends a message on a link; id is its delivery id.
func (c *raw) publish(channel uint16, handle, id uint32, settled bool, m *wire.Message) {
	c.t.Helper()
	payload, err := wire.Marshal(m)
	require.NoError(c.t, err)
	c.send(channel, &wire.Transfer{
		Handle: handle, DeliveryID: &id, DeliveryTag: []byte{byte(id)}, MessageFormat: new(uint32), Settled: settled, Payload: payload,
	})
}

func body(s string) *wire.Message { return &wire.Message{Body: wire.DataBody([]byte(s))} }

// put stores messages without the wire.
func put(t *testing.T, b *Broker, bodies ...string) {
	t.Helper()
	q, err := b.queue("orders")
	require.NoError(t, err)
	for _, s := range bodies {
		_, err := q.Send(body(s))
		require.NoError(t, err)
	}
}

// receive reads one transfer of one frame.
func (c *raw) receive() (*wire.Transfer, *wire.Message) {
	c.t.Helper()
	tr := next[*wire.Transfer](c)
	m, err := wire.Unmarshal(tr.Payload)
	require.NoError(c.t, err)
	return tr, m
}

func data(t *testing.T, m *wire.Message) string {
	t.Helper()
	parts, err := m.Data()
	require.NoError(t, err)
	require.Len(t, parts, 1)
	return string(parts[0])
}
