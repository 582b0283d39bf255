package csuclient

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

// flight is one HTTP attempt as its connection sees it. It answers the two questions that decide whether a failed write is
// ambiguous: may we still send, and has anything been sent.
type flight struct {
	stillOurs func() error
	abort     func()                // ends the request: net/http would try its other connections with one that was not written
	sent      atomic.Int64          // bytes given to the network
	refusal   atomic.Pointer[error] // what stillOurs said when it said no; it is not asked again
	conn      atomic.Pointer[attachment]
}

// attachment is where a connection keeps the flight whose request it carries; nil while idle.
type attachment = atomic.Pointer[flight]

// check asks whether we may still send. A no is final, so that the rest of a request cannot follow after it.
func (f *flight) check() error {
	if p := f.refusal.Load(); p != nil {
		return *p
	}
	err := f.stillOurs()
	if err != nil {
		f.refusal.Store(&err)
		f.abort()
	}
	return err
}

// refused is the answer of the guard that stopped the request, if one did.
func (f *flight) refused() error {
	if p := f.refusal.Load(); p != nil {
		return *p
	}
	return nil
}

// left says whether any byte of the request may have left this process.
func (f *flight) left() bool { return f.sent.Load() != 0 }

// write sends p if we still may. Bytes are counted before the system call, so that a call under way counts as sent.
func (f *flight) write(c net.Conn, p []byte) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	f.sent.Add(int64(len(p)))
	n, err := c.Write(p)
	f.sent.Add(int64(n - len(p)))
	return n, err
}

// watch makes the connection that net/http picks for a request carry this flight. It is called after dialling and the
// TLS handshake, before the first byte of the request.
func (f *flight) watch(ctx context.Context) context.Context {
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

// land frees the connection. By then it may carry the next flight already, which stays.
func (f *flight) land() {
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

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// guardedDial wraps every connection that dial makes.
func guardedDial(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &plainConn{Conn: c}, nil
	}
}

// guardedDialTLS makes HTTP/1.1 connections over TLS. HTTP/2 would let requests share a connection, and then no guard
// could tell whose bytes a write holds.
func guardedDialTLS(dial dialFunc, conf *tls.Config) dialFunc {
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
