package servicebus_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// Item 119. A million with CHAOS set, else some thousands.
func TestASoakLosesNothingAndKeepsNothing(t *testing.T) {
	messages, every := 6_000, 300*time.Millisecond
	if os.Getenv("CHAOS") != "" {
		messages, every = 1_000_000, 2*time.Second
	}
	soakIn(t, messages, every, "q", "q", servicebus.Options{Queues: []servicebus.Queue{{Name: "q", LockDuration: 5 * time.Second, MaxDeliveryCount: 1000}}})
}

// Item 119, for a subscription. Another one, which nobody receives from, has each of the messages, and neither has what is of no concern to it.
func TestASoakOfASubscriptionLosesNothingAndLeavesTheOthersAlone(t *testing.T) {
	messages, every := 3_000, 300*time.Millisecond
	if os.Getenv("CHAOS") != "" {
		messages, every = 300_000, 2*time.Second
	}
	never := servicebus.CorrelationFilter{Label: new(string)}
	s := soakIn(t, messages, every, "t", "t/Subscriptions/ours", servicebus.Options{Topics: []servicebus.Topic{{Name: "t", Subscriptions: []servicebus.Subscription{
		{Name: "ours", LockDuration: 5 * time.Second, MaxDeliveryCount: 1000}, {Name: "theirs"}, {Name: "none", Rules: []servicebus.Rule{{Name: "r", Filter: never}}},
	}}}})
	theirs, err := s.b.Counts("t/Subscriptions/theirs")
	require.NoError(t, err)
	require.GreaterOrEqual(t, theirs.Active, messages)
	require.LessOrEqual(t, int64(theirs.Active), int64(messages)+s.cutOff.Load(), "what we did with ours made no more of theirs")
	none, err := s.b.Counts("t/Subscriptions/none")
	require.NoError(t, err)
	require.Zero(t, none)
}

// soakIn sends to one entity and receives from another.
func soakIn(t *testing.T, messages int, every time.Duration, to, from string, o servicebus.Options) *soak {
	b, err := servicebus.New(o)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = b.Serve(l) }() // returns when the broker is closed
	s := &soak{t: t, b: b, addr: l.Addr().String(), to: to, from: from, seen: make([]atomic.Int32, messages)}

	ctx, stop := context.WithCancel(t.Context())
	var receivers, trouble sync.WaitGroup
	for range 8 {
		receivers.Go(func() { s.receive(ctx) })
	}
	trouble.Go(func() { s.shake(ctx, every) })
	began := time.Now()
	var early uint64
	for sent := 0; sent < messages; {
		batch := min(500, messages-sent)
		s.send(sent, batch)
		sent += batch
		s.until(func() bool { return s.waiting() < 5_000 }) // a backlog that stays as it is
		if early == 0 && sent >= messages/5 {
			early = heap()
		}
	}
	s.until(func() bool { return s.waiting() == 0 })
	took := time.Since(began)
	late := heap()
	stop()
	receivers.Wait()
	trouble.Wait()
	require.NoError(t, b.Close())

	twice := 0
	for i := range s.seen {
		n := s.seen[i].Load()
		require.Positive(t, n, "message %d was lost", i)
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d messages in %s, %.0f/s, 8 receivers; %d times links detached or connections dropped, %d messages left unsettled, %d sent again, %d delivered again; heap %d MB, then %d MB",
		messages, took.Round(time.Second), float64(messages)/took.Seconds(), s.shaken.Load(), s.unsettled.Load(), s.cutOff.Load(), twice, early>>20, late>>20)
	require.LessOrEqual(t, int64(twice), s.unsettled.Load()+s.cutOff.Load(), "only after a settlement or a delivery that was lost")
	if to == from { // else it is kept for somebody who does not come
		require.Less(t, late, early+64<<20, "memory stays flat")
	}
	return s
}

type soak struct {
	t    *testing.T
	b    *servicebus.Broker
	addr string
	to   string
	from string
	seen []atomic.Int32 // deliveries, by message

	unsettled, cutOff, shaken atomic.Int64
}

// client is one that tries a call again so many times by itself, none if it is negative.
func (s *soak) client(retries int32) *azservicebus.Client {
	c, err := azservicebus.NewClientFromConnectionString(s.b.ConnectionString(s.addr), &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{RetryDelay: 20 * time.Millisecond, MaxRetryDelay: 200 * time.Millisecond, MaxRetries: retries}})
	require.NoError(s.t, err)
	return c
}

// send sends numbered messages; what got no answer is sent again, as a producer would.
func (s *soak) send(from, n int) {
	for s.batch(from, n) != nil {
		s.cutOff.Add(int64(n)) // it may have arrived: then all of it is there twice
	}
}

// batch sends once. The SDK is given no second try: a batch that it sent twice in one call would be there twice and not be counted. A
// sender without tries does not mend its link either, so each batch has one of its own.
func (s *soak) batch(from, n int) error {
	c := s.client(-1)
	defer c.Close(context.Background())
	sender, err := c.NewSender(s.to, nil)
	require.NoError(s.t, err)
	batch, err := sender.NewMessageBatch(s.t.Context(), nil)
	for i := 0; err == nil && i < n; i++ {
		err = batch.AddMessage(&azservicebus.Message{Body: []byte(strconv.Itoa(from + i))}, nil)
	}
	if err != nil {
		return err
	}
	return sender.SendMessageBatch(s.t.Context(), batch, nil)
}

func (s *soak) receive(ctx context.Context) {
	for ctx.Err() == nil {
		s.session(ctx)
	}
}

// session receives with one client until something breaks.
func (s *soak) session(ctx context.Context) {
	c := s.client(20)
	defer c.Close(context.Background())
	r, err := c.NewReceiverForQueue(s.from, nil)
	if err != nil {
		return
	}
	for {
		got, err := r.ReceiveMessages(ctx, 100, nil)
		for n, m := range got {
			i, bad := strconv.Atoi(string(m.Body))
			require.NoError(s.t, bad)
			s.seen[i].Add(1)
			call, done := context.WithTimeout(context.Background(), time.Second)
			// By its token: with the link that brought it gone, the SDK would take its time. Nor is it given another try: the SDK
			// pauses 4 s before that, whatever its options say. The rest of the batch comes again when its locks end.
			err := r.CompleteMessage(call, &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
			done()
			if err != nil {
				s.unsettled.Add(int64(len(got) - n))
				return
			}
		}
		var failed *azservicebus.Error
		if errors.As(err, &failed) || ctx.Err() != nil {
			return
		}
	}
}

// shake detaches links and drops connections, now and then.
func (s *soak) shake(ctx context.Context, every time.Duration) {
	random := rand.New(rand.NewPCG(1, 2))
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		s.shaken.Add(1)
		switch random.IntN(3) {
		case 0:
			require.NoError(s.t, s.b.DetachLinks(s.from))
		case 1:
			s.b.CloseConnections()
		default:
			s.b.DropConnections()
		}
	}
}

func (s *soak) waiting() int {
	c, err := s.b.Counts(s.from)
	require.NoError(s.t, err)
	return c.Active
}

func (s *soak) until(holds func() bool) {
	require.Eventually(s.t, holds, 2*time.Minute, 5*time.Millisecond)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
