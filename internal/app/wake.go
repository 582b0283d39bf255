package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/worker/servicebus"
	"github.com/signalbox/signalbox/worker/wake"
	"github.com/signalbox/signalbox/worker/wake/rediswaiters"
)

// wakeRole is the name of the waker's lease.
const wakeRole = "wake"

// waiters is the index of the events that wait for a binding.
func (a *App) waiters() *rediswaiters.Waiters { return rediswaiters.New(a.redis, a.keys()) }

// openWake makes this process a candidate for waking events whose binding has come. Two that do it at once do no harm, and with
// nobody to do it they come when they are due.
func (a *App) openWake() (err error) {
	if a.cfg.Worker.WakeEvery == 0 {
		return nil
	}
	a.waker, err = a.stand(wakeRole, a.wakeOn)
	return err
}

// wakeOn wakes from time to time until ctx ends.
func (a *App) wakeOn(ctx context.Context, log *zap.Logger) {
	own := map[string]*servicebus.Browser{}
	for _, queue := range a.cfg.ServiceBus.OwnQueue.All() {
		own[queue] = a.bus.Queue(queue).Browse() // opens its link when something is to be woken
	}
	defer func() {
		for _, b := range own {
			b.Close(context.WithoutCancel(ctx))
		}
	}()
	peek := func(queue string) wake.Peeker {
		if b, ok := own[queue]; ok {
			return b
		}
		return nil
	}
	w := wake.Waker{Index: a.waiters(), Outbox: a.outbox(), Peek: peek, Tell: func(queue, correlation string) {
		log.Info("an event goes on: the binding it waited for is there", zap.String("queue", queue), zap.String("correlation_id", correlation))
	}}
	var on atomic.Int64 // there may be many, so they are told of together
	switched := wake.Waker{Index: a.waiters().Switched(config.Switchable(), a.off), Outbox: a.outbox(), Peek: peek, Tell: func(string, string) { on.Add(1) }}
	failing := false
	tick := time.NewTicker(a.cfg.Worker.WakeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := errors.Join(w.Wake(ctx), switched.Wake(ctx))
		if n := on.Swap(0); n > 0 {
			log.Info("events go on: their scenario is on", zap.Int64("count", n))
		}
		if err != nil && ctx.Err() == nil && !failing { // said once, not every second
			log.Warn("not every event that need not wait any more could be woken; the next rounds try again, and each comes by itself when it is due", zap.Error(err))
		}
		failing = err != nil
	}
}
