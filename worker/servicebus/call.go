package servicebus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/internal/bounded"
)

const (
	giveUp      = 2 * time.Second // how long after its time a call may take to end
	longestWait = 5 * time.Minute // of a Receive (worker.receive_wait)
)

// limited gives a call its deadline.
func (n *Namespace) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, n.options.CallTimeout)
}

// links are those of a sender or a receiver, and whose they are.
type links[T closer] struct {
	client *azservicebus.Client
	end    func() (T, error) // the SDK's, made once: making it may wait for a lock that its client keeps while it dials
}

type closer interface{ Close(context.Context) error }

func newLinks[T closer](client *azservicebus.Client, open func(*azservicebus.Client) (T, error)) *links[T] {
	return &links[T]{client, sync.OnceValues(func() (T, error) { return open(client) })}
}

// Close closes them for good.
func (l *links[T]) Close(ctx context.Context) error {
	end, err := l.end()
	if err != nil {
		return err
	}
	return end.Close(ctx)
}

// call makes a call of the SDK, and gives it up if it does not end soon after its time. Then it is unknown whether the broker has done
// what it was asked to, and the client is retired.
func call[T closer](ctx context.Context, n *Namespace, on *links[T], do func(context.Context, T) error) error {
	ctx, cancel := n.limited(ctx)
	defer cancel()
	return await(ctx, n, on, do)
}

// await is call for what has a deadline of its own.
func await[T closer](ctx context.Context, n *Namespace, on *links[T], do func(context.Context, T) error) error {
	err := bounded.Call(ctx, giveUp, func() error {
		end, err := on.end()
		if err != nil {
			return err
		}
		return do(ctx, end)
	})
	if errors.Is(err, bounded.ErrGivenUp) {
		n.retire(on.client)
	}
	return err
}

// retire puts a new client in the place of one that did not end a call. Queues and senders take the new one with their next call.
//
// What does not end (go-amqp 1.7.0, sender.go, send): a transfer whose context has ended before its frame was written waits for its
// link to take the credit back or to be closed, and for nothing else. If the link has ended meanwhile, with its connection or by the
// broker, that is for ever, and keeps the sender's lock. Closing the sender ends it. A request to a management node or of the claims
// step is left for good (azservicebus 1.11.0, internal/rpc.go: only the session is closed): one goroutine each, and one of the claims
// step keeps the lock (internal/namespace.go, negotiateClaimMu) without which its client opens no other link and cannot be closed.
// From outside they all look the same, so it is the client that goes.
func (n *Namespace) retire(stuck *azservicebus.Client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	place := slices.Index(n.clients, stuck)
	if place < 0 || n.ending.Err() != nil {
		return
	}
	fresh, err := n.options.client()
	if err != nil {
		return // it could be made of the same options before
	}
	n.clients[place] = fresh
	maps.DeleteFunc(n.senders, func(_ string, s *sender) bool { return s.client == stuck })
	n.closing.Go(func() {
		select {
		case <-time.After(longestWait + giveUp): // its other calls have ended by then, and are not broken off
		case <-n.ending.Done():
		}
		n.shut(stuck)
	})
}

// shut closes what may well not answer. It does not wait for ever.
func (n *Namespace) shut(old closer) {
	ctx, cancel := n.limited(context.Background())
	defer cancel()
	_ = bounded.Call(ctx, giveUp, func() error { return old.Close(ctx) })
}
