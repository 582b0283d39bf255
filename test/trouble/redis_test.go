package trouble

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// slow is a CSU that leaves time for trouble in the middle of the batch.
func slow(f *fleet) {
	f.CSU.Configure(func(o *csu.Options) { o.SearchLag, o.Latency = 3*time.Second, 500*time.Millisecond })
}

// midway waits until about half of the accounts are made.
func (f *fleet) midway() {
	f.T.Helper()
	for end := time.Now().Add(time.Hour); f.effects(csu.OpCreateCustomer) < customers/2; <-time.After(50 * time.Millisecond) {
		require.True(f.T, time.Now().Before(end), "half of the accounts are never made")
	}
	require.False(f.T, f.Empty(), "the batch is over before the trouble begins")
}

// A wipe takes bindings and versions with it. The fleet looks only for as long as a write from before may still show up,
// so no account is made twice. What a wipe may do: a state that was overtaken but was still waiting overwrites the newer
// one, whose version is gone; and who was done before it is bound again only by the customer's next event.
func TestAWipeOfRedisInTheMiddleOfABatchMakesNoSecondAccount(t *testing.T) {
	var b batch
	bubble(t, harness.Options{}, func(f *fleet) {
		slow(f)
		b = newBatch(time.Now())
		f.Publish(b.published...)
		f.midway()
		f.Mini.FlushAll()
		wiped := time.Now()
		f.Settle(patience)
		require.Greater(f.T, time.Since(wiped), 2*time.Minute, "what needs a write waits until the past is certain")
		require.Positive(f.T, f.lookOnly())

		require.Zero(f.T, f.DeadLetters(), "dead letters: %v", f.reasons())
		require.Len(f.T, f.CSU.Customers(), customers)
		for _, account := range f.CSU.Customers() {
			require.Contains(f.T, []any{"Redmond", "Houston"}, account.Addresses()[0]["City"], "one of the states, whole")
			require.Equal(f.T, account.Addresses()[0]["City"] == "Houston", account["Phone"] == "+17135550100")
		}
		for _, c := range b.final {
			if bound, _ := f.Bound(orElse(c.Source), c.ID); bound != "" {
				i := slices.IndexFunc(f.CSU.Customers(), func(a csu.Customer) bool { return a.Email() == c.Email })
				require.Equal(f.T, f.CSU.Customers()[i].AccountNumber(), bound)
			}
		}

		for i := range b.final { // the next event of each customer puts all of it right
			b.final[i].Event, b.final[i].City, b.final[i].At = b.final[i].Event+"-again", "Seattle", time.Now()
		}
		f.Publish(b.final...)
	}, func(f *fleet) { f.requireFinal(b) })
}

func orElse(source string) string {
	if source == "" {
		return harness.Source
	}
	return source
}

func TestWhateverRedisDoesThereIsOneAccountInItsLastState(t *testing.T) {
	for name, trouble := range map[string]struct {
		make  func(f *fleet)
		proof func(f *fleet)
	}{
		"it answers nothing but errors for 10 s": {
			func(f *fleet) {
				f.Mini.SetError("LOADING Redis is loading the dataset in memory")
				<-time.After(10 * time.Second)
				f.Mini.SetError("")
			},
			func(f *fleet) { require.Positive(f.T, f.count(telemetry.RedisErrors)) },
		},
		"it answers nothing but errors for longer than a lease lasts": {
			func(f *fleet) {
				f.Mini.SetError("READONLY You can't write against a read only replica.")
				<-time.After(40 * time.Second)
				f.Mini.SetError("")
			},
			func(f *fleet) {
				require.Positive(f.T, f.count(telemetry.RedisErrors))
				require.Positive(f.T, f.count(telemetry.IdempotencyLeaseLost), "whoever could not renew has stopped")
			},
		},
		"every connection is closed, five times": {
			func(f *fleet) {
				for range 5 {
					f.DropRedis()
					<-time.After(700 * time.Millisecond)
				}
			},
			func(f *fleet) { require.Positive(f.T, f.count(telemetry.RedisErrors, "error_type", "network")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b batch
			bubble(t, harness.Options{}, func(f *fleet) {
				slow(f)
				b = newBatch(time.Now())
				f.Publish(b.published...)
				f.midway()
				trouble.make(f)
			}, func(f *fleet) {
				f.requireFinal(b)
				require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "creates")
				trouble.proof(f)
			})
		})
	}
}
