package servicebus_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

// Items 51, 52
func TestACompletedMessageIsGone(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		m := receiveOne(t, r)
		require.EqualValues(t, 1, m.DeliveryCount)
		complete(t, r, m)
		require.Empty(t, peek(t, r, 10))
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 53
func TestAnAbandonedMessageComesBackAtOnceWithItsNewProperties(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		require.NoError(t, s.SendMessage(within(t), &azservicebus.Message{ApplicationProperties: map[string]any{"a": "old", "b": "kept"}}, nil))
		start := time.Now()
		err := r.AbandonMessage(within(t), receiveOne(t, r), &azservicebus.AbandonMessageOptions{
			PropertiesToModify: map[string]any{"a": "new", "n": int64(1)},
		})
		require.NoError(t, err)
		m := receiveOne(t, r)
		require.EqualValues(t, 2, m.DeliveryCount)
		require.Equal(t, map[string]any{"a": "new", "b": "kept", "n": int64(1)}, m.ApplicationProperties)
		require.Less(t, time.Since(start), time.Second)
	})
}

// Item 54: credit that a call left over lets messages in between calls; the SDK releases them.
func TestReleasedMessagesComeBackUncounted(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxDeliveryCount: 1}}}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		send(t, s, "first")
		got, err := r.ReceiveMessages(within(t), 10, nil)
		require.NoError(t, err)
		require.Equal(t, "first", bodies(got))
		send(t, s, "a", "b", "c")
		time.Sleep(5 * time.Second) // delivered and released, nine times in all
		got = receive(t, r, 3)
		require.Equal(t, "a b c", bodies(got))
		for _, m := range got {
			require.EqualValues(t, 1, m.DeliveryCount)
		}
	})
}

// Item 57
func TestADeadLetterHasItsReasonDescriptionAndProperties(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		send(t, newSender(t, c, "q"), "a")
		r := newReceiver(t, c, "q", nil)
		m := receiveOne(t, r)
		err := r.DeadLetterMessage(within(t), m, &azservicebus.DeadLetterOptions{
			Reason: to.Ptr("Malformed"), ErrorDescription: to.Ptr("no JSON"), PropertiesToModify: map[string]any{"extra": true},
		})
		require.NoError(t, err)
		b.requireCounts(t, servicebus.Counts{DeadLetter: 1})

		dr := newReceiver(t, c, "q", deadLetters)
		for _, dead := range []*azservicebus.ReceivedMessage{peek(t, dr, 1)[0], receiveOne(t, dr)} {
			require.Equal(t, "a", string(dead.Body))
			require.Equal(t, to.Ptr("Malformed"), dead.DeadLetterReason)
			require.Equal(t, to.Ptr("no JSON"), dead.DeadLetterErrorDescription)
			require.Equal(t, to.Ptr("q"), dead.DeadLetterSource)
			require.Equal(t, true, dead.ApplicationProperties["extra"])
			require.Equal(t, m.SequenceNumber, dead.SequenceNumber)
		}
	})
}

// Item 57: without any options.
func TestADeadLetterMayHaveNoReason(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		require.NoError(t, r.DeadLetterMessage(within(t), receiveOne(t, r), nil))
		dead := receiveOne(t, newReceiver(t, b.client(t), "q", deadLetters))
		require.Equal(t, "a", string(dead.Body))
	})
}

// Item 58
func TestAMessageAbandonedTooOftenIsDeadLettered(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxDeliveryCount: 2}}}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		for range 2 {
			require.NoError(t, r.AbandonMessage(within(t), receiveOne(t, r), nil))
		}
		nothing(t, r)
		dead := receiveOne(t, newReceiver(t, b.client(t), "q", deadLetters))
		require.Equal(t, to.Ptr("MaxDeliveryCountExceeded"), dead.DeadLetterReason)
		require.Contains(t, *dead.DeadLetterErrorDescription, "2 delivery attempts")
	})
}

