package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/queuetest"
)

const pan = "4111 1111 1111 1111"

// refusing is a handler that finds a card number in every event.
func refusing(context.Context, orchestration.Event) orchestration.Outcome {
	return orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.CardDataRefused, Detail: "/card looks like a card number"}
}

func letters(t *testing.T, q *queuetest.Queue) []worker.Message {
	dead, err := q.DeadLetters().Peek(t.Context(), 0, 99)
	require.NoError(t, err)
	return dead
}

func TestARefusedCardLeavesAStubWithoutABody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, refusing)
		s.publish(t, "orders", "1")
		pass(time.Second)
		s.stop()

		journal := s.broker.Journal()
		require.Less(t, slices.Index(journal, "send live"), slices.Index(journal, "complete orders"), "the stub goes first")
		require.Len(t, journal, 4)
		require.Empty(t, letters(t, s.orders))
		dead := letters(t, s.own)
		require.Len(t, dead, 1)
		got := dead[0]
		require.Empty(t, got.Body)
		require.Equal(t, "CardDataRefused", got.DeadLetterReason)
		require.Equal(t, "/card looks like a card number", got.DeadLetterDescription)
		require.Equal(t, "00-1-2-01", got.Properties["traceparent"])
		require.Equal(t, "1", got.Properties["cloudEvents_id"])
		require.NotEmpty(t, got.Properties[envelope.PropertyDeadLetteredAt])
		require.NotEqual(t, "m-1", got.ID)
		require.ElementsMatch(t, []worker.Result{worker.ResultRescheduled, worker.ResultDeadLettered}, s.results(), "one end, one on the way to it")
		require.Equal(t, s.settled[0].Event.Origin, s.settled[1].Event.Origin, "the books have one message")
		require.Empty(t, s.copies, "nothing was put off")
	})
}

// Given back too often the message would be dead-lettered by the broker, with its body.
func TestWhileTheStubCannotBeSentTheMessageIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, refusing)
		s.publish(t, "orders", "1")
		s.broker.FailSends(func(string) error { return worker.ErrConnectionLost })
		pass(time.Hour)
		require.Empty(t, s.results())
		require.Empty(t, letters(t, s.orders))
		s.broker.FailSends(nil)
		pass(time.Minute)
		s.stop()
		require.Equal(t, 1, s.settled[0].Delivery.DeliveryCount)
		require.Len(t, letters(t, s.own), 1)
		require.Zero(t, s.orders.Len())
	})
}

func TestADrainGivesBackWhatHasNoStubYet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, refusing)
		s.publish(t, "orders", "1")
		pass(0)
		s.broker.FailSends(func(string) error { return worker.ErrConnectionLost })
		pass(time.Minute)
		s.stop()
		for _, settled := range s.settled {
			require.Contains(t, []worker.Result{worker.ResultAbandoned, worker.ResultRescheduled, worker.ResultDeadLettered}, settled.Result)
		}
		require.Empty(t, letters(t, s.orders))
	})
}

// book is Stubs in memory.
type book struct {
	first map[string]string
	err   error
}

func (b *book) First(_ context.Context, id, which string) (bool, error) {
	if b.err != nil {
		return false, b.err
	}
	if b.first[id] == "" {
		b.first[id] = which
	}
	return b.first[id] == which, nil
}

func TestOfTwoStubsTheFirstIsTheDeadLetter(t *testing.T) {
	for name, err := range map[string]error{"known": nil, "not known": errors.New("no answer")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := &book{first: map[string]string{}, err: err}
				s := start(t, refusing, func(o *worker.Options) { o.Stubs = b })
				once := func() func(string) error {
					failed := false
					return func(string) error {
						if failed {
							return nil
						}
						failed = true
						return worker.ErrLockLost
					}
				}
				s.orders.FailSettlements(once()) // as a process that dies before it completes
				s.own.FailSettlements(once())    // and another before it dead-letters
				s.publish(t, "orders", "1")
				pass(5 * time.Minute)
				s.stop()
				require.Zero(t, s.orders.Len())
				require.Zero(t, s.own.Len())
				dead := letters(t, s.own)
				for _, m := range dead {
					require.Equal(t, dead[0].ID, m.ID)
				}
				if err != nil {
					require.Len(t, dead, 2, "rather two than none")
					return
				}
				require.Len(t, dead, 1)
				require.Contains(t, s.results(), worker.ResultSurplus)
			})
		})
	}
}

