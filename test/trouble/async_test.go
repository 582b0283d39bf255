package trouble

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func ana(event string, at time.Time) harness.Customer {
	return harness.Customer{Event: event, ID: "C-1", Email: "ana@example.com", First: "Ana", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: at}
}

// requirePromoted asserts that no account and no binding is provisional any more, and that nothing is left to do.
func (f *fleet) requirePromoted(customers ...harness.Customer) {
	f.T.Helper()
	require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
	require.True(f.T, f.Empty())
	for _, c := range customers {
		f.RequireState(c)
		account, _ := f.Bound(sourceOf(c), c.ID)
		require.False(f.T, csuclient.Provisional(account), "bound to %s", account)
	}
}

func sourceOf(c harness.Customer) string {
	if c.Source == "" {
		return harness.Source
	}
	return c.Source
}

func TestAnAccountThatIsMadeAsynchronouslyIsPromoted(t *testing.T) {
	var provisional string
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: time.Hour}}, func(f *fleet) {
		f.Publish(ana("e1", time.Now()))
		<-time.After(time.Minute)
		provisional, _ = f.Bound(harness.Source, "C-1")
		require.True(f.T, csuclient.Provisional(provisional))
	}, func(f *fleet) {
		f.requirePromoted(ana("e1", time.Time{}))
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
		f.requireNoAttempt()
		table := redistable.New(f.Redis, f.Keys())
		permanent, err := table.Resolve(f.T.Context(), mapping.Target{Kind: "customer", Scope: "default/usrt", ID: provisional})
		require.NoError(f.T, err)
		account, _ := f.Bound(harness.Source, "C-1")
		require.Equal(f.T, account, permanent.ID, "both ids resolve")
	})
}

func TestAChangeOfAProvisionalAccountWaitsAndTheNewestWins(t *testing.T) {
	newest := ana("e3", time.Time{})
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: 2 * time.Hour}}, func(f *fleet) {
		at := time.Now()
		f.Publish(ana("e1", at))
		<-time.After(time.Minute)
		moved := ana("e2", at.Add(time.Second))
		moved.City = "Seattle"
		newest.At, newest.City, newest.Phone = at.Add(2*time.Second), "Houston", "+17135550100"
		f.Publish(newest, moved)
	}, func(f *fleet) {
		f.requirePromoted(newest)
		f.requireNoAttempt()
	})
}

// The silent switch: the CSU makes accounts without headquarters, and cannot change those that headquarters has.
func TestHeadquartersAwayForHalfADayCostsNoAttempt(t *testing.T) {
	changed := ana("e2", time.Time{})
	fresh := ana("e3", time.Time{})
	fresh.ID, fresh.Email = "C-2", "bo@example.com"
	bubble(t, harness.Options{CSU: csu.Options{Conversion: 10 * time.Minute}}, func(f *fleet) {
		at := time.Now()
		f.Publish(ana("e1", at))
		<-time.After(time.Minute)
		f.CSU.SetHeadquarters(false)
		changed.At, changed.City = at.Add(time.Second), "Seattle"
		fresh.At = at.Add(time.Second)
		f.Publish(changed, fresh)
		<-time.After(12 * time.Hour)
		account, _ := f.Bound(harness.Source, "C-2")
		require.True(f.T, csuclient.Provisional(account))
		require.Zero(f.T, f.DeadLetters())
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		f.requirePromoted(changed, fresh)
		f.requireNoAttempt()
	})
}

func TestTwoSourcesOfOneProvisionalAccountAreBothPromoted(t *testing.T) {
	there := ana("e2", time.Time{})
	there.Source, there.ID = otherShop, "7001"
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: time.Hour}}, func(f *fleet) {
		at := time.Now()
		there.At = at.Add(time.Second)
		f.Publish(ana("e1", at), there)
		<-time.After(5 * time.Minute)
		one, _ := f.Bound(harness.Source, "C-1")
		other, _ := f.Bound(otherShop, "7001")
		require.Equal(f.T, one, other)
	}, func(f *fleet) {
		f.requirePromoted(ana("e1", time.Time{}), there)
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
	})
}

// What waits for a promotion waits in the broker.
func TestAWipeBeforeThePromotionLosesNothing(t *testing.T) {
	moved := ana("e2", time.Time{})
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: time.Hour}}, func(f *fleet) {
		at := time.Now()
		f.Publish(ana("e1", at))
		<-time.After(time.Minute)
		moved.At, moved.City = at.Add(time.Second), "Seattle"
		f.Publish(moved)
		<-time.After(20 * time.Minute)
		f.Mini.FlushAll()
	}, func(f *fleet) {
		f.requirePromoted(moved)
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
	})
}

// A newer event may find the permanent account before the follow-up does: then there is nothing left for that to do.
func TestANewerEventAndThePromotionDoNotGetInEachOthersWay(t *testing.T) {
	newer := ana("e2", time.Time{})
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: time.Hour}}, func(f *fleet) {
		at := time.Now()
		f.Publish(ana("e1", at))
		<-time.After(6 * time.Minute) // its follow-up waits now
		f.CSU.Convert()
		<-time.After(time.Minute) // until a search shows it
		newer.At, newer.City = at.Add(time.Second), "Seattle"
		f.Publish(newer)
		<-time.After(2 * time.Minute)
		account, _ := f.Bound(harness.Source, "C-1")
		require.False(f.T, csuclient.Provisional(account), "found by the newer event")
	}, func(f *fleet) { f.requirePromoted(newer) })
}

func TestAPromotionThatNeverComesEndsBeforeAPersonWithWhatToDo(t *testing.T) {
	bubble(t, harness.Options{CSU: csu.Options{AsyncCustomers: true, Conversion: 1000 * time.Hour}, Env: map[string]string{"SIGNALBOX_RUN_PATIENCE": "20h"}},
		func(f *fleet) {
			f.Publish(ana("e1", time.Now()))
			<-time.After(22 * time.Hour)
		}, func(f *fleet) {
			letters := f.Letters()
			require.Len(f.T, letters, 1)
			require.Equal(f.T, "MissingDependency", letters[0].DeadLetterReason)
			require.Contains(f.T, letters[0].DeadLetterDescription, "permanent account number")
			require.NotContains(f.T, letters[0].DeadLetterDescription, "ana@")
			var data map[string]any
			require.NoError(f.T, json.Unmarshal(letters[0].Body, &data))
			require.Equal(f.T, "ana@example.com", data["email"], "it carries all that it takes to go on")
		})
}
