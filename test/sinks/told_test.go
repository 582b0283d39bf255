package sinks

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestACustomerThatWasCreatedIsToldOnceWithItsAccount(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		at := time.Now()
		f.Publish(customer(1, "e1", at))
		f.Settle(time.Hour)
		events := f.Sink.Events()
		require.Len(f.T, events, 1)
		e := events[0]
		require.Equal(f.T, []string{relayed, harness.Source, "C-1", orchestration.DeriveCorrelationID(harness.Source, "e1"), at.UTC().Format(time.RFC3339Nano)},
			[]string{e.Type, e.Source, e.Subject, e.CorrelationID, e.Time})
		require.NoError(f.T, uuid.Validate(e.ID))
		require.NotEmpty(f.T, e.Sequence)
		account, _ := f.Bound(harness.Source, "C-1")
		require.Equal(f.T, account, dataOf(f.T, e).AccountNumber)
		require.Equal(f.T, "C-1", dataOf(f.T, e).ID)
		require.Equal(f.T, []int{202}, e.Answers)
		require.EqualValues(f.T, 1, f.count(telemetry.SinkDeliveries, "sink", harness.SinkName, "result", "delivered"))
		require.EqualValues(f.T, 1, f.count(telemetry.ScenarioRuns, "scenario", "sinks", "outcome", "succeeded"))
	})
}

func TestWhatIsRefusedIsToldWithItsReasonAndNothingElse(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		bad := customer(1, "no-email", time.Now())
		bad.Email = ""
		f.Publish(bad) // at the door
		f.CSU.Configure(func(o *csu.Options) { o.Limits.Street = 3 })
		f.Publish(customer(2, "too-long", time.Now())) // by the CSU
		f.Settle(time.Hour)
		require.Equal(f.T, 2, f.DeadLetters())
		reasons := map[string]string{}
		for _, e := range f.told(refused) {
			d := dataOf(f.T, e)
			reasons[d.EventID] = d.Reason
			require.Equal(f.T, "signalbox.customer.changed.v1", d.EventType)
			require.NotEmpty(f.T, d.Detail)
		}
		require.Equal(f.T, map[string]string{"no-email": "SchemaInvalid", "too-long": "CsuRejected"}, reasons)
		require.Empty(f.T, f.told(relayed))
		for _, e := range f.Sink.Events() {
			require.NotContains(f.T, string(e.Data), "@example.com")
			require.NotContains(f.T, string(e.Data), "Harbour")
		}
	})
}

func TestAReceiverThatIsDownForAMinuteIsToldAfterwards(t *testing.T) {
	for name, down := range map[string]func(f *fleet) (up func()){
		"nobody listens": func(f *fleet) func() { f.CutSink(); return f.MendSink },
		"a gateway answers": func(f *fleet) func() {
			f.inject(sink.Fault{Kind: sink.Error, Status: 502})
			return f.Sink.ClearFaults
		},
		"it fails":            func(f *fleet) func() { f.inject(sink.Fault{Kind: sink.Error}); return f.Sink.ClearFaults },
		"it refuses us":       func(f *fleet) func() { f.inject(sink.Fault{Kind: sink.Error, Status: 401}); return f.Sink.ClearFaults },
		"it is deployed anew": func(f *fleet) func() { f.inject(sink.Fault{Kind: sink.Error, Status: 404}); return f.Sink.ClearFaults },
		"it drops everything": func(f *fleet) func() { f.inject(sink.Fault{Kind: sink.Drop}); return f.Sink.ClearFaults },
		"it does not answer": func(f *fleet) func() {
			f.inject(sink.Fault{Kind: sink.Hold, Point: sink.PointReceived})
			return f.Sink.ClearFaults
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, harness.Options{}, func(f *fleet) {
				up := down(f)
				customers := f.some(20)
				<-time.After(time.Minute)
				require.Len(f.T, f.CSU.Customers(), 20, "what the CSU must do does not wait for the receiver")
				up()
				began := time.Now()
				f.Settle(time.Hour)
				f.T.Logf("all told %s after it was back, with %d deliveries", time.Since(began), f.Sink.Stats().Requests)
				require.Less(f.T, time.Since(began), 15*time.Minute)
				require.Zero(f.T, f.DeadLetters())
				f.requireTold(customers)
				require.Len(f.T, f.told(relayed), 20)
			})
		})
	}
}

