package proxy

import (
	"net"
	"sync"
	"time"
)

// link is one connection through the proxy: two sockets. lost and dumb are guarded by the proxy's lock.
type link struct {
	client, target net.Conn
	once           sync.Once
	over           chan struct{} // closed with the sockets

	lost bool // bytes of it were swallowed
	dumb bool // and it stays so for good
}

// cut resets both sockets; true: they were open.
func (l *link) cut() (was bool) {
	l.once.Do(func() {
		was = true
		for _, c := range []net.Conn{l.client, l.target} {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset, not an end
			}
			_ = c.Close()
		}
		close(l.over)
	})
	return was
}

// chunk is what was read at once; without bytes it is the end.
type chunk struct {
	bytes []byte
	at    time.Time // when it was read
}

// way is one direction of a connection. One goroutine reads, so that what is slow is not slower for being read late; one writes.
type way struct {
	p        *Proxy
	l        *link
	from, to net.Conn
	up       bool
	chunks   chan chunk
}

const chunkBytes = 32 << 10

func (w *way) read() {
	defer close(w.chunks)
	for {
		buffer := make([]byte, chunkBytes)
		n, err := w.from.Read(buffer)
		if n > 0 && !w.hand(chunk{buffer[:n], time.Now()}) {
			return
		}
		if err != nil {
			w.hand(chunk{nil, time.Now()})
			return
		}
	}
}

func (w *way) hand(c chunk) bool {
	select {
	case w.chunks <- c:
		return true
	case <-w.l.over:
		return false
	}
}

// write delivers, in order, what the network lets through.
func (w *way) write() {
	for c := range w.chunks {
		switch w.fate(c) {
		case delivered:
			if len(c.bytes) == 0 {
				w.finish()
				continue
			}
			if _, err := w.to.Write(c.bytes); err != nil {
				w.l.cut() // the reader must not go on into nothing
			}
		case reset:
			w.p.reset([]*link{w.l})
		case swallowed:
		}
	}
}

// finish passes on that one side has nothing more to say; the other may have.
func (w *way) finish() {
	if tcp, ok := w.to.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

type fate int

const (
	delivered fate = iota
	swallowed
	reset
)

// fate waits as long as a chunk is late or held, and says what becomes of it.
func (w *way) fate(c chunk) fate {
	for {
		n, changed, f := w.look(c)
		wait := time.Until(c.at.Add(n.Latency))
		if f != delivered || !n.held(w.up) && wait <= 0 {
			return f
		}
		if n.held(w.up) {
			wait = time.Hour // until it changes
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-w.l.over:
			timer.Stop()
			return swallowed
		}
		timer.Stop()
	}
}

func (n Network) held(up bool) bool { return up && n.HoldUp || !up && n.HoldDown }
func (n Network) loses(up bool) bool {
	return up && n.LoseUp || !up && n.LoseDown
}

// look is the network as it is for a chunk now, and what becomes of it unless it has to wait. The dice are cast once it does not.
func (w *way) look(c chunk) (Network, <-chan struct{}, fate) {
	p := w.p
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.network
	switch {
	case n.loses(w.up) || w.l.dumb:
		w.l.lost = true
		w.l.dumb = w.l.dumb || n.Forever
		p.stats.LostBytes += int64(len(c.bytes))
		return n, p.changed, swallowed
	case n.held(w.up) || time.Until(c.at.Add(n.Latency)) > 0:
	case n.Reset > 0 && len(c.bytes) > 0 && p.random.Float64() < n.Reset:
		return n, p.changed, reset
	}
	return n, p.changed, delivered
}
