package servicebus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/servicebus"
)

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// soon bounds a receive. It is cancelled with the test.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func event(id string, bytes int) worker.Message {
	data := fmt.Appendf(nil, `{"pad":"%0*d"}`, bytes, 1)
	parts := envelope.Encode(orchestration.Event{ID: id, Source: "shop", Type: "order.placed", Time: time.Now(), Data: data})
	return worker.Message{ID: id, ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
}

func TestAMissingQueueIsNotFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, namespace := local(t, "orders")
		_, err := namespace.Queue("nowhere").Receive(soon(t), 1)
		require.ErrorIs(t, err, worker.ErrNotFound)
		require.Equal(t, "notfound", worker.ReasonOf(err))
	})
}

func TestARefusedCredentialIsUnauthorizedUntilItIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		require.NoError(t, broker.DenyTokens("orders", true))
		queue := namespace.Queue("orders")
		_, err := queue.Receive(soon(t), 1)
		require.ErrorIs(t, err, worker.ErrUnauthorized)

		require.NoError(t, broker.DenyTokens("orders", false))
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
		queue.Reopen(t.Context())
		got, err := queue.Receive(soon(t), 1)
		require.NoError(t, err)
		require.Len(t, got, 1)
	})
}

func TestABrokerThatCannotBeReachedIsAnErrorNotAnEmptyQueue(t *testing.T) {
	for name, dial := range map[string]func(ctx context.Context) (net.Conn, error){
		"refused":        func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") },
		"into the void":  func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
		"never answered": func(context.Context) (net.Conn, error) { ours, _ := net.Pipe(); return ours, nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				namespace, err := servicebus.Open(servicebus.Options{
					ConnectionString: secret.New("Endpoint=sb://memory;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true"), NewConn: dial,
				})
				require.NoError(t, err)
				start := time.Now()
				_, err = namespace.Queue("orders").Receive(soon(t), 1)
				require.Error(t, err)
				require.Less(t, time.Since(start), 15*time.Second)
				_ = namespace.Close(soon(t))
			})
		})
	}
}

func TestWhatIsInHandSurvivesALostConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		for _, id := range []string{"1", "2", "3"} {
			require.NoError(t, namespace.Send(t.Context(), "orders", event(id, 1), time.Time{}))
		}
		var held []worker.Message
		for len(held) < 3 {
			got, err := queue.Receive(soon(t), 3)
			require.NoError(t, err)
			held = append(held, got...)
		}
		broker.CloseConnections()
		synctest.Wait()

		_, err := queue.RenewLock(t.Context(), held[0])
		require.NoError(t, err)
		require.NoError(t, queue.Complete(t.Context(), held[0]))
		require.NoError(t, queue.Abandon(t.Context(), held[1]))
		require.NoError(t, queue.DeadLetter(t.Context(), held[2], "Malformed", "no", nil))
		counts, err := broker.Counts("orders")
		require.NoError(t, err)
		require.Equal(t, 1, counts.Active)
	})
}

func TestWhatIsSettledWhileTheReceiverIsReplacedIsSettled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		const events = 90
		for i := range events {
			require.NoError(t, namespace.Send(t.Context(), "orders", event(fmt.Sprint(i), 1), time.Time{}))
		}
		var held []worker.Message
		for len(held) < events {
			got, err := queue.Receive(soon(t), events)
			require.NoError(t, err)
			held = append(held, got...)
		}
		results := make([]error, events)
		var settling sync.WaitGroup
		for i, m := range held {
			if i%30 == 15 {
				queue.Reopen(t.Context())
			}
			settling.Go(func() {
				switch i % 3 {
				case 0:
					results[i] = queue.Complete(t.Context(), m)
				case 1:
					results[i] = queue.Abandon(t.Context(), m)
				default:
					results[i] = queue.DeadLetter(t.Context(), m, "Malformed", "no", nil)
				}
			})
		}
		settling.Wait()
		require.NoError(t, errors.Join(results...))
		counts, err := broker.Counts("orders")
		require.NoError(t, err)
		require.Equal(t, events/3, counts.Active)
	})
}

func TestALockThatTheBrokerTookAwayIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
		got, err := queue.Receive(soon(t), 1)
		require.NoError(t, err)
		_, err = broker.LoseLocks("orders")
		require.NoError(t, err)
		_, err = queue.RenewLock(t.Context(), got[0])
		require.ErrorIs(t, err, worker.ErrLockLost)
		require.ErrorIs(t, queue.DeadLetter(t.Context(), got[0], "r", "d", nil), worker.ErrLockLost)
	})
}

func TestAMessageOverTheQueuesLimitIsTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, namespace := local(t, "orders")
		err := namespace.Send(t.Context(), "orders", event("1", 300_000), time.Time{})
		require.ErrorIs(t, err, worker.ErrTooLarge)
	})
}

func TestABusyBrokerIsAskedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		require.NoError(t, broker.RejectSends("orders", 2, "com.microsoft:server-busy"))
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
	})
}

func TestPublishSaysOfEachMessageWhetherTheBrokerHasIt(t *testing.T) {
	t.Run("thousands in order, and one that is too large among them", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			broker, namespace := local(t, "orders")
			var messages []worker.Message
			for i := range 2000 {
				messages = append(messages, event(fmt.Sprint(i), 200))
			}
			messages[700] = event("700", 300_000)
			results := namespace.Publish(t.Context(), "orders", messages)
			for i, err := range results {
				if i == 700 {
					require.ErrorIs(t, err, worker.ErrTooLarge)
					continue
				}
				require.NoError(t, err)
			}
			counts, err := broker.Counts("orders")
			require.NoError(t, err)
			require.Equal(t, 1999, counts.Active)
			first, err := namespace.Queue("orders").Browse().Peek(t.Context(), 0, 2)
			require.NoError(t, err)
			require.Equal(t, "0", first[0].ID)
			require.Equal(t, "1", first[1].ID)
		})
	})
	t.Run("a queue that is not there takes none, and is asked once", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, namespace := local(t, "orders")
			results := namespace.Publish(t.Context(), "nowhere", []worker.Message{event("1", 1), event("2", 1)})
			for _, err := range results {
				require.ErrorIs(t, err, worker.ErrNotFound)
				require.ErrorIs(t, err, servicebus.ErrUnsent)
			}
		})
	})
	t.Run("what was refused is told apart from what was taken", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			broker, namespace := local(t, "orders")
			var messages []worker.Message
			for i := range 3 {
				messages = append(messages, event(fmt.Sprint(i), 200_000)) // one batch each
			}
			require.Empty(t, errors.Join(namespace.Publish(t.Context(), "orders", messages[:1])...))
			require.NoError(t, broker.RejectSends("orders", 1, "amqp:resource-limit-exceeded"))
			results := namespace.Publish(t.Context(), "orders", messages)
			require.Error(t, results[0])
			require.NotErrorIs(t, results[0], servicebus.ErrUnsent)
			require.NoError(t, results[1])
			require.NoError(t, results[2])
		})
	})
}

func TestAMessageThatTheSDKCannotReadHarmsNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders", "live")
		poison := event("poison", 1)
		poison.Properties["DeadLetterReason"] = int64(7) // any sender can set it; the SDK asserts a string
		results := namespace.Publish(t.Context(), "orders", []worker.Message{event("1", 1), poison, event("2", 1)})
		require.NoError(t, errors.Join(results...))

		var panics, handled atomic.Int32
		w, err := worker.New(worker.Options{
			Handler: handler(func(context.Context, orchestration.Event) orchestration.Outcome {
				handled.Add(1)
				return orchestration.Outcome{Verdict: orchestration.Completed}
			}),
			Outbox: namespace, Observe: panicCounter{count: &panics},
			Intakes: []worker.Intake{{Queue: namespace.Queue("orders"), Slots: 10, OwnQueue: "live", MaxDeliveryCount: 3}},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		require.NoError(t, w.Run(ctx))

		require.Equal(t, int32(2), handled.Load())
		require.Positive(t, panics.Load(), "and not in silence")
		counts, err := broker.Counts("orders")
		require.NoError(t, err)
		require.Zero(t, counts.Active)
		dead, err := broker.Counts("orders/$deadletterqueue")
		require.NoError(t, err)
		require.Equal(t, 1, dead.Active, "the broker's own maximum of deliveries ends it")
	})
}

type handler func(context.Context, orchestration.Event) orchestration.Outcome

func (h handler) Handle(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
	return h(ctx, ev)
}

type panicCounter struct {
	worker.NoObserver
	count *atomic.Int32
}

func (c panicCounter) Panicked(context.Context, string, any, []byte) { c.count.Add(1) }

