package httpout

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// flight is one request as its connection sees it: whether it may still be sent, and whether any of it may have been. Dialling and
// TLS take time, in which a claim can be lost, so it is asked for next to the system call (docs/decisions/006).
type flight struct {
	stillOurs func() error          // nil: nobody is asked
	abort     func()                // ends the request: net/http would try its other connections
	left      atomic.Bool           // a byte of it may have
	refusal   atomic.Pointer[error] // what stillOurs said when it said no; it is not asked again
	conn      atomic.Pointer[guardedConn]
}

// refused is the no that stopped the request, if one did.
func (f *flight) refused() error {
	if p := f.refusal.Load(); p != nil {
		return *p
	}
	return nil
}

func (f *flight) check() error {
	if err := f.refused(); err != nil || f.stillOurs == nil {
		return err
	}
	err := f.stillOurs()
	if err != nil {
		f.refusal.Store(&err)
		f.abort()
	}
	return err
}

// watch makes the connection that net/http picks carry this flight: after dialling and TLS, before the first byte.
func (f *flight) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		if c, ok := conn.(*guardedConn); ok {
			c.flight.Store(f)
			f.conn.Store(c)
		} else { // nothing can be said of it
			f.left.Store(true)
		}
	}})
}

// land frees the connection. By then it may carry the next flight already, which stays.
func (f *flight) land() {
	if c := f.conn.Load(); c != nil {
		c.flight.CompareAndSwap(f, nil)
	}
}

// guardedConn asks before each write of a flight that it carries.
type guardedConn struct {
	net.Conn
	flight atomic.Pointer[flight] // nil while idle
}

func (c *guardedConn) Write(p []byte) (int, error) {
	if f := c.flight.Load(); f != nil {
		if err := f.check(); err != nil {
			return 0, err
		}
		f.left.Store(true)
	}
	return c.Conn.Write(p)
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// guarded wraps every connection that dial makes.
func guarded(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &guardedConn{Conn: c}, nil
	}
}