func TestNobodyElseCanSayThatABodyIsWithheld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, done)
		parts := envelope.Encode(orchestration.Event{ID: "1", Source: "shop", Type: "signalbox.order.placed.v1", Time: time.Now(), Data: []byte(`{"n":1}`)})
		parts.Properties[envelope.PropertyWithheld] = "so they say"
		require.NoError(t, s.broker.Send(t.Context(), "orders", worker.Message{ID: "m", ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}, time.Time{}))
		pass(time.Second)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

func TestACardAroundTheDataIsRefusedWithoutTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, func(context.Context, orchestration.Event) orchestration.Outcome {
			t.Error("the engine was called")
			return orchestration.Outcome{}
		})
		send := func(queue string, change func(*worker.Message)) {
			parts := envelope.Encode(orchestration.Event{ID: "1", Source: "shop", Type: "signalbox.order.placed.v1", Time: time.Now(), Data: []byte(`{"n":1}`)})
			m := worker.Message{ID: "m", ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
			change(&m)
			require.NoError(t, s.broker.Send(t.Context(), queue, m, time.Time{}))
		}
		send("orders", func(m *worker.Message) { m.Properties["cloudEvents_subject"] = pan })
		send("orders", func(m *worker.Message) { m.Properties["x"] = uint64(4111111111111111) })
		send("orders", func(m *worker.Message) { m.Properties["x"] = float64(4111111111111111) })
		send("orders", func(m *worker.Message) { m.Properties["x"] = []byte(pan) })
		send("orders", func(m *worker.Message) { m.Properties[envelope.PropertyOrigin] = pan })
		send("orders", func(m *worker.Message) { m.ID = pan })
		send("orders", func(m *worker.Message) { m.ContentType = "text/html; x=" + strings.ReplaceAll(pan, " ", "") })
		send("live", func(m *worker.Message) { m.Body = []byte(`<card>` + pan + `</card>`) })
		pass(time.Second)
		s.stop()
		require.Empty(t, letters(t, s.orders))
		for _, settled := range s.settled {
			require.NotContains(t, settled.Delivery.MessageID, "1111")
			require.NotContains(t, fmt.Sprintf("%+v", settled.Event), "1111")
		}
		dead := letters(t, s.own)
		require.Len(t, dead, 8)
		for _, m := range dead {
			require.Empty(t, m.Body)
			require.NotContains(t, fmt.Sprintf("%+v", m), "1111", m.DeadLetterDescription)
		}
	})
}

// A sequence number of a partitioned queue may have the digits of a card.
func TestWhatWeWriteOnCopiesIsNoCard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, done)
		ev := orchestration.Event{ID: "1", Source: "shop", Type: "signalbox.order.placed.v1", Time: time.Now(), Data: []byte(`{"n":1}`), Generation: 2,
			Origin: orchestration.Origin{Queue: "orders", Enqueued: time.Now(), Sequence: 4111111111111111}}
		parts := envelope.Encode(ev)
		require.NoError(t, s.broker.Send(t.Context(), "live", worker.Message{ID: "m", ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}, time.Time{}))
		pass(time.Second)
		s.stop()
		require.Equal(t, []worker.Result{worker.ResultCompleted}, s.results())
	})
}

func TestADecoderThatPanicsOnACardKeepsNothingOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, done, func(o *worker.Options) {
			o.Decode = func(p envelope.Parts, a envelope.Arrival, l envelope.Limits) (orchestration.Event, error) {
				panic("at " + string(p.Body))
			}
		})
		require.NoError(t, s.broker.Send(t.Context(), "orders", worker.Message{ID: "m", Body: []byte(pan)}, time.Time{}))
		pass(time.Second)
		s.stop()
		dead := letters(t, s.own)
		require.Len(t, dead, 1)
		require.Equal(t, "CardDataRefused", dead[0].DeadLetterReason)
		require.Empty(t, dead[0].Body)
	})
}
