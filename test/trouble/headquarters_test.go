package trouble

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	scenario "github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// told takes what is sent for a sink out of the outbox, so that a test can read it.
type told struct {
	mu   sync.Mutex
	said []scenario.Relayed
	ids  map[string]bool
}

type tellingOutbox struct {
	worker.Outbox
	told *told
}

func (o tellingOutbox) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	if m.Subject != scenario.RelayedType {
		return o.Outbox.Send(ctx, queue, m, at)
	}
	var r scenario.Relayed
	if err := json.Unmarshal(m.Body, &r); err != nil {
		return err
	}
	o.told.mu.Lock()
	defer o.told.mu.Unlock()
	if id := fmt.Sprint(m.Properties["cloudEvents_id"]); !o.told.ids[id] {
		o.told.ids[id] = true
		o.told.said = append(o.told.said, r)
	}
	return nil
}

// joinTelling starts a process in a channel with a sink, of which the test reads what it is told.
func (f *fleet) joinTelling() *told {
	t := &told{ids: map[string]bool{}}
	f.processes = append(f.processes, f.StartWith(nil, func(parts *app.Parts) {
		inner := parts.WrapOutbox
		parts.WrapOutbox = func(o worker.Outbox) worker.Outbox { return inner(tellingOutbox{o, t}) }
	}))
	return t
}

