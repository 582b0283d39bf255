package store

import (
	"sync"
	"testing"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// BenchmarkPassOneMessageThroughADeepQueue sends, locks and completes with 100,000 messages waiting.
func BenchmarkPassOneMessageThroughADeepQueue(b *testing.B) {
	n := New()
	defer n.Close()
	if err := n.CreateQueue("q", QueueProperties{}); err != nil {
		b.Fatal(err)
	}
	q, _ := n.Queue("q")
	m := &wire.Message{Body: make([]byte, 1024), ApplicationProps: map[string]any{"type": "x", "id": "y"}}
	for range 100_000 {
		_, _ = q.Send(m)
	}
	got := make(chan Delivery, 1000)
	c := q.Attach(PeekLock, func(d Delivery) { got <- d })
	var wg sync.WaitGroup
	wg.Go(func() {
		for range b.N {
			if err := q.Complete((<-got).LockToken); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportAllocs()
	for i := range b.N {
		_, _ = q.Send(m)
		if i%100 == 0 {
			c.SetLimit(uint32(i + 1000))
		}
	}
	c.SetLimit(uint32(b.N))
	wg.Wait()
}
