package feeds

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/redisfeed"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// callOf is the n-th call of an operation, as a boundary: one process has passed it, so others do.
func callOf(b *harness.Boundaries, operation string, n int) string {
	for _, at := range b.Passed() {
		if strings.HasPrefix(at, "before") && strings.Contains(at, operation) {
			return strings.TrimSuffix(fmt.Sprintf("%s #%d", at, n), " #1")
		}
	}
	return "no call of " + operation
}

// dies has a process ask for something and die at its n-th call of an operation. What it had in hand is somebody else's once its lock has run out;
// an export that is asked for meanwhile overtakes it.
func (f *fleet) dies(seen *harness.Boundaries, operation string, n int, typ, data string) {
	f.T.Helper()
	b := &harness.Boundaries{AtName: callOf(seen, operation, n)}
	b.Do = func(string) { b.Die() }
	p := f.join(b)
	f.ask(typ, data)
	f.until(func() bool { return b.Reached() || f.Empty() })
	require.True(f.T, b.Reached(), b.AtName)
	p.Stop()
}

func (f *fleet) price(of json.Number) {
	for _, p := range f.CSU.Products() {
		f.CSU.SetPrice(p.RecordID, of)
	}
}

func TestARunThatIsOvertakenDoesNotTakeBackWhatIsKnownToHaveBeenToldSince(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(110)}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.price("10")
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		p.Stop()

		f.price("20")
		f.dies(seen, "GetActivePrices", 2, prices.ExportType, `{}`)
		f.price("30")
		f.join(nil)
		f.asked(prices.ExportType, `{}`)
		f.price("20")
		f.asked(prices.ExportType, `{}`)
		for product, data := range f.newest(prices.PriceType) {
			var told prices.Price
			require.NoError(f.T, json.Unmarshal([]byte(data), &told))
			require.Equal(f.T, "20", told.Price, product)
		}
	})
}

func TestAProductThatIsSoldAgainIsToldAlthoughAnOvertakenRunHadSeenItBeforeItWasDeleted(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(20), Env: map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": "5"}}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(publish, `{}`)
		p.Stop()

		f.rename(0, 20, ", new")
		was := slices.Clone(f.CSU.Products())
		f.dies(seen, "/ReadChangedProducts", 3, publish, `{}`)
		ids := f.remove(0, 20)
		f.join(nil)
		f.asked(publish, fmt.Sprintf(`{"products": ["%s"]}`, strings.Join(ids, `","`)))
		require.Empty(f.T, f.shop())
		f.CSU.PutProducts(was...)
		f.asked(publish, `{}`)
		f.requireComplete()
	})
}

func TestOneStoreThatClosesWhileLocationsAreReadHidesNoOther(t *testing.T) {
	t.Parallel()
	o := selling(1)
	for i := range 40 {
		number := fmt.Sprintf("S%03d", i)
		o.Stores = append(o.Stores, csu.Store{Number: number, Name: number, Warehouse: number})
	}
	bubble(t, harness.Options{CSU: o}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(locations.ExportType, `{}`)
		p.Stop()
		before := f.newest(locations.LocationType)

		b := &harness.Boundaries{AtName: callOf(seen, "GetStoreHours", 10)}
		b.Do = func(string) { f.CSU.RemoveStores("S003") }
		f.join(b)
		since := f.so()
		f.asked(locations.ExportType, `{}`)
		require.True(f.T, b.Reached(), "%s of %s", b.AtName, seen.Passed())
		require.Equal(f.T, []string{"store/S003"}, subjects(f.told(locations.LocationType, since)))
		require.Len(f.T, f.newest(locations.LocationType), len(before))
	})
}

func TestADeletionThatIsReportedLateDoesNotHideTheNextOne(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(5)}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(publish, `{}`)
		p.Stop()
		was := slices.Clone(f.CSU.Products()[:1])
		f.remove(0, 1)
		b := &harness.Boundaries{AtName: callOf(seen, "UpdateListingPublishingStatus", 1)}
		b.Do = func(string) {
			f.CSU.PutProducts(was...)
			f.ask(publish, `{}`)
			<-time.After(20 * time.Second)
		}
		f.join(b)
		f.asked(publish, `{}`)
		require.True(f.T, b.Reached())
		f.requireComplete()
		f.remove(slices.IndexFunc(f.CSU.Products(), func(p csu.Product) bool { return p.RecordID == was[0].RecordID }), 5)
		f.asked(publish, `{}`)
		f.requireComplete("it had been reported as deleted after it had been reported as published again")
	})
}

func TestPricesWaitForTheWholeCatalogue(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(60), Env: map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": "5"}}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(publish, `{}`)
		p.Stop()
		f.Redis.FlushAll(f.T.Context())

		f.dies(seen, "/ReadChangedProducts", 4, publish, `{}`)
		f.join(nil)
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, since), 60, "some products were known when they were asked for")
	})
}

func TestWhereTheCSUGivesNoTokenEverythingIsReadEachTimeAndPricesGoOut(t *testing.T) {
	t.Parallel()
	o := selling(20)
	o.NoSyncToken = true
	bubble(t, harness.Options{CSU: o}, func(f *fleet) {
		f.join(nil)
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, 0), 20)
		f.rename(3, 4, ", new")
		f.remove(0, 1)
		since := f.so()
		f.asked(publish, `{}`)
		f.requireComplete()
		require.Len(f.T, f.told(product, since), 1, "the others are as they were told")
	})
}