func withSink(t *testing.T) harness.Options {
	return harness.Options{Env: map[string]string{
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["crm"]}]`,
		"SIGNALBOX_SINKS":    fmt.Sprintf(`[{"name":"crm","type":"file","path":%q}]`, filepath.Join(t.TempDir(), "told.jsonl"))}}
}

// provisional waits until so many customers have provisional accounts, and gives those.
func (f *fleet) provisional(n int) []string {
	f.T.Helper()
	for end := time.Now().Add(time.Hour); ; <-time.After(100 * time.Millisecond) {
		if accounts := f.CSU.Headquarters().Provisional; len(accounts) >= n {
			return accounts
		}
		require.True(f.T, time.Now().Before(end), "the accounts are never made")
	}
}

func TestACustomerCreatedWithoutHeadquartersIsPromotedOnceItIsBack(t *testing.T) {
	var one harness.Customer
	var said *told
	empty(t, withSink(t), func(f *fleet) {
		said = f.joinTelling()
		f.CSU.SetHeadquarters(false)
		one = jane("e1", time.Now(), "Redmond")
		f.Publish(one)
		account := f.provisional(1)[0]
		<-time.After(4 * time.Hour) // promotion is looked for, again and again
		bound, back := f.Bound(harness.Source, "C-1")
		require.Equal(f.T, account, bound)
		require.Len(f.T, back, 1)
		require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "dependency"))
		require.Less(f.T, f.CSU.Stats().Requests, int64(100), "but not all the time")
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.RequireState(one)
		f.requireNoAttempt()
		done := f.CSU.Headquarters().Conversions[0]
		_, back := f.Bound(harness.Source, "C-1")
		require.Len(f.T, back, 1)
		require.Equal(f.T, []scenario.Relayed{
			{ID: "C-1", AccountNumber: done.Provisional, Provisional: true, Outcome: "created", EventID: "e1"},
			{ID: "C-1", AccountNumber: done.Account, Outcome: "promoted", Replaces: done.Provisional, EventID: said.said[1].EventID},
		}, said.said)
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
	})
}

func TestHeadquartersGoesInTheMiddleOfABatchAndComesBackHoursLater(t *testing.T) {
	var b batch
	bubble(t, harness.Options{}, func(f *fleet) {
		slow(f)
		b = newBatch(time.Now())
		f.Publish(b.published...)
		f.midway()
		f.CSU.SetHeadquarters(false)
		<-time.After(3 * time.Hour)
		require.False(f.T, f.Empty(), "what changes an account waits")
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.NotEmpty(f.T, f.CSU.Headquarters().Conversions)
		f.requireFinal(b)
		f.requireNoAttempt()
	})
}

func TestTwoSourcesOfOneAddressAreBothPromoted(t *testing.T) {
	var shop, crm harness.Customer
	bubble(t, harness.Options{Slots: 1}, func(f *fleet) {
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.SearchLag, o.Latency = true, 15*time.Second, time.Second })
		shop = jane("e1", time.Now(), "Redmond")
		crm = shop
		crm.Source, crm.ID, crm.Event = otherShop, "77", "e2"
		f.Publish(shop, crm)
		account := f.provisional(1)[0]
		<-time.After(time.Hour)
		for _, c := range []harness.Customer{shop, crm} {
			bound, back := f.Bound(orElse(c.Source), c.ID)
			require.Equal(f.T, account, bound)
			require.Len(f.T, back, 2)
		}
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
		f.RequireState(shop)
		f.RequireState(crm)
		_, both := f.Bound(harness.Source, "C-1")
		require.Len(f.T, both, 2)
	})
}

// The search lags behind the conversion: it shows neither the provisional account any more nor the permanent one yet.
func TestAnAccountThatIsConvertedBetweenTwoSourcesIsNotCreatedAgain(t *testing.T) {
	var shop, crm harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.SearchLag = true, 25*time.Second })
		shop = jane("e1", time.Now(), "Redmond")
		f.Publish(shop)
		f.provisional(1)
		<-time.After(10 * time.Second)
		f.CSU.Convert()
		f.CSU.SetHeadquarters(true)
		crm = shop
		crm.Source, crm.ID, crm.Event = otherShop, "77", "e2"
		f.Publish(crm)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
		f.RequireState(shop)
		f.RequireState(crm)
	})
}

// The newest state wins, whichever comes first: the promotion or the states that wait for it.
func TestStatesThatWaitForAPromotionEndInTheNewestOne(t *testing.T) {
	for name, tc := range map[string]struct {
		lag    time.Duration
		change func(o *csu.Options)
	}{
		"the account is replaced":                                 {0, nil},
		"and the search shows the old one for a while":            {25 * time.Second, nil},
		"and the old number goes on working":                      {0, func(o *csu.Options) { o.RedirectConverted = true }},
		"and the CSU would take changes of a provisional account": {0, func(o *csu.Options) { o.AsyncEdit = true }},
	} {
		t.Run(name, func(t *testing.T) {
			var newest harness.Customer
			bubble(t, harness.Options{}, func(f *fleet) {
				f.CSU.Configure(func(o *csu.Options) {
					o.HQDown, o.SearchLag = true, tc.lag
					if tc.change != nil {
						tc.change(o)
					}
				})
				began := time.Now()
				f.Publish(jane("e1", began, "Redmond"))
				f.provisional(1)
				for i := range 5 {
					<-time.After(7 * time.Minute)
					newest = jane(fmt.Sprintf("m%d", i), began.Add(time.Duration(i+1)*time.Minute), fmt.Sprintf("Town %d", i))
					f.Publish(newest)
				}
				<-time.After(time.Minute)
				require.Equal(f.T, "Redmond", f.CSU.Customers()[0].Addresses()[0]["City"], "nothing is written before the account is permanent")
				f.CSU.SetHeadquarters(true)
			}, func(f *fleet) {
				require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
				f.RequireState(newest)
				require.Len(f.T, f.CSU.Customers(), 1)
				f.requireNoAttempt()
			})
		})
	}
}

// Nobody is told of a promotion before its time: the state is published right while the accounts are replaced, and found by the
// e-mail address by the run itself.
func TestAStateThatComesWhileAnAccountIsReplacedFindsThePermanentOne(t *testing.T) {
	var newest harness.Customer
	var said *told
	empty(t, withSink(t), func(f *fleet) {
		said = f.joinTelling()
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.SearchLag = true, 0 })
		f.Publish(jane("e1", time.Now(), "Redmond"))
		f.provisional(1)
		<-time.After(3 * time.Minute) // the next look for the permanent account is minutes away
		f.CSU.Convert()
		f.CSU.SetHeadquarters(true)
		newest = jane("e2", time.Now(), "Houston")
		f.Publish(newest)
		<-time.After(time.Second)
		f.RequireState(newest)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		done := f.CSU.Headquarters().Conversions[0]
		require.Equal(f.T, scenario.Relayed{ID: "C-1", AccountNumber: done.Account, Outcome: "updated", Replaces: done.Provisional, EventID: "e2"}, said.said[1])
		require.Equal(f.T, "promoted", said.said[2].Outcome)
		require.Len(f.T, said.said, 3)
		f.RequireState(newest)
	})
}

func TestAWipeOfRedisBeforeThePromotionLosesNoBinding(t *testing.T) {
	var one harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.SetHeadquarters(false)
		one = jane("e1", time.Now(), "Redmond")
		f.Publish(one)
		f.provisional(1)
		<-time.After(time.Minute)
		f.Mini.FlushAll()
		bound, _ := f.Bound(harness.Source, "C-1")
		require.Empty(f.T, bound)
		<-time.After(time.Hour)
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.RequireState(one)
	})
}

func TestHeadquartersMayMergeACustomerIntoAnother(t *testing.T) {
	var one harness.Customer
	var there string
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.MergeConverted = true, true })
		one = jane("e1", time.Now(), "Redmond")
		f.Publish(one)
		f.provisional(1)
		var err error
		there, err = f.CSU.AddCustomer(map[string]any{"FirstName": "Jane", "LastName": "Contoso", "Email": one.Email})
		require.NoError(f.T, err)
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		account, _ := f.Bound(harness.Source, "C-1")
		require.Equal(f.T, there, account)
	})
}

// Two accounts have the address and neither is known to be ours: the lower one is bound, and a person is told.
func TestOfSeveralAccountsOfTheAddressTheLowestIsBoundAndReported(t *testing.T) {
	var accounts []string
	empty(t, harness.Options{}, func(f *fleet) {
		f.join()
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.MergeConverted = true, true })
		one := jane("e1", time.Now(), "Redmond")
		f.Publish(one)
		f.provisional(1)
		for range 2 {
			account, err := f.CSU.AddCustomer(map[string]any{"Name": "Jane Contoso", "Email": one.Email})
			require.NoError(f.T, err)
			accounts = append(accounts, account)
		}
		f.CSU.SetHeadquarters(true)
		f.Settle(patience)
		account, _ := f.Bound(harness.Source, "C-1")
		require.Equal(f.T, accounts[0], account)
		require.Contains(f.T, f.log(), "2 accounts have the customer's e-mail address; "+accounts[0]+" is used, "+accounts[1])
		f.CSU.Reset() // the bubble's ending wants no two accounts of one address
	}, func(f *fleet) { require.Zero(f.T, f.DeadLetters(), "%v", f.reasons()) })
}

// The second id of a source is refused, so it must not get the account by its promotion.
func TestARefusedSecondIDDoesNotGetTheAccountByItsPromotion(t *testing.T) {
	var first, second harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.Configure(func(o *csu.Options) { o.HQDown = true })
		first = jane("e1", time.Now(), "Redmond")
		f.Publish(first)
		f.provisional(1)
		<-time.After(time.Minute)
		second = first
		second.Event, second.ID = "e2", "C-2"
		f.Publish(second)
		<-time.After(time.Hour)
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		account, _ := f.Bound(harness.Source, "C-2")
		require.Empty(f.T, account)
		f.RequireState(first)
		require.Equal(f.T, 1, f.DeadLetters(), "%v", f.reasons())
	})
}

func TestAPromotionThatNeverComesEndsWithWordsAPersonCanActOn(t *testing.T) {
	var account string
	empty(t, harness.Options{}, func(f *fleet) {
		f.join()
		f.CSU.SetHeadquarters(false)
		f.Publish(jane("e1", time.Now(), "Redmond"))
		account = f.provisional(1)[0]
		f.Publish(jane("e2", time.Now().Add(time.Second), "Houston"))
		<-time.After(time.Hour)
		f.processes[0].Stop() // a week is long, also in virtual time
		<-time.After(6*24*time.Hour - time.Hour)
		f.processes[0] = f.Start(nil)
		<-time.After(time.Hour)
		require.Zero(f.T, f.DeadLetters(), "the deadline is a matter of days")
		f.processes[0].Stop()
		<-time.After(24 * time.Hour)
		f.processes[0] = f.Start(nil)
	}, func(f *fleet) {
		letters := f.Letters()
		require.Len(f.T, letters, 2, "the promotion and the state that waited for it")
		for _, m := range letters {
			require.Equal(f.T, "MissingDependency", m.DeadLetterReason)
			require.Contains(f.T, m.DeadLetterDescription, "headquarters has not replaced the provisional account "+account)
			require.Contains(f.T, m.DeadLetterDescription, "then replay")
			require.NotContains(f.T, m.DeadLetterDescription, "jane")
		}
	})
}

func TestAnUpdateWaitsForHeadquartersWithoutAnAttempt(t *testing.T) {
	var moved harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.Publish(jane("e1", time.Now(), "Redmond"))
		f.Settle(patience)
		f.CSU.SetHeadquarters(false)
		moved = jane("e2", time.Now(), "Houston")
		f.Publish(moved)
		<-time.After(6 * time.Hour) // all waits between attempts together are 5 h 12 min
		require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "dependency"))
		f.CSU.SetHeadquarters(true)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.RequireState(moved)
		f.requireNoAttempt()
	})
}

// A new address is not one to search by: whoever has it is somebody else.
func TestACustomerWhoseAddressChangesWhileProvisionalIsNotTakenForAnother(t *testing.T) {
	var one, other harness.Customer
	bubble(t, harness.Options{}, func(f *fleet) {
		f.CSU.SetHeadquarters(false)
		f.Publish(jane("e1", time.Now(), "Redmond"))
		f.provisional(1)
		<-time.After(time.Minute)
		one = jane("e2", time.Now(), "Houston")
		one.Email = "jane.new@example.com"
		f.Publish(one)
		<-time.After(time.Minute)
		f.CSU.SetHeadquarters(true)
		f.Settle(patience)
		f.RequireState(one)

		other = jane("e3", time.Now(), "Redmond") // somebody else, with the address that is free now
		other.ID = "C-2"
		f.Publish(other)
		f.Settle(patience)

		one.Event, one.Email, one.At = "e4", other.Email, time.Now() // and back to one that is taken
		f.Publish(one)
	}, func(f *fleet) {
		letters := f.Letters()
		require.Len(f.T, letters, 1)
		require.Equal(f.T, "MappingConflict", letters[0].DeadLetterReason)
		one.Email = "jane.new@example.com"
		f.RequireState(one)
		f.RequireState(other)
	})
}

func TestTheAddressOfSomebodyElseIsNoWayToAPermanentAccount(t *testing.T) {
	var one, taken harness.Customer
	var somebody string
	bubble(t, harness.Options{}, func(f *fleet) {
		one, taken = jane("e1", time.Now(), "Redmond"), jane("e2", time.Now().Add(time.Second), "Houston")
		taken.Email = "bo@example.com"
		var err error
		somebody, err = f.CSU.AddCustomer(map[string]any{"FirstName": "Bo", "Email": taken.Email})
		require.NoError(f.T, err)
		f.CSU.Configure(func(o *csu.Options) { o.HQDown, o.SearchLag = true, 0 })
		f.Publish(one)
		f.provisional(1)
		<-time.After(3 * time.Minute)
		f.CSU.Convert()
		f.CSU.SetHeadquarters(true)
		f.Publish(taken) // before the promotion is looked for again
	}, func(f *fleet) {
		letters := f.Letters()
		require.Len(f.T, letters, 1)
		require.Equal(f.T, "MappingConflict", letters[0].DeadLetterReason)
		f.RequireState(one)
		account, _ := f.Bound(harness.Source, "C-1")
		require.NotEqual(f.T, somebody, account)
	})
}

func TestASourceOfLowerAuthorityFillsWhatIsEmptyAndOverwritesNothing(t *testing.T) {
	o := withSink(t)
	o.Env["SIGNALBOX_CUSTOMERS_AUTHORITY_ALL"] = otherShop + "," + harness.Source
	o.Env["SIGNALBOX_CUSTOMERS_AUTHORITY_PHONE"] = harness.Source
	var said *told
	empty(t, o, func(f *fleet) {
		said = f.joinTelling()
		shop := jane("e1", time.Now(), "Redmond")
		f.Publish(shop)
		f.Settle(patience)
		shop.Event, shop.City, shop.At = "e2", "Houston", time.Now()
		f.Publish(shop) // nobody above it knows the customer yet
		f.Settle(patience)
		f.RequireState(shop)

		crm := shop
		crm.Event, crm.Source, crm.ID, crm.First, crm.City, crm.Phone = "e3", otherShop, "77", "Janet", "Seattle", "+17135550100"
		crm.At = time.Now()
		f.Publish(crm)
		f.Settle(patience)

		shop.Event, shop.First, shop.City, shop.Phone, shop.At = "e4", "J.", "Dallas", "+14255550199", time.Now()
		f.Publish(shop)
		f.Settle(patience)
		crm.Phone = shop.Phone
		f.RequireState(crm)
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		require.Len(f.T, said.said, 4)
		require.Equal(f.T, []string{"phone"}, said.said[2].Withheld, "of phone numbers the shop knows more")
		require.Equal(f.T, scenario.Relayed{ID: "C-1", AccountNumber: "000001", Outcome: "updated", Withheld: []string{"name", "addresses"}, EventID: "e4"}, said.said[3])
	})
}