func TestAReceiverThatIsDownForANightCostsNoEvent(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CutSink()
		customers := f.some(30)
		<-time.After(8 * time.Hour / harness.Stride) // but for the race detector
		f.MendSink()
		f.Settle(24 * time.Hour)
		letters := f.Letters()
		f.T.Logf("%d of 30 used up their attempts as probes; %v deliveries were tried", len(letters), f.count(telemetry.StepRuns, "scenario", "sinks"))
		for _, m := range letters {
			require.Equal(f.T, "AttemptsExhausted", m.DeadLetterReason)
			require.Contains(f.T, m.DeadLetterDescription, "the sink crm")
		}
		require.Equal(f.T, len(customers), len(f.told(relayed))+len(letters), "each is told or waits for a person")
		require.LessOrEqual(f.T, len(letters), 3, "only probes use up attempts")
	})
}

func TestADeliveryThatWasAcceptedWithoutAnAnswerIsMadeTwiceAtMost(t *testing.T) {
	for name, fault := range map[string]sink.Fault{
		"the connection drops": {Kind: sink.AcceptThenDrop, Every: 3},
		"the answer is lost":   {Kind: sink.AcceptThenError, Every: 3},
		"the answer is late":   {Kind: sink.Latency, Delay: 20 * time.Second, Every: 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, harness.Options{}, func(f *fleet) {
				f.inject(fault)
				customers := f.some(20)
				f.Settle(time.Hour)
				f.requireTold(customers)
				require.Len(f.T, f.told(relayed), 20)
				stats := f.Sink.Stats()
				require.Positive(f.T, stats.Duplicates)
				for _, e := range f.Sink.Events() {
					lost := len(e.Answers)
					for _, status := range e.Answers {
						if status == 202 {
							lost--
						}
					}
					require.True(f.T, fault.Kind == sink.Latency || len(e.Deliveries) == 1+lost, "a repeat for each answer that was lost, and no other: %v", e.Answers)
				}
			})
		})
	}
	t.Run("once", func(t *testing.T) {
		bubble(t, harness.Options{}, func(f *fleet) {
			f.inject(sink.Fault{Kind: sink.AcceptThenDrop, Next: 1})
			f.Publish(customer(1, "e1", time.Now()))
			f.Settle(time.Hour)
			require.Len(f.T, f.Sink.Events(), 1)
			require.Len(f.T, f.Sink.Events()[0].Deliveries, 2)
		})
	})
}

func TestA429HoldsBackEveryDeliveryForAsLongAsItSaysAndCostsNoAttempt(t *testing.T) {
	for _, form := range []sink.RetryAfter{sink.RetryAfterSeconds, sink.RetryAfterDate} {
		t.Run(string(form), func(t *testing.T) {
			bubble(t, harness.Options{}, func(f *fleet) {
				f.inject(sink.Fault{Kind: sink.Throttle, RetryAfter: form, Wait: 45 * time.Second, For: 40 * time.Second})
				customers := f.some(20)
				<-time.After(39 * time.Second)
				require.LessOrEqual(f.T, f.Sink.Stats().ByStatus[429], int64(2*4), "what was on its way already, in two processes")
				f.Settle(time.Hour)
				f.requireTold(customers)
				require.Zero(f.T, f.DeadLetters())
				for _, line := range f.lines("message settled") {
					require.EqualValues(f.T, 0, line["attempt"], "%v", line)
				}
				require.Len(f.T, f.lines("the sink takes deliveries again"), len(f.lines("the sink refused or did not answer; it is left alone for a while, and what is for it waits")))
			})
		})
	}
}

func TestALimitedReceiverIsToldEverythingWithoutALostEventOrAnAttempt(t *testing.T) {
	bubble(t, harness.Options{Slots: 32}, func(f *fleet) {
		f.inject(sink.Fault{Kind: sink.Throttle, Rate: 5, Burst: 5})
		customers := f.some(200)
		f.Settle(time.Hour)
		f.requireTold(customers)
		require.Zero(f.T, f.DeadLetters())
		stats := f.Sink.Stats()
		f.T.Logf("200 events at 5 a second: %d deliveries, %d refused", stats.Requests, stats.ByStatus[429])
	})
}

// While the receiver changes over, both sign.
func TestASecretIsRotatedWithoutARefusal(t *testing.T) {
	const next = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	env := map[string]string{"SIGNALBOX_SINKS": `[{"name":"crm","url":"http://127.0.0.1:2/hooks","secrets":["` + sink.DefaultSecret + `","` + next + `"]}]`,
		"SIGNALBOX_CHANNELS": `[{"name":"main","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["crm"]}]`}
	bubble(t, harness.Options{Env: env}, func(f *fleet) {
		f.Publish(customer(1, "e1", time.Now()))
		f.Settle(time.Hour)
		require.NoError(f.T, f.Sink.Configure(func(o *sink.Options) { o.Secrets = []string{next} }))
		f.Publish(customer(2, "e2", time.Now()))
		f.Settle(time.Hour)
		require.Len(f.T, f.told(relayed), 2)
		require.Zero(f.T, f.Sink.Stats().ByStatus[401])
		require.NotContains(f.T, f.log(), "whsec_")
	})
}

