package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// Bus is what is asked of the broker as a worker uses it. Neither call changes anything.
type Bus interface {
	Browse(queue string) deadletter.Peeker
	CanSend(ctx context.Context, queue string) error
}

// OverBus asks a namespace.
func OverBus(n *servicebus.Namespace) Bus { return namespace{n} }

type namespace struct{ *servicebus.Namespace }

func (n namespace) Browse(queue string) deadletter.Peeker { return n.Queue(queue).Browse() }

// Administration shows how queues are set up. It takes the right to manage them.
type Administration interface {
	Properties(ctx context.Context, queue string) (servicebus.QueueProperties, error)
	Counts(ctx context.Context, queue string) (servicebus.QueueCounts, error)
	// Ahead is how far the broker's clock was ahead of ours at its last answer; false if it has not said.
	Ahead() (time.Duration, bool)
}

// Broker examines the queues; admin may be nil.
func Broker(cfg *config.Config, bus Bus, admin Administration) Part {
	return func(ctx context.Context) []Finding {
		e := brokerExam{cfg, bus, admin}
		var all []Finding
		seen := true
		for _, q := range e.queues() {
			found, lost := e.reach(ctx, q)
			all = append(all, found...)
			if lost {
				return all // so would the others be
			}
		}
		for _, q := range e.queues() {
			if !seen {
				break
			}
			var found []Finding
			found, seen = e.set(ctx, q)
			all = append(all, found...)
		}
		return append(all, e.clock()...)
	}
}

type brokerExam struct {
	cfg   *config.Config
	bus   Bus
	admin Administration
}

type queue struct {
	name string
	own  bool
}

func (e brokerExam) queues() (all []queue) {
	for _, name := range e.cfg.ServiceBus.Queues {
		all = append(all, queue{name, false})
	}
	for _, name := range e.cfg.ServiceBus.OwnQueue.All() {
		all = append(all, queue{name, true})
	}
	return all
}

// reach peeks into a queue and opens a link to send by.
func (e brokerExam) reach(ctx context.Context, q queue) (found []Finding, lost bool) {
	_, err := e.bus.Browse(q.name).Peek(ctx, 0, 1)
	switch {
	case err == nil:
		found = append(found, ok(checkQueueReach, q.name, "is there and may be listened to"))
	case errors.Is(err, worker.ErrNotFound):
		return []Finding{fail(checkQueueReach, q.name, "is not there", "create it, or correct its name in the configuration")}, false
	case errors.Is(err, worker.ErrUnauthorized):
		return []Finding{fail(checkQueueReach, q.name, "may not be listened to", "give the policy of servicebus.connection_string Listen")}, false
	default:
		f := fail(checkQueueReach, q.name, "cannot be reached: "+err.Error(), "check servicebus.connection_string and the network")
		f.Lost = exit.From(err).Code == exit.Unreachable
		return []Finding{f}, f.Lost
	}
	beats := e.cfg.Heartbeat.Interval > 0 && !subscription.Is(q.name)
	if !q.own && !beats {
		return found, false
	}
	switch err := e.bus.CanSend(ctx, q.name); {
	case err == nil:
		found = append(found, ok(checkQueueSend, q.name, "may be sent to"))
	case q.own:
		found = append(found, fail(checkQueueSend, q.name, "may not be sent to: "+err.Error(), "give the policy of servicebus.connection_string Send"))
	default:
		found = append(found, warn(checkQueueSend, q.name, "may not be sent to, and the heartbeat is on: "+err.Error(), "give the policy Send, or set heartbeat.interval to 0s"))
	}
	return found, false
}

const noAdministration = "lock, delivery count, expiry, duplicate detection, sessions, status, forwarding and size could not be seen"

// set compares how a queue is set up; seen is false when that cannot be seen of any queue.
func (e brokerExam) set(ctx context.Context, q queue) (found []Finding, seen bool) {
	if e.admin == nil {
		return []Finding{unknown(checkQueueSeen, "", noAdministration, "compare them by hand with docs/reference/doctor.md")}, false
	}
	p, err := e.admin.Properties(ctx, q.name)
	switch {
	case errors.Is(err, worker.ErrNotFound):
		return nil, true // said already
	case errors.Is(err, worker.ErrUnauthorized):
		return []Finding{unknown(checkQueueSeen, "", noAdministration, "give sampler.connection_string, or this machine's, a policy with Manage, and ask again")}, false
	case err != nil:
		return []Finding{unknown(checkQueueSeen, "", noAdministration+": "+err.Error(), "see whether the administration API can be reached")}, false
	}
	found = append([]Finding{ok(checkQueueSeen, q.name, "can be seen")}, judge(judging{q.name, q.own, p, e.cfg})...)
	if c, err := e.admin.Counts(ctx, q.name); err == nil {
		return append(found, full(q.name, c)), true
	}
	return append(found, unknown(checkQueueSize, q.name, "its counts cannot be read", "see whether the administration API can be reached")), true
}

func (e brokerExam) clock() []Finding {
	if e.admin != nil {
		if ahead, known := e.admin.Ahead(); known {
			return []Finding{clock(checkBrokerClock, ahead)}
		}
	}
	return []Finding{unknown(checkBrokerClock, "", "the broker has not said what time it is", "see that this machine's clock is kept right (NTP)")}
}
