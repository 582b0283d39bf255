package servicebus

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// What the broker announces in open.
const (
	maxFrameSize = 65536
	channelMax   = 4999
)

// How much may wait for the network. Above softLimit no more deliveries are encoded; above hardLimit nothing
// more is read from a client that does not read.
const (
	softLimit = 1 << 20
	hardLimit = 8 << 20
)

const (
	keepAlive = 15 * time.Second // SDKs give up after 60 s of silence
	farewell  = 2 * time.Second  // how long a closed peer may take to hang up
)

// connection is one client's connection. Its reader and its writer are the only goroutines; whoever wants to
// say something locks mu and appends frames, and nobody holds mu while the network blocks. mu may be held
// when calling the store, never the other way round.
type connection struct {
	broker *Broker
	net    net.Conn
	in     *bufio.Reader
	wake   chan struct{} // there is something to write, or nothing ever again
	ticker *time.Ticker  // of empty frames

	mu       sync.Mutex
	flushed  sync.Cond // out has got shorter, or the connection ended
	out      []byte    // encoded, waiting for the writer
	stalled  bool      // deliveries wait for out to get shorter
	opened   bool      // our open is out
	closing  bool      // our close is out; nothing more may follow
	ended    bool      // the reader has ended
	maxFrame uint32    // the peer's
	sessions map[uint16]*session
}

func newConnection(b *Broker, nc net.Conn) *connection {
	c := &connection{
		broker: b, net: nc, in: bufio.NewReaderSize(nc, maxFrameSize), wake: make(chan struct{}, 1),
		ticker: time.NewTicker(keepAlive), maxFrame: 512, sessions: make(map[uint16]*session),
	}
	c.flushed.L = &c.mu
	return c
}

// serve runs the connection to its end.
func (c *connection) serve() {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	err := c.read()

	c.mu.Lock()
	var fault *wire.Error
	if errors.As(err, &fault) {
		c.close(fault)
	}
	c.mu.Unlock()
	if fault != nil {
		_, _ = io.Copy(io.Discard, c.in) // closing with bytes unread would make TCP take our close frame back
	}

	c.mu.Lock()
	c.ended, c.closing = true, true
	for _, s := range c.sessions {
		s.drop()
	}
	c.sessions = nil
	c.flushed.Broadcast()
	c.poke()
	c.mu.Unlock()
	<-written
	_ = c.net.Close()
}

// read handles what the client sends until it is over. An error that is a *wire.Error is for the client to know.
func (c *connection) read() error {
	if err := c.greet(); err != nil {
		return err
	}
	for {
		c.setReadDeadline()
		frame, err := wire.ReadFrame(c.in, maxFrameSize)
		if err != nil {
			return err
		}
		if frame.Body == nil {
			continue
		}
		if frame.Type != wire.FrameAMQP {
			return framingError("a SASL frame after SASL")
		}
		last, err := c.handle(frame)
		if err != nil || last {
			return err
		}
	}
}

// setReadDeadline gives the client twice the announced time, or less when all is said.
func (c *connection) setReadDeadline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		_ = c.net.SetReadDeadline(time.Now().Add(2 * c.broker.idleTimeout))
	}
}

// greet plays the headers and SASL. Every client is let in: who may do what is decided by put-token.
func (c *connection) greet() error {
	header, err := c.readHeader()
	if err != nil {
		return err
	}
	if header == wire.HeaderSASL {
		c.say(header)
		c.sasl(&wire.Mechanisms{Names: []wire.Symbol{"MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"}})
		frame, err := wire.ReadFrame(c.in, maxFrameSize)
		if err != nil {
			return err
		}
		if _, ok := frame.Body.(*wire.Init); !ok || frame.Type != wire.FrameSASL {
			return errors.New("servicebus: no sasl-init")
		}
		c.sasl(&wire.Outcome{})
		if header, err = c.readHeader(); err != nil {
			return err
		}
	}
	c.say(wire.HeaderAMQP)
	if header != wire.HeaderAMQP {
		return errors.New("servicebus: unknown protocol header")
	}
	c.mu.Lock()
	c.send(0, &wire.Open{
		ContainerID: "signalbox", MaxFrameSize: maxFrameSize, ChannelMax: channelMax,
		IdleTimeout: uint32(min(c.broker.idleTimeout.Milliseconds(), 1<<31)),
	})
	c.opened = true
	c.mu.Unlock()
	c.setReadDeadline()
	frame, err := wire.ReadFrame(c.in, maxFrameSize)
	if err != nil {
		return err
	}
	open, ok := frame.Body.(*wire.Open)
	if !ok || frame.Type != wire.FrameAMQP || open.MaxFrameSize < 512 {
		return framingError("the first frame must be an open with a frame size of 512 or more")
	}
	c.mu.Lock()
	c.maxFrame = min(open.MaxFrameSize, maxFrameSize)
	c.mu.Unlock()
	if theirs := time.Duration(open.IdleTimeout) * time.Millisecond; theirs > 0 {
		c.ticker.Reset(min(keepAlive, theirs/2))
	}
	return nil
}

