package servicebus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

const busy = "com.microsoft:server-busy"

// Item 33
func TestAfterADetachTheNextReceiveAndSendUseNewLinks(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		s, r := newSender(t, c, "q"), newReceiver(t, c, "q", nil)
		for _, body := range []string{"a", "b", "c"} {
			start := time.Now()
			send(t, s, body)
			got := receiveThrough(t, r, 1)
			require.Equal(t, body, bodies(got))
			complete(t, r, got...)
			require.NoError(t, b.DetachLinks("q"))
			require.Less(t, time.Since(start), time.Second)
		}
		require.EqualValues(t, 1, b.dials.Load(), "on the same connection")
	})
}

// Item 33: a receive that waits when its link goes.
func TestAReceiveThatWaitsSurvivesADetach(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			time.Sleep(time.Second)
			assertNoError(t, b.DetachLinks("q"))
			time.Sleep(time.Second)
			assertNoError(t, s.SendMessage(within(t), text("a"), nil))
		})
		got := receiveThrough(t, r, 1)
		require.Equal(t, "a", bodies(got))
		complete(t, r, got...)
	})
}

// Item 34, and a connection that is cut without a word.
func TestAfterALostConnectionSendsAndReceivesGoOn(t *testing.T) {
	for name, lose := range map[string]func(*bed){
		"that was closed by force": func(b *bed) { b.CloseConnections() },
		"that was cut":             func(b *bed) { b.DropConnections() },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
				c := b.client(t)
				s, r := newSender(t, c, "q"), newReceiver(t, c, "q", nil)
				send(t, s, "a")
				complete(t, r, receive(t, r, 1)...)
				lose(b)
				start := time.Now()
				send(t, s, "b")
				require.Less(t, time.Since(start), 500*time.Millisecond, "one retry")
				got := receiveThrough(t, r, 1)
				require.Equal(t, "b", bodies(got))
				complete(t, r, got...)
				require.LessOrEqual(t, b.dials.Load(), int32(3), "the receiver, finding its link dead, closes the sender's new connection too")
			})
		})
	}
}

// Items 34, 45, 73, with everything going wrong at once.
func TestNothingIsLostWhileLinksAndConnectionsBreak(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxDeliveryCount: 100, LockDuration: 5 * time.Second}}}, func(t *testing.T, b *bed) {
		const n = 300
		stop := make(chan struct{})
		var breaking, sending, receiving sync.WaitGroup
		breaking.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(700 * time.Millisecond):
				}
				switch i % 4 {
				case 0:
					assertNoError(t, b.DetachLinks("q"))
				case 1:
					b.DropConnections()
				case 2:
					assertNoError(t, b.RejectSendsFor("q", 300*time.Millisecond, busy))
				case 3:
					_, err := b.LoseLocks("q")
					assertNoError(t, err)
				}
			}
		})
		s := b.sender(t, "q")
		sending.Go(func() {
			for _, body := range numbered(n) {
				for s.SendMessage(within(t), text(body), nil) != nil {
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		var mu sync.Mutex
		seen := map[string]bool{}
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			r := b.receiver(t, "q")
			receiving.Go(func() {
				for ctx.Err() == nil {
					got, err := r.ReceiveMessages(ctx, 10, nil)
					if err != nil {
						continue
					}
					for _, m := range got {
						mu.Lock()
						seen[string(m.Body)] = true
						mu.Unlock()
						// By token, see TestAMessageIsCompletedByItsTokenAfterItsConnectionWasLost. What fails comes back.
						_ = r.CompleteMessage(within(t), &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
					}
				}
			})
		}
		sending.Wait()
		time.Sleep(time.Minute) // for locks to end and the rest to be worked off
		close(stop)
		breaking.Wait()
		time.Sleep(time.Minute)
		cancel()
		receiving.Wait()
		counts, err := b.Counts("q")
		require.NoError(t, err)
		require.Zero(t, counts)
		require.Len(t, seen, n)
	})
}

// Items 59, 61
func TestALockThatIsTakenAwayIsLost(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "q"), "a", "b")
		r := b.receiver(t, "q")
		got := receive(t, r, 2)
		require.NoError(t, b.LoseLock("q", got[0].LockToken))
		requireCode(t, r.RenewMessageLock(within(t), got[0], nil), azservicebus.CodeLockLost)
		requireCode(t, r.CompleteMessage(within(t), got[0], nil), azservicebus.CodeLockLost)
		n, err := b.LoseLocks("q")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		requireCode(t, r.CompleteMessage(within(t), got[1], nil), azservicebus.CodeLockLost)
		again := receive(t, r, 2)
		require.Equal(t, "a b", bodies(again))
		require.EqualValues(t, 2, again[0].DeliveryCount)
		complete(t, r, again...)
	})
}