// Item 75
func TestADeadLetterIsNotCountedAndDoesNotMove(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxDeliveryCount: 1}}}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		require.NoError(t, r.AbandonMessage(within(t), receiveOne(t, r), nil))
		dr := newReceiver(t, b.client(t), "q", deadLetters)
		m := receiveOne(t, dr)
		count := m.DeliveryCount
		for range 3 {
			require.NoError(t, dr.AbandonMessage(within(t), m, nil))
			m = receiveOne(t, dr)
			require.Equal(t, count, m.DeliveryCount)
		}
		require.NoError(t, dr.RenewMessageLock(within(t), m, nil))
		complete(t, dr, m)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 59
func TestALockThatEndsCountsAndItsHolderIsTold(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", LockDuration: 5 * time.Second}}}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		late := receiveOne(t, r)
		time.Sleep(5 * time.Second)
		again := receiveOne(t, b.receiver(t, "q"))
		require.EqualValues(t, 2, again.DeliveryCount)
		requireCode(t, r.CompleteMessage(within(t), late, nil), azservicebus.CodeLockLost)
		require.NoError(t, r.AbandonMessage(within(t), late, nil), "the SDK asks only once")
		b.requireCounts(t, servicebus.Counts{Active: 1, Locked: 1})
	})
}

// Items 61, 80
func TestRenewingMovesTheEndOfTheLock(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", LockDuration: 5 * time.Second}}}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		r := b.receiver(t, "q")
		m := receiveOne(t, r)
		for range 10 {
			time.Sleep(4 * time.Second)
			before := *m.LockedUntil
			require.NoError(t, r.RenewMessageLock(within(t), m, nil))
			require.Greater(t, m.LockedUntil.Sub(before), 3*time.Second)
			require.WithinDuration(t, time.Now().Add(5*time.Second), *m.LockedUntil, 10*time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		requireCode(t, r.RenewMessageLock(within(t), m, nil), azservicebus.CodeLockLost)
		b.requireCounts(t, servicebus.Counts{Active: 1})
	})
}

// Item 62
func TestAMessageIsCompletedAfterItsLinkWasDetached(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b", "c")
		r := b.receiver(t, "q")
		got := receive(t, r, 3)
		require.NoError(t, b.DetachLinks("q"))
		time.Sleep(time.Second)
		complete(t, r, got[0])
		require.NoError(t, r.AbandonMessage(within(t), got[1], &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"p": "v"}}))
		require.NoError(t, r.DeadLetterMessage(within(t), got[2], &azservicebus.DeadLetterOptions{
			Reason: to.Ptr("r"), ErrorDescription: to.Ptr("d"), PropertiesToModify: map[string]any{"p": "v"},
		}))
		b.requireCounts(t, servicebus.Counts{Active: 1, DeadLetter: 1})
		again := receiveOne(t, r)
		require.Equal(t, "b", string(again.Body))
		require.EqualValues(t, 2, again.DeliveryCount)
		require.Equal(t, "v", again.ApplicationProperties["p"])
		dead := receiveOne(t, newReceiver(t, b.client(t), "q", deadLetters))
		require.Equal(t, to.Ptr("r"), dead.DeadLetterReason)
		require.Equal(t, to.Ptr("d"), dead.DeadLetterErrorDescription)
		require.Equal(t, "v", dead.ApplicationProperties["p"])
	})
}

