// Package flight guards the connections of an HTTP client: who lost the right to send sends nothing, or nothing more, and it is known whether any byte of
// a request may have left. Dialling and TLS take time, in which a claim can be lost, so it is asked for next to the system call
// (docs/decisions/006).
//
// A Flight is one attempt's; safe for concurrent use.
package flight

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const handshakeTimeout = 10 * time.Second

// Flight is one HTTP attempt as its connection sees it. It answers the two questions that decide whether a failed write is
// ambiguous: may we still send, and has anything been sent.
type Flight struct {
	stillOurs func() error          // nil: nobody is asked
	abort     func()                // ends the request: net/http would try its other connections with one that was not written
	sent      atomic.Int64          // bytes given to the network
	refusal   atomic.Pointer[error] // what stillOurs said when it said no; it is not asked again
	conn      atomic.Pointer[attachment]
}

// New makes a Flight. stillOurs is asked before each write, so it must be quick; nil: nobody is asked. abort ends the request.
func New(stillOurs func() error, abort func()) *Flight {
	return &Flight{stillOurs: stillOurs, abort: abort}
}

// attachment is where a connection keeps the flight whose request it carries; nil while idle.
type attachment = atomic.Pointer[Flight]

// Check asks whether we may still send. A no is final, so that the rest of a request cannot follow after it.
func (f *Flight) Check() error {
	if err := f.Refused(); err != nil || f.stillOurs == nil {
		return err
	}
	err := f.stillOurs()
	if err != nil {
		f.refusal.Store(&err)
		f.abort()
	}
	return err
}

// Refused is the answer of the guard that stopped the request, if one did.
func (f *Flight) Refused() error {
	if p := f.refusal.Load(); p != nil {
		return *p
	}
	return nil
}

// Left says whether any byte of the request may have left this process.
func (f *Flight) Left() bool { return f.sent.Load() != 0 }

// write sends p if we still may. Bytes are counted before the system call, so that a call under way counts as sent.
func (f *Flight) write(c net.Conn, p []byte) (int, error) {
	if err := f.Check(); err != nil {
		return 0, err
	}
	f.sent.Add(int64(len(p)))
	n, err := c.Write(p)
	f.sent.Add(int64(n - len(p)))
	return n, err
}

// Watch makes the connection that net/http picks for a request carry this flight. It is called after dialling and the
// TLS handshake, before the first byte of the request.
func (f *Flight) Watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		var at *attachment
		switch c := info.Conn.(type) {
		case *plainConn:
			at = &c.flight
		case *secureConn:
			at = &c.flight
		default: // not one of ours: nothing can be said of it
			f.sent.Add(1)
			return
		}
		at.Store(f)
		f.conn.Store(at)
	}})
}

// Land frees the connection. By then it may carry the next flight already, which stays.
func (f *Flight) Land() {
	if at := f.conn.Load(); at != nil {
		at.CompareAndSwap(f, nil)
	}
}

// plainConn is a network connection whose writes are guarded while a flight is attached.
type plainConn struct {
	net.Conn
	flight attachment
}

func (c *plainConn) Write(p []byte) (int, error) {
	if f := c.flight.Load(); f != nil {
		return f.write(c.Conn, p)
	}
	return c.Conn.Write(p)
}

// secureConn is TLS over a plainConn. The guard sits below the encryption, next to the system call, but only while request
// bytes are written: alerts and key updates are neither refused nor counted.
type secureConn struct {
	*tls.Conn
	below  *plainConn
	flight attachment
}

func (c *secureConn) Write(p []byte) (int, error) {
	c.below.flight.Store(c.flight.Load())
	defer c.below.flight.Store(nil)
	return c.Conn.Write(p)
}

// DialFunc makes a network connection.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Dial wraps every connection that dial makes.
func Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &plainConn{Conn: c}, nil
	}
}

// DialTLS makes HTTP/1.1 connections over TLS. HTTP/2 would let requests share a connection, and then no guard
// could tell whose bytes a write holds.
func DialTLS(dial DialFunc, conf *tls.Config) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conf := conf.Clone()
		if conf.ServerName, _, err = net.SplitHostPort(address); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("address: %w", err)
		}
		below := &plainConn{Conn: c}
		secure := tls.Client(below, conf)
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, err
		}
		return &secureConn{Conn: secure, below: below}, nil
	}
}
