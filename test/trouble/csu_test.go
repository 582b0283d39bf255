package trouble

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// csuTroubles are ways of a CSU to fail. Whatever it does, there is one account for each customer in the end.
var csuTroubles = map[string]struct {
	options csu.Options
	faults  []csu.Fault
	then    func(f *fleet) // after the batch is published
	proof   func(f *fleet) // that the trouble was met as meant
}{
	"none": {
		proof: func(f *fleet) {
			require.Zero(f.T, f.taints())
			f.requireNoAttempt()
		},
	},
	"a create commits after the fleet gave up on it": {
		options: csu.Options{CommitDelay: 110 * time.Second}, // the fleet waits 100 s, the CSU works up to 120 s
		proof: func(f *fleet) {
			require.GreaterOrEqual(f.T, f.taints(), float64(customers), "every create was given up")
			require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "and none was repeated")
		},
	},
	"every third write commits and its answer is lost": {
		faults: []csu.Fault{{Kind: csu.CommitThenDrop, Every: 3}},
		proof:  requireDoubtsResolved,
	},
	"seven writes commit and a gateway answers 502 with a page": {
		faults: []csu.Fault{{Kind: csu.CommitThenError, Status: 502, Next: 7}},
		proof: func(f *fleet) {
			require.EqualValues(f.T, 7, f.taints())
			requireDoubtsResolved(f)
		},
	},
	"a search that lags 3 s": {
		options: csu.Options{SearchLag: 3 * time.Second}, proof: requireHintsUsed,
	},
	"a search that lags 15 s, and every third write commits and its answer is lost": {
		options: csu.Options{SearchLag: 15 * time.Second}, faults: []csu.Fault{{Kind: csu.CommitThenDrop, Every: 3}},
		proof: requireDoubtsResolved,
	},
	"reads fail with 500 for 20 s": {
		faults: []csu.Fault{
			{Kind: csu.Error, Status: 500, Operation: csu.OpSearchByFields, For: 20 * time.Second},
			{Kind: csu.Error, Status: 500, Operation: csu.OpGetCustomer, For: 20 * time.Second},
		},
		proof: func(f *fleet) {
			require.Zero(f.T, f.taints(), "a read leaves no doubt")
			require.Positive(f.T, f.count(telemetry.StepRetries, "kind", "transient"))
		},
	},
	"5 calls a second, refused with Retry-After in seconds": {
		faults: []csu.Fault{{Kind: csu.Throttle, Rate: 5, Burst: 5, RetryAfter: csu.RetryAfterSeconds}}, proof: requireThrottled,
	},
	"5 calls a second, refused with Retry-After as a date": {
		faults: []csu.Fault{{Kind: csu.Throttle, Rate: 5, Burst: 5, RetryAfter: csu.RetryAfterDate}}, proof: requireThrottled,
	},
	"5 calls a second, refused without Retry-After": {
		faults: []csu.Fault{{Kind: csu.Throttle, Rate: 5, Burst: 5, RetryAfter: csu.RetryAfterNone}}, proof: requireThrottled,
	},
	"everything is refused with 429 for a minute that it names": {
		faults: []csu.Fault{{Kind: csu.Error, Status: 429, RetryAfter: csu.RetryAfterSeconds, Wait: time.Minute, For: time.Minute}},
		proof: func(f *fleet) {
			require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "throttled"))
			requireThrottled(f)
		},
	},
	"the token is revoked in mid-run": {
		options: csu.Options{Latency: time.Second},
		then: func(f *fleet) {
			<-time.After(1500 * time.Millisecond)
			require.Positive(f.T, f.CSU.RevokeTokens())
		},
		proof: func(f *fleet) {
			require.GreaterOrEqual(f.T, f.count(telemetry.CSUTokenRefresh, "outcome", "ok"), 3.0)
			require.Zero(f.T, f.taints(), "a 401 is definitive")
			require.Zero(f.T, f.count(telemetry.RescheduledMessages), "a fresh token is all it takes")
			f.requireNoAttempt()
		},
	},
	"every token is refused for a minute": {
		faults: []csu.Fault{{Kind: csu.Unauthorized, For: time.Minute}}, proof: requireBlocked,
	},
	"the application is forbidden everything for a minute": {
		faults: []csu.Fault{{Kind: csu.Forbid, For: time.Minute}}, proof: requireBlocked,
	},
	"the CSU cannot be reached for a minute": {
		options: csu.Options{Latency: 500 * time.Millisecond},
		then: func(f *fleet) {
			<-time.After(time.Second)
			f.CutCSU()
			<-time.After(time.Minute)
			f.MendCSU()
		},
		proof: func(f *fleet) {
			require.Positive(f.T, f.count(telemetry.StepRetries)+f.taints())
		},
	},
}

func TestWhateverTheCSUDoesThereIsOneAccountInItsLastState(t *testing.T) {
	for name, trouble := range csuTroubles {
		t.Run(name, func(t *testing.T) {
			var b batch
			bubble(t, harness.Options{}, func(f *fleet) {
				f.CSU.Configure(func(o *csu.Options) {
					o.SearchLag, o.Latency, o.CommitDelay = trouble.options.SearchLag, trouble.options.Latency, trouble.options.CommitDelay
				})
				f.inject(trouble.faults...)
				b = newBatch(time.Now())
				f.Publish(b.published...)
				if trouble.then != nil {
					trouble.then(f)
				}
			}, func(f *fleet) {
				f.requireFinal(b)
				trouble.proof(f)
			})
		})
	}
}

// requireDoubtsResolved: writes were in doubt, and what they had done was found, not done again.
func requireDoubtsResolved(f *fleet) {
	require.Positive(f.T, f.taints())
	require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "creates")
	require.Positive(f.T, f.count(telemetry.EffectsAlreadyThere, "step", "create-account"))
}

// requireHintsUsed: while a search did not show an account yet, nobody waited for it or made another.
func requireHintsUsed(f *fleet) {
	require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "creates")
	require.Zero(f.T, f.taints())
	require.Zero(f.T, f.lookOnly())
	f.requireNoAttempt()
}

// requireThrottled: calls were refused by load, and no event has paid for it with an attempt.
func requireThrottled(f *fleet) {
	require.Positive(f.T, f.count(telemetry.CSURequests, "result", "throttled"))
	require.Zero(f.T, f.taints(), "a 429 is definitive")
	f.requireNoAttempt()
}

// requireBlocked: events waited to be let in again and lost nothing by it.
func requireBlocked(f *fleet) {
	require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "blocked"))
	require.Zero(f.T, f.taints())
	f.requireNoAttempt()
}
