package feeds

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
)

const first = 68719490000 // record id of the first product

// decoded is what an event says.
func decoded[T any](t testing.TB, e sink.Event) (d T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Data, &d))
	return d
}

func TestPricesAreToldAndThenThoseThatChanged(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(120)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, since), 120)
		require.Equal(f.T, feed.Summary{Feed: "prices/0", Whole: true, Told: 120}, f.summary(since))
		one := decoded[prices.Price](f.T, f.told(prices.PriceType, since)[0])
		require.Equal(f.T, &prices.Covers{Quantity: 1, Unit: "ea", Discounts: "simple"}, one.Covers)
		require.True(f.T, one.Priced)
		require.Equal(f.T, "USD", one.Currency)

		since = f.so()
		f.asked(prices.ExportType, `{}`)
		require.Equal(f.T, since, f.so(), "no price changed")

		var changed []string
		for i := range 12 {
			f.CSU.SetPrice(first+int64(7*i), "1234.50")
			changed = append(changed, fmt.Sprint(first+7*i))
		}
		require.NoError(f.T, f.CSU.PutPriceRules(csu.PriceRule{ID: "sale", Kind: csu.Discount, Product: first + 1, Percent: "10"}))
		changed = append(changed, fmt.Sprint(first+1))
		f.asked(prices.ExportType, `{}`)
		require.ElementsMatch(f.T, changed, subjects(f.told(prices.PriceType, since)))
		for _, e := range f.told(prices.PriceType, since) {
			if p := decoded[prices.Price](f.T, e); p.ID != fmt.Sprint(first+1) {
				require.Equal(f.T, "1234.5", p.Price)
			} else {
				require.NotEqual(f.T, "0", p.Discount)
			}
		}
	})
}

func TestAProductWithoutAPriceIsReportedOnce(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(60)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.CSU.RemoveProducts(first + 5) // the CSU leaves it out, and the feed has not said so yet
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		none := []string{}
		for _, e := range f.told(prices.PriceType, since) {
			if p := decoded[prices.Price](f.T, e); !p.Priced {
				none = append(none, p.ID)
			}
		}
		require.Equal(f.T, []string{fmt.Sprint(first + 5)}, none)
		since = f.so()
		f.asked(prices.ExportType, `{}`)
		require.Equal(f.T, since, f.so())
	})
}

func TestPricesOfAffiliationsAndOfADayToComeAreToldApart(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
		day := time.Now().AddDate(0, 1, 0).UTC()
		require.NoError(f.T, f.CSU.PutPriceRules(csu.PriceRule{ID: "staff", Kind: csu.Agreement, Product: first, Price: "0.50", Affiliation: 68719478279},
			csu.PriceRule{ID: "then", Kind: csu.Agreement, Product: first, Price: "0.75", From: day.Add(-time.Hour), Until: day.Add(time.Hour)}))
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		since := f.so()
		f.asked(prices.ExportType, `{"affiliations": ["68719478279"], "products": ["68719490000"]}`)
		f.asked(prices.ExportType, fmt.Sprintf(`{"on": %q, "products": ["68719490000"]}`, day.Format(time.RFC3339)))
		told := f.told(prices.PriceType, since)
		require.Len(f.T, told, 2)
		for _, e := range told {
			p := decoded[prices.Price](f.T, e)
			require.NotEqual(f.T, p.ID, e.Subject, "the price for anybody stays as it was told")
			require.Equal(f.T, map[bool]string{true: "0.5", false: "0.75"}[len(p.Affiliations) > 0], p.Price)
		}
	})
}

func TestPricesAskForTheProductsFirstWhereNoneIsKnown(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(product, 0), 10)
		require.Len(f.T, f.told(prices.PriceType, 0), 10)
		f.Mini.FlushAll()
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, since), 10, "told again: nobody remembers them")
	})
}

func TestThePriceOfAProductThatIsGoneIsWithdrawn(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		gone := f.remove(3, 4)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		told := f.told(prices.PriceType, since)
		require.Equal(f.T, gone, subjects(told))
		require.False(f.T, decoded[prices.Price](f.T, told[0]).Priced)
		require.Equal(f.T, feed.Summary{Feed: "prices/0", Whole: true, Told: 1, Gone: 1, Unchanged: 9}, f.summary(since))
	})
}