func (c *connection) readHeader() (string, error) {
	c.setReadDeadline()
	var header [8]byte
	_, err := io.ReadFull(c.in, header[:])
	return string(header[:]), err
}

// handle does what a frame asks for; last is true after the client's close.
func (c *connection) handle(frame wire.Frame) (last bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > hardLimit && !c.closing {
		c.flushed.Wait()
	}
	if _, ok := frame.Body.(*wire.Close); ok {
		c.close(nil)
		return true, nil
	}
	if c.closing { // the rest of the conversation is of no interest
		return false, nil
	}
	if begin, ok := frame.Body.(*wire.Begin); ok {
		return false, c.begin(frame.Channel, begin)
	}
	s := c.sessions[frame.Channel]
	if s == nil {
		return false, notAllowed("a frame on channel %d, which has no session", frame.Channel)
	}
	return false, s.handle(frame.Body)
}

// send appends a frame for the writer. After close, and after the reader's end, nothing is sent.
func (c *connection) send(channel uint16, body wire.Performative) {
	if c.closing {
		return
	}
	out, err := wire.AppendFrame(c.out, wire.Frame{Channel: channel, Body: body})
	if err != nil {
		panic(err) // only our own mistake in a performative can get here
	}
	c.out = out
	c.poke()
}

// close says the last word. The client has a moment to answer it; then the connection is cut.
func (c *connection) close(fault *wire.Error) {
	if c.closing {
		return
	}
	if c.opened {
		c.send(0, &wire.Close{Error: fault})
	}
	c.closing = true
	deadline := time.Now().Add(farewell)
	_ = c.net.SetDeadline(deadline)
	c.flushed.Broadcast()
	c.poke()
}

func (c *connection) say(header string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, header...)
	c.poke()
}

func (c *connection) sasl(body wire.Performative) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, err := wire.AppendFrame(c.out, wire.Frame{Type: wire.FrameSASL, Body: body})
	if err != nil {
		panic(err) // as in send
	}
	c.out = out
	c.poke()
}

func (c *connection) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what is in out until the reader has ended and all is sent.
func (c *connection) write() {
	defer c.ticker.Stop()
	var buf []byte
	for {
		c.mu.Lock()
		buf, c.out = c.out, buf[:0]
		c.flushed.Broadcast()
		ended := c.ended
		if c.stalled && !c.closing {
			c.stalled = false
			for _, s := range c.sessions {
				s.pump()
			}
		}
		if !c.closing {
			_ = c.net.SetWriteDeadline(time.Now().Add(2 * c.broker.idleTimeout))
		}
		c.mu.Unlock()
		switch {
		case len(buf) > 0:
			if _, err := c.net.Write(buf); err != nil {
				_ = c.net.Close() // wakes the reader, which cleans up
				c.discard()
				return
			}
			if cap(buf) > softLimit*2 {
				buf = nil
			}
		case ended:
			return
		default:
			c.idle()
		}
	}
}

// idle waits for something to write and says at intervals that we live.
func (c *connection) idle() {
	select {
	case <-c.wake:
	case <-c.ticker.C:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.opened && len(c.out) == 0 {
			c.send(0, nil)
		}
	}
}

// discard makes sure that nothing piles up for a network that is gone.
func (c *connection) discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing, c.out = true, nil
	c.flushed.Broadcast()
}