// Items 62, 63, 38: after the loss of the whole connection the SDK 1.11.0 goes on asking the dead link, resets the
// shared connection three times over it and gives up after some 45 s. The bare lock token works at once.
func TestAMessageIsCompletedByItsTokenAfterItsConnectionWasLost(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		c := b.client(t)
		r := newReceiver(t, c, "q", nil)
		m := receiveOne(t, r)
		b.DropConnections()
		time.Sleep(time.Second)
		requireCode(t, r.CompleteMessage(withinD(t, 2*time.Minute), m, nil), azservicebus.CodeConnectionLost)
		require.EqualValues(t, 5, b.dials.Load(), "the sender's, the receiver's, and three for nothing")
		start := time.Now()
		complete(t, r, &azservicebus.ReceivedMessage{LockToken: m.LockToken})
		require.Less(t, time.Since(start), time.Second)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Items 63, 64
func TestALockTokenIsEnoughToComplete(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a")
		m := receiveOne(t, b.receiver(t, "q"))
		complete(t, b.receiver(t, "q"), &azservicebus.ReceivedMessage{LockToken: m.LockToken})
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Items 65, 27
func TestReceiveAndDeleteTakesTheMessageAtOnce(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b")
		c := b.client(t)
		r := newReceiver(t, c, "q", &azservicebus.ReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
		got := receive(t, r, 2)
		require.Equal(t, "a b", bodies(got))
		require.EqualValues(t, 1, got[0].DeliveryCount)
		require.Nil(t, got[0].LockedUntil)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 66
func TestAReceiveOfTenReturnsTheThreeThatAreThere(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b", "c")
		r := b.receiver(t, "q")
		peek(t, r, 1) // opens the link
		start := time.Now()
		got, err := r.ReceiveMessages(within(t), 10, nil)
		require.NoError(t, err)
		require.Equal(t, "a b c", bodies(got))
		require.LessOrEqual(t, time.Since(start), 25*time.Millisecond)
	})
}

// Item 67
func TestAMessageSentAfterACancelledReceiveReachesAnotherReceiver(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, first, second := b.sender(t, "q"), b.receiver(t, "q"), b.receiver(t, "q")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := first.ReceiveMessages(ctx, 5, nil)
		require.ErrorIs(t, err, context.Canceled)
		send(t, s, "a")
		got, err := second.ReceiveMessages(withinD(t, time.Second), 1, nil)
		require.NoError(t, err)
		require.Equal(t, "a", bodies(got))
		require.EqualValues(t, 1, got[0].DeliveryCount)
	})
}

// Item 68
func TestAMessageThatComesBackGoesToAnotherReceiverThatWaits(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, first, second := b.sender(t, "q"), b.receiver(t, "q"), b.receiver(t, "q")
		send(t, s, "a")
		got, err := first.ReceiveMessages(within(t), 10, nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			time.Sleep(time.Second)
			assertNoError(t, first.AbandonMessage(within(t), got[0], nil))
		})
		start := time.Now()
		require.Equal(t, "a", bodies(receive(t, second, 1)))
		require.Less(t, time.Since(start), 1100*time.Millisecond)
	})
}

// Item 72, with more in the queue than the broker lets wait for the network.
func TestABacklogOfBigMessagesComesThrough(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		for i := range 40 {
			send(t, s, strings.Repeat(string(rune('a'+i%26)), 200<<10))
		}
		for i, m := range receive(t, r, 40) {
			require.Len(t, m.Body, 200<<10)
			require.Equal(t, byte('a'+i%26), m.Body[100<<10])
			complete(t, r, m)
		}
	})
}

// Item 72
func TestOneReceiverGetsTheOrderOfSending(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), numbered(300)...)
		r := b.receiver(t, "q")
		var got []*azservicebus.ReceivedMessage
		for len(got) < 300 {
			more := receive(t, r, 7)[:7]
			complete(t, r, more...)
			got = append(got, more...)
			if len(got) == 294 {
				got = append(got, receive(t, r, 6)...)
			}
		}
		require.Equal(t, strings.Join(numbered(300), " "), bodies(got))
	})
}

// Item 73
func TestCompetingReceiversGetEveryMessageOnce(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		const n = 600
		send(t, b.sender(t, "q"), numbered(n)...)
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for range 3 {
			c := b.client(t)
			for range 2 {
				r := newReceiver(t, c, "q", nil)
				wg.Go(func() {
					for {
						got, err := r.ReceiveMessages(withinD(t, 3*time.Second), 20, nil)
						if err != nil {
							return // no more
						}
						for _, m := range got {
							assertNoError(t, r.CompleteMessage(within(t), m, nil))
							mu.Lock()
							seen[string(m.Body)]++
							mu.Unlock()
						}
					}
				})
			}
		}
		wg.Wait()
		require.Len(t, seen, n)
		for body, times := range seen {
			require.Equal(t, 1, times, body)
		}
		b.requireCounts(t, servicebus.Counts{})
	})
}
