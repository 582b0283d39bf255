package servicebus_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/stretchr/testify/require"
)

// Items 1, 3, 19, 21: the mechanisms are four with ANONYMOUS in third place, and nothing works before put-token does.
func TestAClientConnectsWithTheEmulatorFlagOnAnyPort(t *testing.T) {
	b := overTCP(t, servicebus.Options{})
	_, port, err := net.SplitHostPort(b.addr)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		b.addr = net.JoinHostPort(host, port)
		send(t, b.sender(t, "q"), host)
		r := b.receiver(t, "q")
		m := receiveOne(t, r)
		require.Equal(t, host, string(m.Body))
		complete(t, r, m)
	}
}

// Item 1: a host that is not localhost, in front of a connection of the client's own making.
func TestTheHostInTheConnectionStringMayBeAnyName(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		b.addr = "bus.example.test:1234"
		send(t, b.sender(t, "q"), "a")
		require.Equal(t, "a", bodies(peek(t, b.receiver(t, "q"), 10)))
	})
}

// Item 5: the broker sends empty frames, or the client would hang up after 60 s.
func TestAnIdleReceiverKeepsItsConnection(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		r := b.receiver(t, "q")
		_, err := r.ReceiveMessages(withinD(t, 150*time.Second), 1, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 1, b.dials.Load())
		send(t, b.sender(t, "q"), "a")
		require.Equal(t, "a", bodies(receive(t, r, 1)))
		require.EqualValues(t, 2, b.dials.Load(), "the receiver's and the sender's")
	})
}

// Items 8, 9: the client refuses a frame above 65536 bytes, and cuts its own at that size.
func TestABigMessageTravelsInManyFramesAndArrivesWhole(t *testing.T) {
	for name, size := range map[string]int{"900 KiB": 900 << 10, "1 MiB": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q", MaxMessageBytes: 2 << 20}}}, func(t *testing.T, b *bed) {
				body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
				require.NoError(t, b.sender(t, "q").SendMessage(within(t), &azservicebus.Message{Body: body}, nil))
				b.requireCounts(t, servicebus.Counts{Active: 1})
				require.True(t, bytes.Equal(body, receiveOne(t, b.receiver(t, "q")).Body))
			})
		})
	}
}

// Item 10
func TestTwoClientsAndTwoLinksOfOneClientDoNotDisturbEachOther(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "a"}, {Name: "b"}}}, func(t *testing.T, b *bed) {
		c1, c2 := b.client(t), b.client(t)
		var wg sync.WaitGroup
		for _, c := range []*azservicebus.Client{c1, c2} {
			for _, queue := range []string{"a", "b"} {
				wg.Go(func() { send(t, newSender(t, c, queue), numbered(50)...) })
			}
		}
		wg.Wait()
		ra, rb := newReceiver(t, c1, "a", nil), newReceiver(t, c1, "b", nil)
		wg.Go(func() { complete(t, ra, receive(t, ra, 100)...) })
		wg.Go(func() { complete(t, rb, receive(t, rb, 100)...) })
		wg.Wait()
		require.NoError(t, c2.Close(within(t)))
		send(t, newSender(t, c1, "a"), "after")
		require.Equal(t, "after", bodies(receive(t, ra, 1)))
	})
}

// Items 11, 12
func TestClosingAClientIsAnsweredAtOnce(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		send(t, newSender(t, c, "q"), "a")
		r := newReceiver(t, c, "q", nil)
		receiveOne(t, r)
		start := time.Now()
		require.NoError(t, r.Close(within(t)))
		require.NoError(t, c.Close(within(t)))
		require.Less(t, time.Since(start), time.Second)
	})
}

// Item 18 over a socket: more than the session's window of 5,000 and the link's credit of 1,000. The checklist's
// 20,000 are in TestManyMessagesOnOneSenderDoNotBlock.
func TestThousandsOfMessagesOnOneSenderDoNotBlock(t *testing.T) {
	b := overTCP(t, servicebus.Options{})
	s := b.sender(t, "q")
	const workers, each = 20, 300
	var wg sync.WaitGroup
	ctx := withinD(t, time.Minute)
	for range workers {
		wg.Go(func() {
			for range each {
				if !assertNoError(t, s.SendMessage(ctx, text("x"), nil)) {
					return
				}
			}
		})
	}
	wg.Wait()
	b.requireCounts(t, servicebus.Counts{Active: workers * each})
}