func TestDelayedDeliveriesCome(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "q"), b.receiver(t, "q")
		require.NoError(t, b.DelayDeliveries("q", 3*time.Second))
		start := time.Now()
		send(t, s, "a")
		receive(t, r, 1)
		require.InDelta(t, 3, time.Since(start).Seconds(), 0.1)
		require.NoError(t, b.DelayDeliveries("q", 0))
		start = time.Now()
		send(t, s, "b")
		receive(t, r, 1)
		require.Less(t, time.Since(start), time.Second)
	})
}

func TestAMessageThatIsDeliveredTwiceHasOneIDAndTwoNumbers(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		require.NoError(t, b.DeliverTwice("q", 1))
		send(t, b.sender(t, "q"), "a", "b")
		r := b.receiver(t, "q")
		got := receive(t, r, 3)
		require.Equal(t, "a a b", bodies(got))
		require.Equal(t, got[0].MessageID, got[1].MessageID)
		require.Equal(t, *got[0].SequenceNumber+1, *got[1].SequenceNumber)
		require.EqualValues(t, 1, got[1].DeliveryCount)
		complete(t, r, got...)
		b.requireCounts(t, servicebus.Counts{})
	})
}

// Item 46
func TestAQueueIsBusyForAWhile(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		require.NoError(t, b.RejectSendsFor("q", 10*time.Second, busy))
		start := time.Now()
		requireCondition(t, s.SendMessage(within(t), text("a"), nil), busy)
		_, err := s.ScheduleMessages(within(t), []*azservicebus.Message{text("b")}, time.Now().Add(time.Hour), nil)
		require.ErrorContains(t, err, "503")
		time.Sleep(time.Until(start.Add(10 * time.Second)))
		send(t, s, "c")
		b.requireCounts(t, servicebus.Counts{Active: 1})
	})
}

// Item 24: tokens are asked for again every five minutes; a refusal then is the client's to log.
func TestATokenThatIsRefusedLaterLeavesOpenLinksAlone(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		s := b.sender(t, "q")
		send(t, s, "a")
		require.NoError(t, b.DenyTokens("q", true))
		time.Sleep(10 * time.Minute)
		send(t, s, "b")
		require.NoError(t, b.DetachLinks("q"))
		requireCode(t, s.SendMessage(within(t), text("c"), nil), azservicebus.CodeUnauthorizedAccess)
	})
}

func TestAFaultOnAQueueThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	b := newBed(t, servicebus.Options{})
	_, err := b.LoseLocks("none")
	for _, err := range []error{
		err, b.RejectSends("none", 1, busy), b.RejectSendsFor("none", time.Second, busy), b.DenyTokens("none", true), b.DetachLinks("none"),
		b.LoseLock("none", [16]byte{}), b.DelayDeliveries("none", 1), b.DeliverTwice("none", 1),
	} {
		require.ErrorContains(t, err, "none")
	}
}

// receiveThrough is receive for times when links break: then a call returns no message and no error.
func receiveThrough(t *testing.T, r *azservicebus.Receiver, n int) []*azservicebus.ReceivedMessage {
	t.Helper()
	ctx := within(t)
	for {
		got, err := r.ReceiveMessages(ctx, n, nil)
		require.NoError(t, err)
		if len(got) > 0 {
			return got
		}
	}
}
