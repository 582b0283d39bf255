package queuetest

import (
	"testing"
	"time"
)

func TestTheBrokerInMemoryBehavesLikeAQueue(t *testing.T) {
	t.Parallel()
	Run(t, func(*testing.T) Harness {
		b := NewBroker()
		q := b.Queue("orders", Settings{LockDuration: 30 * time.Second, MaxDeliveryCount: 3})
		return Harness{Queue: q, Outbox: b, LockDuration: 30 * time.Second, MaxDeliveryCount: 3, DeadLetters: q.DeadLetters()}
	})
}
