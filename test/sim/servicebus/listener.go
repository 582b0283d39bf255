package servicebus

import (
	"net"
	"time"
)

// Serve accepts connections until the listener fails or the broker is closed; then it returns ErrClosed. It
// closes the listener. Any number of listeners may be served.
func (b *Broker) Serve(l net.Listener) error {
	defer l.Close() // a second time when the broker was closed first
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrClosed
	}
	b.listeners[l] = true
	b.running.Add(1)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.listeners, l)
		b.mu.Unlock()
		b.running.Done()
	}()
	for {
		nc, err := l.Accept()
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.closed {
				return ErrClosed
			}
			return err
		}
		if c, ok := b.register(nc); ok {
			go b.run(c)
		}
	}
}

// serving says whether somebody can connect.
func (b *Broker) serving() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed && len(b.listeners) > 0
}

// ServeConn serves one connection and returns when it has ended.
func (b *Broker) ServeConn(nc net.Conn) {
	if c, ok := b.register(nc); ok {
		b.run(c)
	}
}

// Pipe returns the client's end of a connection in memory that the broker serves; see the package's example.
// On a closed broker it is closed too.
func (b *Broker) Pipe() net.Conn {
	client, server := net.Pipe()
	if c, ok := b.register(server); ok {
		go b.run(c)
	}
	return client
}

// register counts a connection among the running ones before anybody can wait for them.
func (b *Broker) register(nc net.Conn) (*connection, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = nc.Close()
		return nil, false
	}
	c := newConnection(b, nc)
	b.connections[c] = true
	b.running.Add(1)
	return c, true
}

func (b *Broker) run(c *connection) {
	defer b.running.Done()
	c.serve()
	b.mu.Lock()
	delete(b.connections, c)
	b.mu.Unlock()
}

// each calls do with every connection, locked.
func (b *Broker) each(do func(c *connection)) {
	b.mu.Lock()
	all := make([]*connection, 0, len(b.connections))
	for c := range b.connections {
		all = append(all, c)
	}
	b.mu.Unlock()
	for _, c := range all {
		c.mu.Lock()
		do(c)
		c.mu.Unlock()
	}
}

// DropConnections cuts every connection as a broken network does: without a word.
func (b *Broker) DropConnections() {
	b.each(func(c *connection) { _ = c.net.Close() })
}

// CloseConnections closes every connection with amqp:connection:forced, as a server that restarts does.
func (b *Broker) CloseConnections() {
	b.each(func(c *connection) { c.close(forcedClose()) })
}

// DetachLinks detaches every link to the queue with amqp:link:detach-forced, as an update of the entity does.
// Locks stay; the links to the queue's $management node stay too.
func (b *Broker) DetachLinks(queue string) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	b.detach(func(l *link) bool { return l.queue == q && l.node == nodeEntity })
	return nil
}

// StallLinks lets every link that now receives from the queue get nothing more, though it stays open and its credit is taken:
// as it is when a broker's gateway has forgotten it. A new link gets messages.
func (b *Broker) StallLinks(queue string) error {
	q, err := b.queue(queue)
	if err != nil {
		return err
	}
	b.each(func(c *connection) {
		for _, s := range c.sessions {
			for _, l := range s.links {
				if o, sends := l.(*outlet); sends && o.queue == q && o.node == nodeEntity {
					o.deaf = true
					o.limit()
				}
			}
		}
	})
	return nil
}

// detach detaches the links that are chosen.
func (b *Broker) detach(chosen func(l *link) bool) {
	now := time.Now()
	b.each(func(c *connection) {
		for _, s := range c.sessions {
			for _, l := range s.links {
				if chosen(l.common()) {
					s.detach(l, forcedDetach(l.common().queue.Path(), now))
				}
			}
		}
	})
}
