package harness

import (
	"context"
	"net"
	"time"

	"github.com/signalbox/signalbox/internal/app"
)

// Link is the way from one process of a virtual world to a stand-in.
type Link string

// The links.
const (
	ToBroker Link = "broker"
	ToRedis  Link = "redis"
	ToCSU    Link = "csu"
)

// links are those of one process; each leads into the world's own line.
type links map[Link]*line

func (w *World) links() links {
	return links{
		ToBroker: {dial: func(ctx context.Context) (net.Conn, error) { return w.dialBroker(ctx) }},
		ToRedis:  {dial: w.toRedis.connect, slow: true},
		ToCSU:    {dial: w.toCSU.connect},
	}
}

// into puts the links into a process.
func (l links) into(p *app.Parts) {
	p.DialBroker = l[ToBroker].connect
	p.DialRedis = func(ctx context.Context, _, _ string) (net.Conn, error) { return l[ToRedis].connect(ctx) }
	p.DialCSU = func(ctx context.Context, _, _ string) (net.Conn, error) { return l[ToCSU].connect(ctx) }
}

// Drop closes every connection of the process over a link; the next ones come about.
func (p *Process) Drop(l Link) { p.links[l].drop(false) }

// Cut closes every connection of the process over a link and lets no new one come about, until Mend.
func (p *Process) Cut(l Link) { p.links[l].drop(true) }

// Mend lets connections over a link come about again.
func (p *Process) Mend(l Link) { p.links[l].mend() }

// Delay makes what the process sends to Redis from now on arrive that much later, even if it gave up on it meanwhile.
func (p *Process) Delay(d time.Duration) { p.links[ToRedis].delay(d) }