// A receiver that loses answers, stalls and refuses at random is told of each customer in order, the newest last.
func TestNothingOlderArrivesBehindSomethingNewer(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, harness.Options{}, func(f *fleet) {
				f.inject(sink.Fault{Kind: sink.Latency, Jitter: 20 * time.Second, Point: sink.PointReceived, Probability: .3}, // half of them past our patience
					sink.Fault{Kind: sink.AcceptThenDrop, Probability: .1}, sink.Fault{Kind: sink.Drop, Probability: .1}, sink.Fault{Kind: sink.Error, Status: 503, Probability: .1})
				r := rand.New(rand.NewPCG(seed, 1))
				last := map[string]harness.Customer{}
				for i := range 120 {
					c := customer(r.IntN(8), fmt.Sprintf("e%d", i), time.Now())
					c.City = fmt.Sprint("City ", i)
					f.Publish(c)
					last[c.ID] = c
					<-time.After(time.Duration(r.IntN(4000)) * time.Millisecond)
				}
				f.Settle(24 * time.Hour)
				var all []harness.Customer
				for _, c := range last {
					f.RequireState(c)
					all = append(all, c)
				}
				require.Zero(f.T, f.DeadLetters())
				f.requireTold(all)
				for _, c := range all {
					about := f.Sink.About(c.ID)
					newest := about[len(about)-1]
					require.Equal(f.T, orchestration.DeriveCorrelationID(harness.Source, c.Event), newest.CorrelationID, "the last word is about the last state")
				}
				f.T.Logf("%d events told of 120 states, %v overtaken ones left out, %d repeats", len(f.Sink.Events()),
					f.count(telemetry.Messages, "event_type", relayed, "outcome", "superseded"), f.Sink.Stats().Duplicates)
			})
		})
	}
}

// The slots of our own queue are for what waits for the CSU, too.
func TestAReceiverThatHangsDoesNotHoldUpTheCSU(t *testing.T) {
	took := map[string]time.Duration{}
	for _, name := range []string{"well", "hangs"} {
		t.Run(name, func(t *testing.T) {
			o := harness.Options{Env: map[string]string{ // a patience of ten seconds, as an operator has it who sets none
				"SIGNALBOX_SINKS":    `[{"name":"crm","url":"http://127.0.0.1:2/hooks","secrets":["` + sink.DefaultSecret + `"]}]`,
				"SIGNALBOX_CHANNELS": `[{"name":"main","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["crm"]}]`}}
			inBubble(t, o, func(f *fleet) {
				if name == "hangs" {
					f.inject(sink.Fault{Kind: sink.Hold, Point: sink.PointReceived})
				}
				f.some(200) // whose outcomes are in our own queue by now
				await(func() bool { return len(f.CSU.Customers()) == 200 })
				// More customers, and a CSU that wants none of them for a minute: all of them go through our own queue.
				_, err := f.CSU.Inject(csu.Fault{Kind: csu.Error, Status: 429, RetryAfter: csu.RetryAfterSeconds, Wait: 30 * time.Second, For: 20 * time.Second})
				require.NoError(f.T, err)
				began := time.Now()
				for i := range 200 {
					f.Publish(customer(1000+i, fmt.Sprint("more", i), time.Now()))
				}
				await(func() bool { return len(f.CSU.Customers()) == 400 })
				took[name] = time.Since(began)
				f.Sink.ClearFaults()
				f.Settle(24 * time.Hour)
				require.Zero(f.T, f.DeadLetters())
				require.Len(f.T, f.told(relayed), 400)
			})
		})
	}
	t.Logf("200 customers that had to wait were in the CSU after %v", took)
	require.Less(t, took["hangs"], took["well"]*5/4, "%v", took)
}

func await(until func() bool) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !until() {
		<-tick.C
	}
}

// Only Signalbox may say what became of an event.
func TestWhoeverMayPublishCannotMakeUpAnOutcome(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		ev := orchestration.Event{Source: harness.Source, ID: uuid.NewString(), Type: relayed, Subject: "C-1", Sink: harness.SinkName, Time: time.Now(),
			Data: []byte(`{"id":"C-1","accountNumber":"666"}`)}
		plain := envelope.Encode(ev)
		ev.Origin, ev.Generation = orchestration.Origin{Queue: harness.OwnQueue, Enqueued: time.Now(), Sequence: 7}, 2
		posing := envelope.Encode(ev)
		for _, parts := range []envelope.Parts{plain, posing} {
			f.Send(worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body})
		}
		f.Settle(time.Hour)
		require.Empty(f.T, f.Sink.Events())
		require.Equal(f.T, 2, f.DeadLetters())
		for _, m := range f.Letters() {
			require.Equal(f.T, "UnknownType", m.DeadLetterReason)
		}
	})
}