func TestStockIsToldByWarehouseAndThenWhatChanged(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(60)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(inventory.ExportType, `{"locations": "own"}`)
		require.Len(f.T, f.told(inventory.StockType, since), 60)
		one := decoded[inventory.Told](f.T, f.told(inventory.StockType, since)[0])
		require.Equal(f.T, []any{"100", "HOUSTON", "AVAIL", true}, []any{one.Available, one.Warehouse, one.Level, one.Known})

		since = f.so()
		var changed []string
		for i := range 30 {
			f.CSU.SetStock(first+int64(i), "HOUSTON", json.Number(fmt.Sprint(i)))
			changed = append(changed, fmt.Sprintf("%d/HOUSTON", first+i))
		}
		f.asked(inventory.ExportType, `{"locations": "own"}`)
		require.ElementsMatch(f.T, changed, subjects(f.told(inventory.StockType, since)))
	})
}

func TestChangesBelowAThresholdAreNotToldUntilTheyAddUp(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(1)}, func(f *fleet) {
		ask := `{"locations": "own", "thresholds": {"change": 10, "at": [50]}}`
		stock := func(n int) (told []string) {
			since := f.so()
			f.CSU.SetStock(first, "HOUSTON", json.Number(fmt.Sprint(n)))
			f.asked(inventory.ExportType, ask)
			for _, e := range f.told(inventory.StockType, since) {
				told = append(told, decoded[inventory.Told](f.T, e).Available)
			}
			return told
		}
		f.join(nil)
		f.asked(publish, `{}`)
		require.Equal(f.T, []string{"100"}, stock(100))
		require.Empty(f.T, stock(95))
		require.Empty(f.T, stock(91))
		require.Equal(f.T, []string{"90"}, stock(90), "ten since it was told last")
		require.Equal(f.T, []string{"52"}, stock(52))
		require.Equal(f.T, []string{"49"}, stock(49), "it fell below fifty")
		require.Equal(f.T, []string{"6"}, stock(6))
		require.Equal(f.T, []string{"4"}, stock(4), "headquarters calls it another level")
		require.Equal(f.T, []string{"0"}, stock(0))
	})
}

func TestAChangeBelowAThresholdIsToldToAllOnceSomebodyIsToldOfIt(t *testing.T) {
	t.Parallel()
	row := func(name string) string {
		return `{"name":"` + name + `","url":"http://127.0.0.1:2/` + name + `","secrets":["` + sink.DefaultSecret + `"]}`
	}
	bubble(t, harness.Options{CSU: selling(1), Env: map[string]string{
		"SIGNALBOX_SINKS":    "[" + row(harness.SinkName) + "," + row("another") + "]",
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","sinks":["` + harness.SinkName + `","another"]}]`,
	}}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{"locations": "own"}`)
		f.CSU.SetStock(first, "HOUSTON", "95")
		since := f.so()
		f.asked(inventory.ExportType, `{"locations": "own", "full": true, "sinks": ["another"], "thresholds": {"change": 10}}`)
		told := f.told(inventory.StockType, since)
		require.Len(f.T, told, 2, "else nobody would remember what this sink has")
		require.Equal(f.T, "95", decoded[inventory.Told](f.T, told[0]).Available)
	})
}

func TestWhereQuantitiesAreWithheldLevelsAreTold(t *testing.T) {
	t.Parallel()
	o := selling(1)
	o.QuantityOutput = csu.QuantityWithheld
	bubble(t, harness.Options{CSU: o}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		since := f.so()
		f.asked(inventory.ExportType, `{"locations": "own", "totals": true}`)
		for _, e := range f.told(inventory.StockType, since) {
			one := decoded[inventory.Told](f.T, e)
			require.Equal(f.T, []any{true, "", "AVAIL"}, []any{one.Withheld, one.Available, one.Level})
		}
		since = f.so()
		f.CSU.SetStock(first, "HOUSTON", "99")
		f.asked(inventory.ExportType, `{"locations": "own", "totals": true}`)
		require.Equal(f.T, since, f.so(), "it is the same level")
		f.CSU.SetStock(first, "HOUSTON", "0")
		f.asked(inventory.ExportType, `{"locations": "own", "totals": true}`)
		require.Equal(f.T, []string{fmt.Sprintf("%d/*", first), fmt.Sprintf("%d/HOUSTON", first)}, subjects(f.told(inventory.StockType, since)))
	})
}

func TestAWarehouseThatDoesNotKeepAProductAnyMoreIsToldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(4)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{}`)
		since := f.so()
		f.CSU.RemoveStores("STORE2")
		f.asked(inventory.ExportType, `{}`)
		told := f.told(inventory.StockType, since)
		require.Len(f.T, told, 4)
		for _, e := range told {
			one := decoded[inventory.Told](f.T, e)
			require.Equal(f.T, []any{false, "STORE2", ""}, []any{one.Known, one.Warehouse, one.Available})
		}
		since = f.so()
		f.asked(inventory.ExportType, `{}`)
		require.Equal(f.T, since, f.so())
		f.remove(0, 1)
		f.asked(publish, `{}`)
		since = f.so()
		f.asked(inventory.ExportType, `{}`)
		for _, e := range f.told(inventory.StockType, since) {
			require.False(f.T, decoded[inventory.Told](f.T, e).Known)
		}
		require.Len(f.T, f.told(inventory.StockType, since), 3)
	})
}