func TestAWorkerOnTheSDKLosesNothingWhileTheConnectionKeepsBreaking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders", "live")
		const events = 100
		var messages []worker.Message
		for i := range events {
			messages = append(messages, event(fmt.Sprint(i), 100))
		}
		require.NoError(t, errors.Join(namespace.Publish(t.Context(), "orders", messages)...))

		completed := make(chan string, 10*events)
		w, err := worker.New(worker.Options{
			Handler: handler(func(_ context.Context, ev orchestration.Event) orchestration.Outcome {
				pass(300 * time.Millisecond)
				if ev.Generation == 1 {
					return orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate, After: 5 * time.Second}
				}
				completed <- ev.ID
				return orchestration.Outcome{Verdict: orchestration.Completed}
			}),
			Outbox: namespace,
			Intakes: []worker.Intake{
				{Queue: namespace.Queue("orders"), Slots: 5, OwnQueue: "live", MaxDeliveryCount: 3},
				{Queue: namespace.Queue("live"), Slots: 5, OwnQueue: "live", MaxDeliveryCount: 3},
			},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		for range 5 {
			pass(2 * time.Second)
			broker.CloseConnections()
		}
		require.NoError(t, <-ended)
		close(completed)
		seen := map[string]bool{}
		for id := range completed {
			seen[id] = true
		}
		require.Len(t, seen, events)
		for _, queue := range []string{"orders", "live", "orders/$deadletterqueue", "live/$deadletterqueue"} {
			counts, err := broker.Counts(queue)
			require.NoError(t, err)
			require.Zero(t, counts.Active+counts.Scheduled, queue)
		}
	})
}

func TestABodyIsFoundWhereverTheSenderPutIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		sender, err := rawClient(t, broker).NewSender("orders", nil)
		require.NoError(t, err)
		want := []byte(`{"a":1}`)
		queue := namespace.Queue("orders")
		for _, body := range []azservicebus.AMQPAnnotatedMessageBody{
			{Data: [][]byte{want}}, {Data: [][]byte{want[:3], want[3:]}}, {Value: string(want)}, {Value: want},
		} {
			require.NoError(t, sender.SendAMQPAnnotatedMessage(soon(t), &azservicebus.AMQPAnnotatedMessage{Body: body}, nil))
			got, err := queue.Receive(soon(t), 1)
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.True(t, bytes.Equal(want, got[0].Body), "%v", body)
			require.NoError(t, queue.Complete(t.Context(), got[0]))
		}
	})
}

func TestATimeToLiveIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		sender, err := rawClient(t, broker).NewSender("orders", nil)
		require.NoError(t, err)
		hour := time.Hour
		require.NoError(t, sender.SendMessage(soon(t), &azservicebus.Message{Body: []byte("x"), TimeToLive: &hour}, nil))
		got, err := namespace.Queue("orders").Receive(soon(t), 1)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(hour), got[0].ExpiresAt, time.Minute)
	})
}

func TestWhetherAQueueCanBeSentToIsToldWithoutSending(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders", "closed")
		require.NoError(t, namespace.CanSend(t.Context(), "orders"))
		require.ErrorIs(t, namespace.CanSend(t.Context(), "nowhere"), worker.ErrNotFound)
		require.NoError(t, broker.DenyTokens("closed", true))
		require.ErrorIs(t, namespace.CanSend(t.Context(), "closed"), worker.ErrUnauthorized)
		counts, err := broker.Counts("orders")
		require.NoError(t, err)
		require.Zero(t, counts.Active)
	})
}

func TestALookSaysWhenAScheduledMessageIsDue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, namespace := local(t, "orders")
		at := time.Now().Add(time.Hour)
		require.NoError(t, namespace.Send(t.Context(), "orders", event("later", 1), at))
		require.NoError(t, namespace.Send(t.Context(), "orders", event("now", 1), time.Time{}))
		got, err := namespace.Queue("orders").Browse().Peek(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, got, 2)
		require.Equal(t, worker.Scheduled, got[0].State)
		require.WithinDuration(t, at, got[0].Due, time.Second)
		require.Equal(t, worker.Active, got[1].State)
		require.Zero(t, got[1].Due)
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := servicebus.Open(servicebus.Options{})
	require.ErrorContains(t, err, "neither")
	_, err = servicebus.Open(servicebus.Options{ConnectionString: secret.New("x"), Host: "h"})
	require.ErrorContains(t, err, "both")
	_, err = servicebus.Open(servicebus.Options{ConnectionString: secret.New("Endpoint=sb://x;SharedAccessKey=hunter2")})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = servicebus.Open(servicebus.Options{ConnectionString: secret.New("Endpoint=hunter2")})
	require.NotContains(t, err.Error(), "hunter2")
}

// rawClient is the SDK by itself, for what the adapter does not send.
func rawClient(t *testing.T, broker *sim.Broker) *azservicebus.Client {
	t.Helper()
	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString("memory"), &azservicebus.ClientOptions{
		NewWebSocketConn: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return broker.Pipe(), nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// pass lets virtual time go by; it is only called inside a bubble.
func pass(d time.Duration) { <-time.After(d) }
