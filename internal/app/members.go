package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// presence keeps this process among the members of the fleet: claims ask there whether who let a run go has died.
type presence struct {
	a       *App
	members *redisstore.Members
	began   time.Time
	version string
}

func (a *App) newPresence() *presence {
	version, _ := build()
	return &presence{a, redisstore.NewMembers(a.redis, a.keys()), time.Now().UTC().Truncate(time.Second), version}
}

// announce says once that this process lives. It must be said before the first claim: of whom nobody has heard, nobody can say
// that it died.
func (p *presence) announce(ctx context.Context) error {
	me := redisstore.Member{Name: p.a.owner, Version: p.version, Began: p.began, InFlight: p.a.worker.InFlight(), Paused: p.a.worker.Paused(),
		Draining: p.a.worker.Draining()}
	for _, q := range p.a.worker.Queues() {
		me.Slots += q.Slots
	}
	return p.members.Announce(ctx, me, p.a.cfg.Run.Lease)
}

// keep goes on saying so until stop is called, and then says that the process leaves. stop must come after the last run.
func (p *presence) keep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var kept sync.WaitGroup
	kept.Go(func() { p.beat(ctx) })
	return func() {
		cancel()
		kept.Wait()
		call, done := context.WithTimeout(context.Background(), 2*time.Second)
		defer done()
		if err := p.members.Leave(call, p.a.owner); err != nil {
			p.a.log.Warn("the fleet does not know that this process leaves, and will take it for dead", zap.Error(fmt.Errorf("leave: %w", err)))
		}
	}
}

// beat announces at the pace at which leases are renewed, and sooner while nobody hears it: whoever comes back after Redis was
// away should be known to live before somebody asks.
func (p *presence) beat(ctx context.Context) {
	every := p.a.cfg.Run.Renew
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		call, done := context.WithTimeout(ctx, every)
		err := p.announce(call)
		done()
		if err != nil {
			timer.Reset(every / 5)
			continue
		}
		timer.Reset(every)
	}
}
