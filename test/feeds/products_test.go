package feeds

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
)

func TestTheWholeCatalogueIsToldAndThenWhatChangedAndWhatIsGone(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(250)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.requireComplete()
		require.Len(f.T, f.told(product, 0), 250)
		require.Equal(f.T, feed.Summary{Feed: "products/0", Whole: true, Told: 250}, f.summary(0))

		since := f.so()
		f.asked(publish, `{}`)
		require.Equal(f.T, since, f.so(), "nothing changed, so nobody is told anything")

		changed, gone := f.rename(10, 50, ", new"), f.remove(200, 205)
		f.asked(publish, `{}`)
		f.requireComplete()
		require.Equal(f.T, changed, subjects(f.told(product, since)))
		require.Equal(f.T, gone, subjects(f.told(deleted, since)))
		require.Equal(f.T, feed.Summary{Feed: "products/0", Told: 45, Gone: 5}, f.summary(since))

		since = f.so()
		f.asked(publish, `{"full": true}`)
		require.Len(f.T, f.told(product, since), 245)
		require.Empty(f.T, f.told(deleted, since), "a tombstone is told once")
		f.requireComplete()
	})
}

func (f *fleet) summary(since int) (s feed.Summary) {
	f.T.Helper()
	all := f.told(feed.ToldType, since)
	require.Len(f.T, all, 1)
	require.NoError(f.T, json.Unmarshal(all[0].Data, &s))
	return s
}

func TestWhatTheFeedCallsChangedAndIsAsItWasIsNotTold(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(30)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		f.rename(0, 10, "") // touched, not changed
		changed := f.rename(20, 21, ", new")
		f.asked(publish, `{}`)
		require.Equal(f.T, changed, subjects(f.told(product, since)))
		require.Equal(f.T, feed.Summary{Feed: "products/0", Told: 1, Unchanged: 10}, f.summary(since))
	})
}

func TestAProductThatComesBackIsToldAgain(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		was := f.CSU.Products()[3]
		for range 3 {
			f.CSU.RemoveProducts(was.RecordID)
			f.asked(publish, `{}`)
			f.requireComplete()
			f.CSU.PutProducts(was)
			f.asked(publish, `{}`)
			f.requireComplete()
		}
	})
}

func TestWithoutReportsAFullRunFindsWhatIsGone(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(120), Env: map[string]string{"SIGNALBOX_PRODUCTS_REPORT_LISTINGS": "false"}}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		gone := f.remove(100, 110)
		f.asked(publish, `{}`)
		require.Empty(f.T, f.told(deleted, since), "the CSU says nothing of them to who reports nothing")
		f.asked(publish, `{"full": true}`)
		require.Equal(f.T, gone, subjects(f.told(deleted, since)))
		f.requireComplete()
	})
}

func TestAMemoryThatIsWipedCostsAFullRunAndNothingElse(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(100)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.remove(0, 2)
		f.Mini.FlushAll()
		f.asked(publish, `{}`)
		f.requireComplete("what is gone is known from the CSU, which was told of it")
	})
}

func TestATokenThatIsTooOldMakesARunReadEverythingAndTellWhatDiffers(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(100)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		changed := f.rename(5, 7, ", new")
		f.CSU.ForgetChanges()
		f.asked(publish, `{}`)
		require.Equal(f.T, changed, subjects(f.told(product, since)))
		require.Equal(f.T, feed.Summary{Feed: "products/0", Whole: true, Told: 2, Unchanged: 98}, f.summary(since))
	})
}