func TestStockThatAnOvertakenRunToldAndThatIsGoneAgainIsWithdrawn(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(110)}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{}`)
		p.Stop()

		f.CSU.PutStores(csu.Store{Number: "STORE9", Name: "Popup", Warehouse: "STORE9"})
		f.dies(seen, "GetEstimatedAvailability", 2, inventory.ExportType, `{}`)
		require.NotEmpty(f.T, f.known("STORE9"), "the first page was told")
		f.CSU.RemoveStores("STORE9")
		f.join(nil)
		f.asked(inventory.ExportType, `{}`)
		require.Empty(f.T, f.known("STORE9"))
		since := f.so()
		f.asked(inventory.ExportType, `{}`)
		require.Equal(f.T, since, f.so(), "and it is known that it was")
	})
}

func TestAWarehouseThatIsBackWhenAnOvertakenRunGoesOnIsWithdrawnWhenItGoesAgain(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(110)}, func(f *fleet) {
		seen := &harness.Boundaries{}
		p := f.join(seen)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{}`)
		p.Stop()

		stores := csu.DefaultStores()
		back := stores[slices.IndexFunc(stores, func(s csu.Store) bool { return s.Number == "STORE2" })]
		f.CSU.RemoveStores("STORE2")
		f.dies(seen, "GetEstimatedAvailability", 2, inventory.ExportType, `{}`)
		require.Less(f.T, len(f.known("STORE2")), 110, "the first page was told")
		f.CSU.PutStores(back)
		f.join(nil)
		f.asked(inventory.ExportType, `{}`)
		require.Len(f.T, f.known("STORE2"), 110)
		f.CSU.RemoveStores("STORE2")
		f.asked(inventory.ExportType, `{}`)
		require.Empty(f.T, f.known("STORE2"))
	})
}

func TestAWarehouseThatIsGoneIsToldAlthoughTheRunThatFoundItDiedBeforeItTold(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(4)}, func(f *fleet) {
		p := f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{}`)
		require.Len(f.T, f.known("STORE2"), 4)
		p.Stop()

		f.CSU.RemoveStores("STORE2")
		b := &harness.Boundaries{AtName: "before send"}
		b.Do = func(string) { b.Die() }
		p = f.join(b)
		f.ask(inventory.ExportType, `{}`)
		f.until(b.Reached)
		p.Stop()
		f.join(nil)
		f.Settle(time.Hour)
		require.Empty(f.T, f.known("STORE2"))
	})
}

// known are the products that the receiver was told last are at a warehouse.
func (f *fleet) known(warehouse string) (products []string) {
	for _, data := range f.newest(inventory.StockType) {
		var told inventory.Told
		require.NoError(f.T, json.Unmarshal([]byte(data), &told))
		if told.Known && told.Warehouse == warehouse {
			products = append(products, told.ID)
		}
	}
	return products
}

func TestWhatIsGoneIsFoundAPageAtATime(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(500)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		f.remove(0, 490)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, since), 490)
		since = f.so()
		f.asked(prices.ExportType, `{}`)
		require.Equal(f.T, since, f.so(), "once")
	})
}

func TestStockThatIsGoneIsFoundAPageAtATime(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(150)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{}`)
		each := len(f.told(inventory.StockType, 0)) / 150
		require.Greater(f.T, 140*each, 400, "more than one page")
		f.remove(0, 140)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(inventory.ExportType, `{}`)
		require.Len(f.T, f.told(inventory.StockType, since), 140*each)
	})
}

func TestOnlyWhoHasARecordInDoubtSettlesIt(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{}, func(f *fleet) {
		f.join(nil)
		m, of, ctx := redisfeed.New(f.Redis, f.Keys()), feed.Feed{Channel: "main", Name: "prices/0"}, f.T.Context()
		before := map[string]feed.Entry{
			"ours":    {Doubt: "a", Note: "n"},
			"theirs":  {Doubt: "b"},
			"told":    {Digest: "2222"},
			"same":    {Digest: "1111", Mark: "m"},
			"list":    {Digest: feed.Digest(nil), Note: "w1"},
			"ours-2":  {Doubt: "a", Mark: "m", Note: "n o"},
			"again":   {Doubt: "b"},
			"ourlist": {Digest: feed.Digest(nil), Note: "w1,w2", Doubt: "a"},
		}
		require.NoError(f.T, m.Keep(ctx, of, before))
		is := func() map[string]feed.Entry {
			all, _, err := m.Walk(ctx, of, 0, feed.Buckets)
			require.NoError(f.T, err)
			return all
		}
		require.Equal(f.T, before, is())
		kept := map[string]feed.Entry{"list": {Digest: feed.Digest(nil), Note: "w9"}, "ourlist": {Digest: feed.Digest(nil), Note: "w2"}}
		for _, id := range []string{"ours", "theirs", "told", "same", "wiped"} {
			kept[id] = feed.Entry{Digest: "1111", Mark: "z", Note: "1,2"}
		}
		require.NoError(f.T, m.Settle(ctx, of, "a", kept, []string{"ours-2", "again", "wiped-2"}))
		want := before
		want["ours"], want["same"], want["ourlist"] = kept["ours"], kept["same"], kept["ourlist"]
		delete(want, "ours-2")
		require.Equal(f.T, want, is())
		require.NoError(f.T, m.Settle(ctx, of, "", map[string]feed.Entry{"told": {Digest: "3333"}}, []string{"list"}), "of a page that had nothing in doubt")
		require.Equal(f.T, want, is())
	})
}
