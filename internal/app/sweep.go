package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/internal/leader"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
)

// sweepRole is the name of the sweeper's lease.
const sweepRole = "sweep"

// openSweep makes this process a candidate for taking replayed and discarded dead letters out of their queues, for what the
// operator's command did not get to. Two that do it at once do no harm.
func (a *App) openSweep() (err error) {
	if a.cfg.Worker.SweepEvery == 0 {
		return nil
	}
	a.sweeper, err = a.stand(sweepRole, a.sweepOn)
	return err
}

// stand makes this process a candidate for a role. Whoever leads in it logs under its name.
func (a *App) stand(role string, lead func(context.Context, *zap.Logger)) (*leader.Elector, error) {
	log := a.log.Named(role)
	return leader.New(leader.Options{Client: a.redis, Key: a.keys().Lease(role), ID: a.owner, Lease: a.cfg.Run.Lease,
		Lead:     func(ctx context.Context) { lead(ctx, log) },
		Panicked: func(any) { log.Error("it panicked; another process may try") },
	})
}

// sweepOn sweeps every queue from time to time until ctx ends.
func (a *App) sweepOn(ctx context.Context, log *zap.Logger) {
	s := deadletter.Sweeper{Ledger: redisledger.New(a.redis, a.keys()), Hasher: a.hasher}
	tick := time.NewTicker(a.cfg.Worker.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, queue := range a.queues() {
			a.sweepQueue(ctx, s, queue, log)
		}
	}
}

// sweepQueue opens a link only when there is something to take.
func (a *App) sweepQueue(ctx context.Context, s deadletter.Sweeper, queue string, log *zap.Logger) {
	shelf := a.bus.Queue(queue).DeadLetters()
	defer shelf.Close(context.WithoutCancel(ctx))
	swept, err := s.Sweep(ctx, queue, shelf)
	about := []zap.Field{zap.String("queue", queue), zap.Int("count", swept.Removed)}
	switch {
	case err != nil && ctx.Err() == nil:
		log.Warn("dead letters could not be taken out; the next sweep tries again", append(about, zap.Error(err))...)
	case swept.Removed > 0:
		log.Info("replayed and discarded dead letters are taken out", about...)
	}
}

// sweep takes part in the election until ctx ends, as watch does.
func (a *App) sweep(ctx context.Context) (stop func()) { return candidate(ctx, a.sweeper) }

// candidate runs an elector until ctx ends; stop waits until what this process led is given back. A nil elector leads nothing.
func candidate(ctx context.Context, e *leader.Elector) (stop func()) {
	if e == nil {
		return func() {}
	}
	return running(ctx, e.Run)
}

// running runs something until ctx ends; stop waits for its end.
func running(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}