func TestSomeProductsAreToldAsTheyAreAndWhatIsNotSoldAsDeleted(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{"products": ["68719490003", "68719499999"]}`)
		require.Equal(f.T, []string{"68719490003"}, subjects(f.told(product, 0)))
		require.Equal(f.T, []string{"68719499999"}, subjects(f.told(deleted, 0)))
	})
}

func TestAMasterIsToldWithItsVariants(t *testing.T) {
	t.Parallel()
	o := selling(1)
	o.Products[0].Variants = []csu.Variant{{RecordID: 68719600001, Color: "Red", Size: "M"}, {RecordID: 68719600002, Color: "Red", Size: "L"}}
	o.Products[0].Attributes = []csu.Attribute{{Key: "Fabric", Values: map[string]string{"": "Wool", "de": "Wolle"}}}
	bubble(t, harness.Options{CSU: o}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		var got products.Product
		require.NoError(f.T, json.Unmarshal(f.told(product, 0)[0].Data, &got))
		require.Equal(f.T, "master", got.Kind)
		require.Len(f.T, got.Variants, 2)
		require.Equal(f.T, "68719600001", got.Variants[0].ID)
		require.Equal(f.T, "M", got.Variants[0].Size)
		require.Equal(f.T, "Wolle", got.Attributes["de"][0].Value)
	})
}

func TestASessionThatTheCSULosesIsBegunAgain(t *testing.T) {
	t.Parallel()
	o := selling(50)
	o.Latency = time.Second
	bubble(t, harness.Options{CSU: o, Env: map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": "20"}}, func(f *fleet) {
		f.join(nil)
		f.ask(publish, `{}`)
		f.until(func() bool { return len(f.told(product, 0)) > 0 })
		f.CSU.Configure(func(o *csu.Options) { o.SessionLife = time.Millisecond })
		require.Zero(f.T, f.CSU.Sessions())
		f.CSU.Configure(func(o *csu.Options) { o.SessionLife = time.Hour })
		f.Settle(time.Hour)
		require.Zero(f.T, f.DeadLetters())
		f.requireComplete()
		require.Len(f.T, f.told(product, 0), 50, "what was told of the session before is not told again")
	})
}

func TestTwoThatAskAtOnceAreOneAfterTheOther(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(60), Env: map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": "20"}}, func(f *fleet) {
		f.join(nil)
		f.join(nil)
		f.ask(publish, `{}`)
		f.asked(publish, `{}`)
		f.requireComplete()
		require.Len(f.T, f.told(product, 0), 60)
		require.Len(f.T, f.told(feed.ToldType, 0), 1)
	})
}

func TestTheFirstRunPublishesAChannelThatWaitsForIt(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
		require.NoError(f.T, f.CSU.SetPublishStatus("HOUSTON", 2, ""))
		f.join(nil)
		f.asked(publish, `{}`)
		status, _ := f.CSU.PublishStatus("HOUSTON")
		require.Equal(f.T, 3, status)
	})
}

func TestARunThatEndsAsADeadLetterEndsItsSession(t *testing.T) {
	t.Parallel()
	refuse := `[{"scenario":"products","name":"refuse-it","type":"guard","after":"begin-session","when":"true","refuse":"Not today."}]`
	bubble(t, harness.Options{CSU: selling(30), Env: map[string]string{"SIGNALBOX_SCENARIOS_STEPS": refuse}}, func(f *fleet) {
		f.join(nil)
		f.ask(publish, `{}`)
		f.Settle(time.Hour)
		require.Equal(f.T, 1, f.DeadLetters())
		require.Zero(f.T, f.CSU.Sessions())
	})
}

func TestStoppedAtAnyBoundaryTheReceiverHasTheSame(t *testing.T) {
	t.Parallel()
	o := harness.Options{Env: map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": "2"}}
	for at := 1; ; at += 3 * harness.Stride { // deliveries make many boundaries that are alike
		o.CSU = selling(5) // three pages
		var passed []string
		crossed := false
		bubble(t, o, func(f *fleet) {
			b := &harness.Boundaries{At: at}
			b.Do = func(string) { b.Die() }
			f.join(b)
			f.ask(publish, `{}`)
			f.until(func() bool { return b.Reached() || f.Empty() })
			crossed, passed = b.Reached(), b.Passed()
			f.processes[0].Stop()
			f.join(nil)
			f.Settle(time.Hour)
			require.Zero(f.T, f.DeadLetters())
			where := "never"
			if crossed {
				where = passed[at-1]
			}
			require.Equal(f.T, f.catalogue(), f.shop(), "stopped %s", where)
			require.LessOrEqual(f.T, f.CSU.Sessions(), 1, "one that was begun at that very moment ends by itself")
			require.Len(f.T, f.told(product, 0), 5, "each once by its id; stopped %s", where)
			f.rename(2, 3, ", new")
			f.remove(3, 4)
			f.asked(publish, `{}`)
			require.Equal(f.T, f.catalogue(), f.shop(), "stopped %s, and then changed", where)
		})
		if !crossed {
			require.Greater(t, at, 60, "%v", passed)
			return
		}
	}
}

// until looks every 100 ms of virtual time whether the condition holds.
func (f *fleet) until(holds func() bool) {
	for !holds() {
		<-time.After(100 * time.Millisecond)
	}
}

func TestWhateverTheReceiverDoesItHasTheWholeCatalogueInTheEnd(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]sink.Fault{
		"it is down for ten minutes":     {{Kind: sink.Drop, For: 10 * time.Minute}},
		"it is slow":                     {{Kind: sink.Latency, Delay: 800 * time.Millisecond, Point: sink.PointAnswer}},
		"it refuses most":                {{Kind: sink.Throttle, Rate: 5, Burst: 5}},
		"it fails after it has accepted": {{Kind: sink.AcceptThenError, Status: 500, Every: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, harness.Options{CSU: selling(120)}, func(f *fleet) {
				for _, one := range faults {
					_, err := f.Sink.Inject(one)
					require.NoError(f.T, err)
				}
				f.join(nil)
				f.join(nil)
				f.ask(publish, `{}`)
				f.Settle(6 * time.Hour)
				require.Zero(f.T, f.DeadLetters())
				f.requireComplete()
				require.Len(f.T, f.told(product, 0), 120, "each once by its id, however often it came")
			})
		})
	}
}