// Item 23
func TestAMissingQueueIsToldAtOnce(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		start := time.Now()
		requireCode(t, newSender(t, c, "none").SendMessage(within(t), text("a"), nil), azservicebus.CodeNotFound)
		_, err := newReceiver(t, c, "none", nil).ReceiveMessages(within(t), 1, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
		require.ErrorContains(t, err, "could not be found.") // the JavaScript SDK goes by this text
		require.Less(t, time.Since(start), time.Second)
	})
}

// Item 24
func TestARefusedTokenIsUnauthorizedAccess(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		require.NoError(t, b.DenyTokens("q", true))
		s := b.sender(t, "q")
		requireCode(t, s.SendMessage(within(t), text("a"), nil), azservicebus.CodeUnauthorizedAccess)
		_, err := b.receiver(t, "q").ReceiveMessages(within(t), 1, nil)
		requireCode(t, err, azservicebus.CodeUnauthorizedAccess)
		require.NoError(t, b.DenyTokens("q", false))
		send(t, s, "a")
	})
}

// Items 25, 13: the client renews its tokens every five minutes, on channels that it uses again and again.
func TestTokensAreRenewedWhileMessagesFlow(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		s, r := newSender(t, c, "q"), newReceiver(t, c, "q", nil)
		for i := range 30 * 6 { // half an hour
			body := fmt.Sprint(i)
			send(t, s, body)
			m := receiveOne(t, r)
			require.Equal(t, body, string(m.Body))
			complete(t, r, m)
			time.Sleep(10 * time.Second)
		}
		require.EqualValues(t, 1, b.dials.Load())
	})
}

// Item 26
func TestFiftySendersOpenAtOnceOnOneClient(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		c := b.client(t)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { assertNoError(t, newSender(t, c, "q").SendMessage(within(t), text("x"), nil)) })
		}
		wg.Wait()
		b.requireCounts(t, servicebus.Counts{Active: 50})
		require.EqualValues(t, 1, b.dials.Load())
	})
}

// Items 30, 31, as far as there are queues; what is not to be found is in TestAMissingQueueIsToldAtOnce.
func TestASenderToADeadLetterQueueIsRefusedAtOnce(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		start := time.Now()
		requireCondition(t, b.sender(t, "q/$DeadLetterQueue").SendMessage(within(t), text("a"), nil), "amqp:not-allowed")
		require.Less(t, time.Since(start), time.Second)
	})
}

// Item 32
func TestNamesOfQueuesDifferByMoreThanCase(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "Orders"}}}, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "ORDERS"), "a")
		require.Equal(t, "a", bodies(receive(t, b.receiver(t, "orders"), 1)))
	})
}

// A receive that is given up leaves the connection as it was.
func TestGivingUpOnAReceiveLeavesOtherLinksAlone(t *testing.T) {
	inMemory(t, servicebus.Options{Queues: []servicebus.Queue{{Name: "q"}, {Name: "other"}}}, func(t *testing.T, b *bed) {
		c := b.client(t)
		s := newSender(t, c, "q")
		send(t, s, "a")
		for range 5 {
			r := newReceiver(t, c, "other", nil)
			_, err := r.ReceiveMessages(withinD(t, time.Second), 5, nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, r.Close(within(t)))
		}
		time.Sleep(2 * time.Minute)
		send(t, s, "b")
		require.EqualValues(t, 1, b.dials.Load())
	})
}

// Item 38: credit of a client that vanished is gone with it.
func TestALostConnectionTakesItsCreditAlong(t *testing.T) {
	inMemory(t, servicebus.Options{}, func(t *testing.T, b *bed) {
		var mine net.Conn
		dial := b.dial
		b.dial = func() (net.Conn, error) {
			nc, err := dial()
			mine = nc
			return nc, err
		}
		r := b.receiver(t, "q")
		_, err := r.ReceiveMessages(withinD(t, time.Second), 50, nil) // leaves 50 credits on the link
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, mine.Close())
		send(t, b.sender(t, "q"), "a", "b")
		got := receive(t, b.receiver(t, "q"), 2)
		require.Equal(t, "a b", bodies(got))
		require.EqualValues(t, 1, got[0].DeliveryCount)
	})
}

// assertNoError is for goroutines, which must not end the test.
func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
