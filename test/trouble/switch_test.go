package trouble

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker/wake/rediswaiters"
)

// switchOff says what an operator's command says, and waits until every process has heard it.
func (f *fleet) switchOff(scenario string, lasts time.Duration) {
	f.T.Helper()
	f.say(redisswitch.Word{Scenario: scenario, Off: true, By: "ana", Reason: "the schema is being repaired", Audit: "1", For: lasts})
}

func (f *fleet) switchOn(scenario string) {
	f.T.Helper()
	f.say(redisswitch.Word{Scenario: scenario, By: "ana"})
}

func (f *fleet) say(w redisswitch.Word) {
	f.T.Helper()
	_, err := redisswitch.New(f.Redis, f.Keys()).Set(f.T.Context(), w)
	require.NoError(f.T, err)
	<-time.After(redisswitch.Every + 100*time.Millisecond)
}

// wait waits until so many events are known to wait for the scenario.
func (f *fleet) wait(scenario string, n int) {
	f.T.Helper()
	for range 4 * 3600 {
		counts, err := rediswaiters.New(f.Redis, f.Keys()).Off(f.T.Context(), []string{scenario})
		require.NoError(f.T, err)
		if counts[scenario] == n {
			return
		}
		<-time.After(time.Second)
	}
	f.T.Fatalf("%d events do not wait for %s: %s", n, scenario, f.log())
}

// untouched requires that the CSU was asked for nothing and nothing is a dead letter.
func (f *fleet) untouched() {
	f.T.Helper()
	require.Zero(f.T, f.CSU.Stats().Requests, "a scenario that is off makes no call")
	require.Zero(f.T, f.DeadLetters(), f.reasons())
}

// done gives how long it takes until nothing is left in the broker.
func (f *fleet) done() time.Duration {
	f.T.Helper()
	began := time.Now()
	f.Settle(patience)
	return time.Since(began)
}

func (f *fleet) requireAll(published []harness.Customer) {
	f.T.Helper()
	for _, c := range published {
		f.RequireState(c)
	}
	f.requireNoAttempt()
	f.requireDelivered(1)
	require.Zero(f.T, f.DeadLetters(), f.reasons())
	for _, scenario := range []string{"customers", "sinks"} {
		f.wait(scenario, 0)
	}
}

func TestEventsOfAScenarioThatIsOffWaitAreCountedAndFlowWhenItIsOnAgain(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4, Env: map[string]string{"SIGNALBOX_SAMPLER_INTERVAL": "30s"}}, func(f *fleet) {
		f.switchOff("customers", 7*24*time.Hour)
		published = several("off", 60)
		f.Publish(published...)
		f.wait("customers", 60)
		<-time.After(2 * time.Hour) // each copy comes a few times, finds it off, and is put back: it is still one event
		f.wait("customers", 60)
		f.untouched()
		require.EqualValues(f.T, 60, f.count(telemetry.Waiting, "scenario", "customers", "cause", "switched_off"))
		require.Zero(f.T, f.count(telemetry.StepEnabled, "scenario", "customers"))
		require.Positive(f.T, f.count(telemetry.StepEnabled, "scenario", "orders"))
		require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "switched_off"))
		f.switchOn("customers")
		require.Less(f.T, f.done(), 20*time.Second, "they are woken, and not just due")
		<-time.After(time.Minute)
		require.Zero(f.T, f.count(telemetry.Waiting, "cause", "switched_off"))
		require.Positive(f.T, f.count(telemetry.StepEnabled, "scenario", "customers"))
	}, func(f *fleet) { f.requireAll(published) })
}

func TestAScenarioIsOnAgainByItselfWhenItsTimeIsOver(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.switchOff("customers", 2*time.Hour)
		published = several("timed", 20)
		f.Publish(published...)
		f.wait("customers", 20)
		<-time.After(110 * time.Minute)
		f.untouched()
		require.Less(f.T, f.done(), 10*time.Minute)
		require.Len(f.T, f.lines("the scenario is on again"), 2, "both processes say so")
	}, func(f *fleet) { f.requireAll(published) })
}

func TestOneScenarioThatIsOffHoldsUpNoOther(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Sink: true}, func(f *fleet) {
		f.switchOff("sinks", time.Hour)
		published = several("told", 10)
		f.Publish(published...)
		f.wait("sinks", 10)
		for _, c := range published {
			f.RequireState(c)
		}
		require.Zero(f.T, f.Sink.Stats().Accepted)
		f.switchOn("sinks")
		require.Less(f.T, f.done(), 20*time.Second)
		require.EqualValues(f.T, 10, f.Sink.Stats().Accepted)
	}, func(f *fleet) { f.requireAll(published) })
}

