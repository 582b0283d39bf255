package redis

import (
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Dial connects to a miniredis in memory, for virtual time. As through a socket, and unlike through a net.Pipe, what is written need not
// have been read yet: the two ends of a pipeline would wait for each other.
func Dial(m *miniredis.Miniredis) (net.Conn, error) {
	c, err := m.Dial()
	if err != nil {
		return nil, err
	}
	r := &roomy{Conn: c}
	r.news = sync.NewCond(&r.mu)
	go r.pass()
	return r, nil
}

// roomy keeps what is written until the other end reads it.
type roomy struct {
	net.Conn

	mu     sync.Mutex
	news   *sync.Cond
	held   []byte
	err    error // of the other end
	closed bool
}

// pass writes to the other end until the connection is closed.
func (r *roomy) pass() {
	for {
		r.mu.Lock()
		for len(r.held) == 0 && !r.closed {
			r.news.Wait()
		}
		now := r.held
		r.held = nil
		closed := r.closed
		r.mu.Unlock()
		if closed {
			return
		}
		if _, err := r.Conn.Write(now); err != nil {
			r.mu.Lock()
			r.err = err
			r.mu.Unlock()
			return
		}
	}
}

// Write implements net.Conn.
func (r *roomy) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, net.ErrClosed
	case r.err != nil:
		return 0, r.err
	}
	r.held = append(r.held, b...)
	r.news.Signal()
	return len(b), nil
}

// SetDeadline implements net.Conn; nothing that is written waits.
func (r *roomy) SetDeadline(t time.Time) error { return r.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (r *roomy) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.Conn.
func (r *roomy) Close() error {
	r.mu.Lock()
	r.closed = true
	r.news.Signal()
	r.mu.Unlock()
	return r.Conn.Close()
}
