// Package proxy is a TCP proxy on the loopback interface that makes the network between two processes as bad as it is asked to be:
// slow, resetting connections, swallowing what goes one way or both, or keeping it and delivering it late. It knows no protocol.
//
// Concurrency: all methods may be called at any time; a change takes effect at once, for open connections too.
// Errors: Listen's only. A connection to a target that is not there is reset, as by a host without a listener.
package proxy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Network says how bad it is. The zero value is a good one.
type Network struct {
	Latency time.Duration // every chunk arrives so much later, each way
	Reset   float64       // probability that a chunk is not delivered and its connection is reset

	// What is lost is swallowed, the end of a connection too; new connections are accepted all the same. Both: a black hole.
	// Bytes that were lost do not come back, so a connection that has lost any is reset once nothing is lost any more, as by a
	// firewall that has forgotten it; with Forever it stays dumb both ways, as by a firewall that says nothing.
	LoseUp, LoseDown bool // towards the target; towards the client
	Forever          bool

	// What is held is delivered once it is not any more, as TCP does when a cable is plugged in again, the end of a connection too.
	HoldUp, HoldDown bool
}

// Stats are counts since Listen.
type Stats struct {
	Connections int64
	Resets      int64 // connections that were reset on purpose
	LostBytes   int64
}

// Proxy passes connections on to one target.
type Proxy struct {
	to       string
	listener net.Listener
	group    sync.WaitGroup
	ending   context.Context
	end      context.CancelFunc

	mu      sync.Mutex
	network Network
	changed chan struct{} // closed by the next Set
	random  *rand.Rand
	links   map[*link]struct{}
	stats   Stats
}

// Listen accepts connections on a free port of the loopback interface and passes them on to the target, host:port. What happens by
// probability is drawn from the seed.
func Listen(to string, seed uint64) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{to: to, listener: l, changed: make(chan struct{}), random: rand.New(rand.NewPCG(seed, 1)), links: map[*link]struct{}{}}
	p.ending, p.end = context.WithCancel(context.Background())
	p.group.Go(p.accept)
	return p, nil
}

// Addr is where to connect to, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the network.
func (p *Proxy) Set(n Network) {
	p.mu.Lock()
	p.network = n
	close(p.changed)
	p.changed = make(chan struct{})
	var forgotten []*link
	if !n.LoseUp && !n.LoseDown {
		for l := range p.links {
			if l.lost && !l.dumb {
				forgotten = append(forgotten, l)
			}
		}
	}
	p.mu.Unlock()
	p.reset(forgotten)
}

// DropAll resets every open connection.
func (p *Proxy) DropAll() {
	p.mu.Lock()
	var all []*link
	for l := range p.links {
		all = append(all, l)
	}
	p.mu.Unlock()
	p.reset(all)
}

// Stats says what happened so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Close ends every connection and waits for all of its goroutines.
func (p *Proxy) Close() error {
	p.end()
	err := p.listener.Close()
	p.DropAll()
	p.group.Wait()
	return err
}

func (p *Proxy) reset(links []*link) {
	for _, l := range links {
		if l.cut() {
			p.mu.Lock()
			p.stats.Resets++
			p.mu.Unlock()
		}
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.group.Go(func() { p.connect(client) })
	}
}

// connect serves one connection until both of its ways have ended.
func (p *Proxy) connect(client net.Conn) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	target, err := dialer.DialContext(p.ending, "tcp", p.to)
	l := &link{client: client, target: target, over: make(chan struct{})}
	if err != nil {
		l.target = client
		l.cut()
		return
	}
	p.mu.Lock()
	p.links[l] = struct{}{}
	p.stats.Connections++
	p.mu.Unlock()
	if p.ending.Err() != nil { // Close may have looked for connections before this one was there
		l.cut()
	}
	var ways sync.WaitGroup
	for _, w := range []*way{{p: p, l: l, from: client, to: target, up: true}, {p: p, l: l, from: target, to: client}} {
		w.chunks = make(chan chunk, 64)
		ways.Go(w.read)
		ways.Go(w.write)
	}
	ways.Wait()
	l.cut()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}
