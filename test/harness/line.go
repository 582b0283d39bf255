package harness

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// errCut is what dialling over a cut line gives.
var errCut = errors.New("harness: the line is cut")

// line is the way from the fleet to a stand-in. It can be cut for a while, and its connections closed.
type line struct {
	dial func(context.Context) (net.Conn, error)
	slow bool // bytes may be under way for a while (delay)

	mu    sync.Mutex
	cut   bool
	late  time.Duration // how long bytes to the stand-in are under way
	conns []net.Conn
}

func (l *line) connect(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if cut {
		return nil, errCut
	}
	c, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	if !l.slow {
		return c, nil
	}
	return &lateConn{Conn: c, line: l}, nil
}

// drop closes every connection; cut says whether there can be new ones.
func (l *line) drop(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// mend lets connections come about again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// delay says how long bytes to the stand-in are under way from now on.
func (l *line) delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = d
}

// DropRedis closes every connection to Redis; the next ones come about. Virtual worlds only.
func (w *World) DropRedis() { w.toRedis.drop(false) }

// CutCSU closes every connection to the CSU and lets no new one come about, until MendCSU. Virtual worlds only.
func (w *World) CutCSU() { w.toCSU.drop(true) }

// MendCSU lets connections to the CSU come about again.
func (w *World) MendCSU() { w.toCSU.drop(false) }