func TestLocationsAreToldWithTheirHoursAndThenWhatChanged(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(1)}, func(f *fleet) {
		f.join(nil)
		f.asked(locations.ExportType, `{}`)
		told := f.told(locations.LocationType, 0)
		require.Equal(f.T, []string{"store/STORE1", "store/STORE2", "store/STORE3", "warehouse/HOUSTON"}, subjects(told))
		for _, e := range told {
			if one := decoded[locations.Location](f.T, e); one.ID == "store/STORE1" {
				require.Equal(f.T, locations.Day{Open: "09:00", Close: "18:00"}, one.Hours["monday"])
				require.Equal(f.T, "Houston", one.Address.City)
				require.True(f.T, *one.Pickup)
				require.NotEmpty(f.T, one.DeliveryModes)
			}
		}
		since := f.so()
		f.asked(locations.ExportType, `{}`)
		require.Equal(f.T, since, f.so())
		f.CSU.RemoveStores("STORE3")
		f.asked(locations.ExportType, `{}`)
		gone := f.told(locations.LocationType, since)
		require.Equal(f.T, []string{"store/STORE3"}, subjects(gone))
		require.False(f.T, decoded[locations.Location](f.T, gone[0]).Present)
	})
}

func TestAnExportThatIsStoppedAtAnyBoundaryTellsTheSame(t *testing.T) {
	t.Parallel()
	for name, typ := range map[string]string{"prices": prices.ExportType, "inventory": inventory.ExportType, "locations": locations.ExportType} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var undisturbed map[string]string
			for at := 0; ; at += max(at, 1) { // the first, and then some: what is between them is alike
				crossed := false
				bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
					p := f.join(nil)
					f.asked(publish, `{}`)
					p.Stop()
					b := &harness.Boundaries{At: at}
					b.Do = func(string) { b.Die() }
					p = f.join(b)
					f.ask(typ, `{}`)
					f.until(func() bool { return b.Reached() || f.Empty() })
					crossed = b.Reached() || at == 0
					p.Stop()
					f.join(nil)
					f.Settle(time.Hour)
					require.Zero(f.T, f.DeadLetters())
					told := map[string]string{}
					for _, e := range f.Sink.Events() {
						told[e.Type+" "+e.Subject] = string(e.Data)
					}
					if at == 0 {
						undisturbed = told
					}
					require.Equal(f.T, undisturbed, told, "%v", b.Passed())
				})
				if !crossed {
					return
				}
			}
		})
	}
}

func TestAnExportForASinkThatTheChannelDoesNotHaveIsADeadLetterThatSaysWhichThereAre(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
		f.join(nil)
		for _, typ := range []string{publish, "signalbox.prices.export.v1", "signalbox.inventory.export.v1", "signalbox.locations.export.v1"} {
			f.ask(typ, `{"full": true, "sinks": ["shp"]}`)
		}
		f.ask(publish, `{"products": ["68719490001"], "sinks": ["shp"]}`)
		f.Settle(time.Hour)
		require.Equal(f.T, 5, f.DeadLetters())
		for _, m := range f.Letters() {
			require.Equal(f.T, "BusinessRule", m.DeadLetterReason)
			require.Contains(f.T, m.DeadLetterDescription, "sinks names one that the channel does not have; the channel's are ")
			require.NotContains(f.T, m.DeadLetterDescription, "shp")
		}
		require.Empty(f.T, f.Sink.Events(), "nobody is told of records that they did not ask for, nor that they were told")
		require.Zero(f.T, f.CSU.Sessions())
	})
}