// A wipe takes the operator's word with it; those who heard it say it again. With every process gone as well nobody knows.
func TestAScenarioStaysOffThroughAWipeAsLongAsOneProcessLives(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.switchOff("customers", 2*time.Hour)
		published = several("wiped", 10)
		f.Publish(published[:5]...)
		f.wait("customers", 5)
		f.Mini.FlushAll()
		<-time.After(3 * time.Second)
		f.processes[0].Stop()
		f.join() // has heard it from nobody but the store, and may be the first to see that it was wiped
		f.processes[1].Stop()
		f.Publish(published[5:]...)
		f.wait("customers", 10) // the five from before come when they are due, and are counted again
		require.Less(f.T, f.done(), 2*time.Hour)
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		f.requireNoAttempt()
		require.Zero(f.T, f.DeadLetters(), f.reasons())
	})
}

// A failover may lose that it was switched on again: the newer word wins.
func TestAFailoverDoesNotSwitchOffAgainWhatAPersonHasSwitchedOn(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.switchOff("customers", 24*time.Hour)
		old, err := f.Redis.HGetAll(f.T.Context(), f.Keys().Switch()).Result()
		require.NoError(f.T, err)
		f.switchOn("customers")
		for name, text := range old {
			require.NoError(f.T, f.Redis.HSet(f.T.Context(), f.Keys().Switch(), name, text).Err())
		}
		<-time.After(3 * time.Second)
		published = several("failover", 5)
		f.Publish(published...)
		require.Less(f.T, f.done(), time.Minute)
	}, func(f *fleet) { f.requireAll(published) })
}

func TestWithoutRedisAProcessGoesOnWithWhatItHeard(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.switchOff("customers", 24*time.Hour)
		for _, p := range f.processes {
			p.Cut(harness.ToRedis)
		}
		published = several("cut", 5)
		f.Publish(published...)
		<-time.After(2 * time.Minute)
		f.untouched()
		for _, p := range f.processes {
			p.Mend(harness.ToRedis)
		}
		<-time.After(10 * time.Second)
		f.switchOn("customers")
		require.Less(f.T, f.done(), time.Hour, "where nobody could note them, they come when they are due")
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		f.requireNoAttempt()
	})
}

func TestAScenarioThatTheConfigurationHasOffWaitsForAnotherConfiguration(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4, Env: map[string]string{"SIGNALBOX_SCENARIOS_OFF": "customers,orders"}}, func(f *fleet) {
		published = several("configured", 10)
		f.Publish(published...)
		f.wait("customers", 10)
		f.switchOn("customers") // changes nothing
		<-time.After(time.Hour)
		f.untouched()
		f.Set("SIGNALBOX_SCENARIOS_OFF", "orders")
		for _, p := range f.processes {
			p.Stop()
		}
		f.join()
		require.Less(f.T, f.done(), time.Minute, "they are woken, and not just due")
	}, func(f *fleet) { f.requireAll(published) })
}

func TestWhatAScenarioSaysToItselfWaitsToo(t *testing.T) {
	var one harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.SetHeadquarters(false)
		one = jane("e1", time.Now(), "Redmond")
		f.Publish(one)
		f.provisional(1)
		<-time.After(30 * time.Second) // its promotion is to be looked for in a minute
		f.switchOff("customers", 24*time.Hour)
		asked := f.CSU.Stats().Requests
		f.CSU.SetHeadquarters(true)
		<-time.After(time.Hour)
		require.Equal(f.T, asked, f.CSU.Stats().Requests)
		f.wait("customers", 1)
		f.switchOn("customers")
		require.Less(f.T, f.done(), 10*time.Minute)
	}, func(f *fleet) {
		f.requireAll([]harness.Customer{one})
		require.Len(f.T, f.CSU.Headquarters().Conversions, 1)
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
	})
}

// Whoever switches a scenario off may do so because it refuses what is good.
func TestAScenarioThatIsOffRefusesNothing(t *testing.T) {
	bubble(t, harness.Options{}, func(f *fleet) {
		f.switchOff("customers", 24*time.Hour)
		bad := harness.Customer{Event: "bad", ID: "C-9", First: "Jane", At: time.Now()}.Message(f.T)
		bad.Body = []byte(`{"id": 7}`)
		f.Send(bad)
		f.wait("customers", 1)
		<-time.After(2 * time.Hour)
		f.untouched()
		f.switchOn("customers")
		for f.DeadLetters() == 0 {
			<-time.After(time.Second)
		}
		require.Equal(f.T, "SchemaInvalid", f.Letters()[0].DeadLetterReason)
	}, func(f *fleet) { f.wait("customers", 0) })
}

// What is sent and not noted, or woken and not cancelled, is one event all the same.
func TestWhoWakesMayDieAtAnyCall(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.switchOff("customers", 24*time.Hour)
		published = several("dies", 20)
		f.Publish(published...)
		f.wait("customers", 20)
		f.switchOn("customers")
		f.processes[0].Stop() // it led, in all likelihood
		require.Less(f.T, f.done(), 2*time.Minute)
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		f.requireNoAttempt()
		require.Equal(f.T, 20, f.effects(csu.OpCreateCustomer))
	})
}
