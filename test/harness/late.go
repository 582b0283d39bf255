package harness

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// lateConn is a connection whose bytes to the far end may be under way for a while. They arrive even if whoever sent them has
// closed it meanwhile, as on a network: a command that was given up may still be carried out.
type lateConn struct {
	net.Conn
	line *line

	mu       sync.Mutex
	underway []parcel
	moving   bool // a goroutine carries what is under way
	closed   bool
}

type parcel struct {
	arrives time.Time
	bytes   []byte
}

// Write sends b, or sets it under way.
func (c *lateConn) Write(b []byte) (int, error) {
	c.line.mu.Lock()
	late := c.line.late
	c.line.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case late == 0 && !c.moving:
		return c.Conn.Write(b)
	}
	c.underway = append(c.underway, parcel{time.Now().Add(late), bytes.Clone(b)})
	if !c.moving {
		c.moving = true
		go c.move()
	}
	return len(b), nil
}

// move carries what is under way to the far end, in order.
func (c *lateConn) move() {
	for {
		c.mu.Lock()
		if len(c.underway) == 0 {
			c.moving = false
			closed := c.closed
			c.mu.Unlock()
			if closed {
				_ = c.Conn.Close()
			}
			return
		}
		next := c.underway[0]
		c.underway = c.underway[1:]
		c.mu.Unlock()
		<-time.After(time.Until(next.arrives))
		_, _ = c.Conn.Write(next.bytes) // the far end may have gone
	}
}

// Close ends the near side. What is under way still arrives, and nobody reads what comes back.
func (c *lateConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.moving {
		return c.Conn.Close()
	}
	if !c.closed {
		c.closed = true
		_ = c.SetReadDeadline(time.Time{})
		go func() { _, _ = io.Copy(io.Discard, c.Conn) }() // until move closes it
	}
	return nil
}

// SetWriteDeadline does nothing: sending never blocks for long, and what is under way must not run into an old deadline.
func (c *lateConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline of reads.
func (c *lateConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }
