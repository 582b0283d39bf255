package doctor

import (
	"fmt"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// What queues are held to.
const (
	leastOwnDeliveries = 50
	shortLock          = 20 * time.Second // twice the time that one renewal may take
	longLock           = 2 * time.Minute
	nearlyFull         = 0.8
)

// judging is one queue and what the configuration wants of it.
type judging struct {
	name string
	own  bool
	p    servicebus.QueueProperties
	cfg  *config.Config
}

// judge compares a queue with what the fleet needs. Each check says one thing about it.
func judge(j judging) []Finding {
	all := []Finding{j.status(), j.sessions(), j.forwarding(), j.duplicates(), j.expiry(), j.deliveries(), j.lock()}
	if subscription.Is(j.name) {
		all = append(all, j.rules())
	}
	return all
}

func (j judging) rules() Finding {
	if j.p.Rules == 0 {
		return warn(checkQueueRules, j.name, "has no rule that selects anything", "add a rule: a true filter for every message of the topic, or a correlation filter")
	}
	return ok(checkQueueRules, j.name, fmt.Sprintf("rules that may select messages: %d", j.p.Rules))
}

func (j judging) status() Finding {
	switch s := j.p.Status; {
	case s == "" || s == "Active":
		return ok(checkQueueStatus, j.name, "is active")
	case s == "SendDisabled" && !j.own:
		return warn(checkQueueStatus, j.name, "takes no messages: its status is SendDisabled", "set it to Active unless that is meant")
	default:
		return fail(checkQueueStatus, j.name, "its status is "+s, "set it to Active")
	}
}

func (j judging) sessions() Finding {
	if j.p.Sessions {
		return fail(checkQueueSessions, j.name, "demands sessions", "create it anew without: that cannot be changed later")
	}
	return ok(checkQueueSessions, j.name, "demands no sessions")
}

func (j judging) forwarding() Finding {
	switch {
	case j.p.ForwardTo != "":
		return fail(checkQueueForwarding, j.name, "forwards every message to another queue or topic", "take ForwardTo away, or name the queue that it leads to")
	case j.p.ForwardDeadLettersTo != "":
		return warn(checkQueueForwarding, j.name, "forwards its dead letters", "take ForwardDeadLetteredMessagesTo away: signalbox deadletter does not look there")
	}
	return ok(checkQueueForwarding, j.name, "forwards nothing")
}

func (j judging) duplicates() Finding {
	switch {
	case j.p.DetectsDuplicates && j.own:
		return fail(checkQueueDuplicates, j.name, "detects duplicates", "create it anew without: that cannot be changed later")
	case j.p.DetectsDuplicates:
		return ok(checkQueueDuplicates, j.name, "detects duplicates, which helps and is not relied on")
	}
	return ok(checkQueueDuplicates, j.name, "detects no duplicates")
}

func (j judging) expiry() Finding {
	ttl := j.p.TimeToLive
	switch {
	case j.own && j.p.DeleteWhenIdle > 0:
		return fail(checkQueueExpiry, j.name, "is deleted when it is idle for "+j.p.DeleteWhenIdle.String(), "take AutoDeleteOnIdle away")
	case subscription.Is(j.name) && j.p.DeleteWhenIdle > 0:
		return fail(checkQueueExpiry, j.name, "is deleted when nobody receives from it for "+j.p.DeleteWhenIdle.String()+", and then its topic drops our events", "take AutoDeleteOnIdle away")
	case ttl > 0 && !j.p.DeadLettersExpired:
		return fail(checkQueueExpiry, j.name, fmt.Sprintf("drops messages after %s", ttl), "switch dead-lettering on message expiration on, or the default time to live off")
	case ttl > 0 && j.own && ttl < j.cfg.Run.Patience:
		return fail(checkQueueExpiry, j.name, fmt.Sprintf("lets messages expire after %s, sooner than run.patience (%s)", ttl, j.cfg.Run.Patience), "take the default time to live away")
	case ttl > 0:
		return ok(checkQueueExpiry, j.name, fmt.Sprintf("expired messages become dead letters after %s", ttl))
	}
	return ok(checkQueueExpiry, j.name, "nothing expires by itself")
}

func (j judging) deliveries() Finding {
	has, said, key := j.p.MaxDeliveryCount, j.cfg.ServiceBus.MaxDeliveryCount, "servicebus.max_delivery_count"
	if j.own {
		said, key = j.cfg.ServiceBus.OwnMaxDeliveryCount, "servicebus.own_max_delivery_count"
	}
	switch {
	case j.own && has < leastOwnDeliveries:
		return fail(checkQueueDeliveries, j.name, fmt.Sprintf("gives up after %d deliveries", has), fmt.Sprintf("set its max delivery count to %d", leastOwnDeliveries))
	case has < said:
		return fail(checkQueueDeliveries, j.name, fmt.Sprintf("gives up after %d deliveries, and %s says %d", has, key, said), fmt.Sprintf("set %s to %d", key, has))
	case has > said:
		return warn(checkQueueDeliveries, j.name, fmt.Sprintf("gives up after %d deliveries, and %s says %d", has, key, said), fmt.Sprintf("set %s to %d", key, has))
	}
	return ok(checkQueueDeliveries, j.name, fmt.Sprintf("gives up after %d deliveries, as configured", has))
}

func (j judging) lock() Finding {
	what := "a lock lasts " + j.p.LockDuration.String()
	switch {
	case j.p.LockDuration < shortLock:
		return warn(checkQueueLock, j.name, what, "set the lock duration to 30 seconds or a minute")
	case j.p.LockDuration > longLock:
		return warn(checkQueueLock, j.name, what, "set the lock duration to 30 seconds or a minute: it is renewed for as long as the work takes")
	}
	return ok(checkQueueLock, j.name, what)
}

// full judges how much room is left.
func full(name string, c servicebus.QueueCounts) Finding {
	what := fmt.Sprintf("%d active, %d scheduled, %d dead letters", c.Active, c.Scheduled, c.DeadLetters)
	if c.MaxSizeBytes <= 0 {
		return ok(checkQueueSize, name, what)
	}
	share := float64(c.SizeBytes) / float64(c.MaxSizeBytes)
	what += fmt.Sprintf("; %.0f %% of its size", 100*share)
	if share > nearlyFull {
		return warn(checkQueueSize, name, what, "handle its dead letters, and see why it is not drained: signalbox deadletter groups")
	}
	return ok(checkQueueSize, name, what)
}
