package app

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/servicebus"
)

func (a *App) openBus() (err error) {
	a.bus, err = servicebus.Open(servicebus.Options{ConnectionString: a.cfg.ServiceBus.ConnectionString, NewConn: a.parts.DialBroker})
	if err != nil {
		return fmt.Errorf("service bus: %w", err)
	}
	return nil
}

func (a *App) openWorker() (err error) {
	b := a.cfg.ServiceBus
	wrap := a.parts.WrapQueue
	if wrap == nil {
		wrap = func(q worker.Queue) worker.Queue { return q }
	}
	intake := func(queue, own, lane string, slots, deliveries int) worker.Intake {
		return worker.Intake{Queue: wrap(a.bus.Queue(queue)), Peek: a.bus.Queue(queue).Browse(), Lane: lane, Slots: slots, OwnQueue: own, MaxDeliveryCount: deliveries}
	}
	var intakes []worker.Intake
	for _, name := range b.Queues {
		intakes = append(intakes, intake(name, b.OwnQueue.Live, csuclient.LaneLive, a.cfg.Worker.Slots, b.MaxDeliveryCount))
	}
	intakes = append(intakes,
		intake(b.OwnQueue.Live, b.OwnQueue.Live, csuclient.LaneLive, a.cfg.Worker.Slots, b.OwnMaxDeliveryCount),
		intake(b.OwnQueue.Bulk, b.OwnQueue.Bulk, csuclient.LaneBulk, a.cfg.Worker.BulkSlots, b.OwnMaxDeliveryCount),
		intake(b.OwnQueue.Replay, b.OwnQueue.Replay, csuclient.LaneReplay, a.cfg.Worker.ReplaySlots, b.OwnMaxDeliveryCount))
	if !a.is(RoleWorker) {
		intakes = nil
	}
	reader, err := Rows(a.cfg, a.metrics.WarnedOfRow)
	if err != nil {
		return err
	}
	a.worker, err = worker.New(worker.Options{
		Decode:  reader.Decode,
		Lanes:   map[string]string{orchestration.LaneBulk: b.OwnQueue.Bulk},
		Intakes: intakes, Idle: !a.is(RoleWorker), Handler: a.engine, Outbox: a.outbox(), Waiters: a.waiters(), Stubs: redisledger.New(a.redis, a.keys()), Observe: a.workerObserver(),
		ReceiveWait: a.cfg.Worker.ReceiveWait, Drain: a.cfg.Worker.Drain, MaxBodyBytes: a.cfg.Worker.MaxBody,
	})
	if err != nil {
		return err
	}
	a.metrics.WatchWorker(a.worker)
	return nil
}

func (a *App) outbox() worker.Outbox {
	if a.parts.WrapOutbox != nil {
		return a.parts.WrapOutbox(a.bus)
	}
	return a.bus
}

// workerObserver tells telemetry, and whoever else wants to know how messages were settled.
func (a *App) workerObserver() worker.Observer {
	counted := a.metrics.Worker(a.log, a.hasher, a.cfg.Log.Sampling)
	if a.parts.Settled == nil {
		return counted
	}
	return both{counted, a.parts.Settled}
}

type both struct {
	worker.Observer
	also worker.Observer
}

// Settled tells both, of heartbeats only the first: nobody published them.
func (b both) Settled(ctx context.Context, s worker.Settled) {
	b.Observer.Settled(ctx, s)
	if s.Event.Type == heartbeat.EventType {
		return
	}
	b.also.Settled(ctx, s)
}

func (b both) Rescheduled(ctx context.Context, queue string, why worker.Why, at time.Time) {
	b.Observer.Rescheduled(ctx, queue, why, at)
	b.also.Rescheduled(ctx, queue, why, at)
}

// Message is an event as a message: CloudEvents in binary mode under a fresh message ID.
func Message(ev orchestration.Event) worker.Message {
	parts := envelope.Encode(ev)
	return worker.Message{ID: uuid.NewString(), CorrelationID: ev.CorrelationID, Subject: ev.Type, ContentType: parts.ContentType,
		Properties: parts.Properties, Body: parts.Body}
}
