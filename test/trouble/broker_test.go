package trouble

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// often does something at six moments in the middle of the batch.
func often(do func(f *fleet)) func(f *fleet) {
	return func(f *fleet) {
		for range 6 {
			do(f)
			<-time.After(700 * time.Millisecond)
		}
	}
}

type brokerTrouble struct {
	before func(f *fleet) // the batch is published
	during func(f *fleet)
	proof  func(f *fleet)
}

// tooBusy is a broker that takes no copies for a while, so that messages are held or given back, and none is used up by it.
func tooBusy(d time.Duration) brokerTrouble {
	return brokerTrouble{
		before: func(f *fleet) {
			f.inject(csu.Fault{Kind: csu.Unauthorized, For: d + 10*time.Second})
			require.NoError(f.T, f.Broker.RejectSendsFor(harness.OwnQueue, d, "com.microsoft:server-busy"))
		},
		proof: func(f *fleet) {
			require.Positive(f.T, f.count(telemetry.ClientSentMessages)-f.count(telemetry.ClientSentMessages, "error_type", ""), "sends were refused")
			require.Zero(f.T, f.taints())
			f.requireNoAttempt() // given back or rescheduled, as the intake that rests meanwhile has it
		},
	}
}

func TestWhateverTheBrokerDoesThereIsOneAccountInItsLastState(t *testing.T) {
	for name, trouble := range map[string]brokerTrouble{
		"it detaches the links": {
			during: often(func(f *fleet) {
				require.NoError(f.T, f.Broker.DetachLinks(harness.SourceQueue))
				require.NoError(f.T, f.Broker.DetachLinks(harness.OwnQueue))
			}),
			proof: func(f *fleet) { f.requireNoAttempt() },
		},
		"the network drops every connection": {
			during: often(func(f *fleet) { f.Broker.DropConnections() }),
			proof:  func(f *fleet) { f.requireNoAttempt() },
		},
		"it closes every connection as if it restarted": {
			during: often(func(f *fleet) { f.Broker.CloseConnections() }),
			proof:  func(f *fleet) { f.requireNoAttempt() },
		},
		"it takes every lock away early": {
			during: often(func(f *fleet) {
				_, err := f.Broker.LoseLocks(harness.SourceQueue)
				require.NoError(f.T, err)
				_, err = f.Broker.LoseLocks(harness.OwnQueue)
				require.NoError(f.T, err)
			}),
			proof: func(f *fleet) {
				require.Positive(f.T, f.count(telemetry.Messages, "outcome", "lock_lost"))
				require.Positive(f.T, f.count(telemetry.Messages, "outcome", "duplicate")+f.count(telemetry.Messages, "outcome", "superseded"),
					"what was done under a lost lock is not done again")
				f.requireNoAttempt()
			},
		},
		"it delivers every message twice": {
			before: func(f *fleet) { require.NoError(f.T, f.Broker.DeliverTwice(harness.SourceQueue, 1000)) },
			proof: func(f *fleet) {
				require.EqualValues(f.T, f.messages(), f.count(telemetry.Messages), "each delivery is settled once")
				require.Zero(f.T, f.taints())
				f.requireNoAttempt()
			},
		},
		"it is too busy to take a copy for 20 s, while every event must be rescheduled":  tooBusy(20 * time.Second),
		"it is too busy to take a copy for 2 min, while every event must be rescheduled": tooBusy(2 * time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			var b batch
			bubble(t, harness.Options{}, func(f *fleet) {
				slow(f)
				if trouble.before != nil {
					trouble.before(f)
				}
				b = newBatch(time.Now())
				f.Publish(b.published...)
				if trouble.during != nil {
					<-time.After(2 * time.Second)
					require.False(f.T, f.Empty())
					trouble.during(f)
				}
			}, func(f *fleet) {
				f.requireFinal(b)
				require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "creates")
				trouble.proof(f)
			})
		})
	}
}

// messages is how many there were: those published twice over, as the broker stored them, and the copies.
func (f *fleet) messages() float64 {
	return 2*float64(len(newBatch(time.Now()).published)) + f.count(telemetry.RescheduledMessages)
}

// The call under way ends with the lock, and what would have followed it, a write, is not begun. The next delivery looks first.
func TestARunWhoseLockIsLostBeginsNoWrite(t *testing.T) {
	var jane1 harness.Customer
	empty(t, harness.Options{}, func(f *fleet) {
		f.join()
		f.inject(csu.Fault{Kind: csu.Hold, Operation: csu.OpSearchByFields})
		jane1 = jane("e1", time.Now(), "Redmond")
		f.Publish(jane1)
		<-time.After(time.Second)
		_, err := f.Broker.LoseLocks(harness.SourceQueue)
		require.NoError(f.T, err)
		for range 100 { // it is noticed when the lock is to be renewed
			if <-time.After(time.Second); f.count(telemetry.Messages, "outcome", "lock_lost") > 0 {
				break
			}
			require.Zero(f.T, f.effects(csu.OpCreateCustomer))
		}
		require.Len(f.T, f.lines("the message's lock is lost; its run stops"), 1)
		f.CSU.ClearFaults()
	}, func(f *fleet) {
		require.EqualValues(f.T, 1, f.count(telemetry.Messages, "outcome", "lock_lost"))
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
		f.RequireState(jane1)
		f.requireNoAttempt()
	})
}
