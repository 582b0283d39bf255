package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signalbox/signalbox/csuclient/rediscircuit"
	"github.com/signalbox/signalbox/csuclient/redisgate"
	"github.com/signalbox/signalbox/internal/leader"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/orchestration/redisfeed"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
	"github.com/signalbox/signalbox/worker/servicebus"
	"github.com/signalbox/signalbox/worker/wake/rediswaiters"
)

// scripts are all that run in Redis, by hash.
func scripts() map[string]string {
	all := redisstore.Scripts()
	maps.Copy(all, leader.Scripts())
	maps.Copy(all, redisgate.Scripts())
	maps.Copy(all, rediscircuit.Scripts())
	maps.Copy(all, redisledger.Scripts())
	maps.Copy(all, rediswaiters.Scripts())
	maps.Copy(all, redisswitch.Scripts())
	maps.Copy(all, redisfeed.Scripts())
	maps.Copy(all, redisschedule.Scripts())
	return all
}

// queues are every queue that this fleet takes messages from.
func (a *App) queues() []string {
	return append(append([]string(nil), a.cfg.ServiceBus.Queues...), a.cfg.ServiceBus.OwnQueue.All()...)
}

// beats are the queues that get a heartbeat. A subscription gets none: what is sent to its topic would reach whoever else has
// subscribed to it.
func (a *App) beats() []string {
	if a.cfg.Heartbeat.Interval == 0 {
		return nil
	}
	return slices.DeleteFunc(a.queues(), subscription.Is)
}

// openWatch makes this process a candidate for watching over the fleet. Looking has a connection of its own, and may have an
// identity of its own: it takes more rights than working does.
func (a *App) openWatch() (err error) {
	s, h := a.cfg.Sampler, a.cfg.Heartbeat
	if s.Interval == 0 && h.Interval == 0 {
		return nil
	}
	a.watchBus, err = servicebus.Open(servicebus.Options{ConnectionString: a.cfg.Looking(), NewConn: a.parts.DialBroker, ApplicationID: "signalbox-watch"})
	if err != nil {
		return fmt.Errorf("service bus, for looking: %w", err)
	}
	var queues []watch.Queue
	for _, name := range a.queues() {
		q := a.watchBus.Queue(name)
		queues = append(queues, watch.Queue{Name: name, Live: q.Browse(), DeadLetters: q.DeadLetters(), NoBeat: subscription.Is(name)})
	}
	counter, err := a.openAdmin()
	if err != nil {
		return err
	}
	watchman, err := watch.New(watch.Options{Queues: queues, Counter: counter, Store: fleetStore{a}, Every: s.Interval, Sender: beater{a}, Beat: h.Interval, Observe: a.metrics.Watch(a.log)})
	if err != nil {
		return err
	}
	a.metrics.WatchFleet(watchman)
	log := a.log.Named("watch")
	a.elector, err = leader.New(leader.Options{Client: a.redis, Key: a.keys().Lease(watch.Role), ID: a.owner, Lease: a.cfg.Run.Lease, Lead: watchman.Lead,
		Changed: func(leads bool) {
			if leads {
				log.Info("this process watches over the fleet now")
				return
			}
			log.Info("this process does not watch over the fleet any more")
		},
		Panicked: func(any) { log.Error("watching over the fleet panicked; another process may try") },
	})
	return err
}

// openAdmin asks the administration API for counts. A broker inside the process may have none.
func (a *App) openAdmin() (watch.Counter, error) {
	if a.cfg.Sampler.Interval == 0 || a.parts.DialBroker != nil && a.parts.Administration == nil {
		return nil, nil
	}
	var err error
	a.watchAPI, err = servicebus.OpenAdmin(servicebus.AdminOptions{
		ConnectionString: a.cfg.Looking(), Endpoint: a.cfg.ServiceBus.AdminEndpoint, ApplicationID: "signalbox-watch", Transport: a.parts.Administration,
	})
	if err != nil {
		return nil, fmt.Errorf("service bus, for counting: %w", err)
	}
	return counter{a.watchAPI}, nil
}

// counter counts for the watchman.
type counter struct{ *servicebus.Admin }

func (c counter) Counts(ctx context.Context, queue string) (watch.Counts, error) {
	n, err := c.Admin.Counts(ctx, queue)
	return watch.Counts{
		Active: n.Active, Scheduled: n.Scheduled, DeadLetter: n.DeadLetters, Transfer: n.Transfer, TransferDeadLetter: n.TransferDeadLetters,
		Size: n.SizeBytes, MaxSize: n.MaxSizeBytes,
	}, err
}

// watch takes part in the election until ctx ends; stop waits until what this process did for the fleet is given back.
func (a *App) watch(ctx context.Context) (stop func()) { return candidate(ctx, a.elector) }

func (a *App) keys() rediskey.Keys { return rediskey.New(a.cfg.CSU.Name, a.hasher) }

// fleetStore asks Redis what the watchman wants to know.
type fleetStore struct{ a *App }

func (s fleetStore) Waiting(ctx context.Context, use func(redisstore.Waiting) error) error {
	return s.a.waiting(ctx, use)
}

func (s fleetStore) Safety(ctx context.Context) (redisstore.Safety, error) {
	return redisstore.ReadSafety(ctx, s.a.redis)
}

func (s fleetStore) Members(ctx context.Context) (alive int, err error) {
	all, err := redisstore.NewMembers(s.a.redis, s.a.keys()).List(ctx)
	for _, m := range all {
		if !m.Dead {
			alive++
		}
	}
	return alive, err
}

// beater sends heartbeats the way an upstream system sends events.
type beater struct{ a *App }

func (b beater) Beat(ctx context.Context, queue string) error {
	return b.a.outbox().Send(ctx, queue, Message(heartbeat.Event(queue, b.a.cfg.Channels[0].Name)), time.Time{})
}
