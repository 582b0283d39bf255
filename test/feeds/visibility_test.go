package feeds

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

// visible is a world whose stock is that of Inventory Visibility: so many products, and a shirt in two colours, at two warehouses.
func visible(products int, env map[string]string) harness.Options {
	o := selling(products)
	o.Products = append(o.Products, csu.MakeVariants(csu.Product{RecordID: 68719491000, ItemID: "SHIRT", Name: "Shirt", Unit: "ea", Price: "20"}, []string{"Red", "Blue"}, []string{"M"}))
	settings := map[string]string{"SIGNALBOX_INVENTORY_SOURCE": "visibility"}
	maps.Copy(settings, env)
	return harness.Options{CSU: o, Visibility: true, Env: settings}
}

func (f *fleet) put(item, site, location string, onHand int64, dimensions ...string) {
	row := inventoryvisibility.Stock{Organization: "usrt", Product: item, Site: site, Location: location, OnHand: decimal.NewFromInt(onHand), Reserved: decimal.NewFromInt(1), Ordered: decimal.NewFromInt(5)}
	for i := 0; i+1 < len(dimensions); i += 2 {
		if row.Dimensions == nil {
			row.Dimensions = map[string]string{}
		}
		row.Dimensions[dimensions[i]] = dimensions[i+1]
	}
	f.Visibility.Put(row)
}

// stocked puts some of each product into two warehouses.
func (f *fleet) stocked(products int) {
	for i := range products {
		item := fmt.Sprintf("P%06d", i+1)
		f.put(item, "1", "HOUSTON", 10)
		f.put(item, "2", "STORE3", 3)
	}
	f.put("SHIRT", "1", "HOUSTON", 7, "ColorId", "Red", "SizeId", "M")
	f.put("SHIRT", "1", "HOUSTON", 4, "ColorId", "Blue", "SizeId", "M")
}

// stock is what the receiver has: the newest state of each record.
func (f *fleet) stock() map[string]inventory.Told {
	have, newest := map[string]inventory.Told{}, map[string]string{}
	for _, e := range f.told(inventory.StockType, 0) {
		if e.Sequence < newest[e.Subject] {
			continue
		}
		newest[e.Subject] = e.Sequence
		var is inventory.Told
		require.NoError(f.T, json.Unmarshal(e.Data, &is))
		have[e.Subject] = is
	}
	return have
}

func TestStockIsToldAsInventoryVisibilityHasItAndThenWhatChanged(t *testing.T) {
	t.Parallel()
	bubble(t, visible(120, nil), func(f *fleet) {
		f.stocked(120)
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{"totals": true}`)
		have := f.stock()
		require.Len(f.T, have, 120*3+2*2)
		require.Equal(f.T, inventory.Told{ID: "68719490000", Warehouse: "HOUSTON", Known: true, Available: "9", Total: "14", OnHand: "10", Reserved: "1", Incoming: "5"}, have["68719490000/HOUSTON"],
			"levels, limits and units are left out: nobody there knows them")
		require.Equal(f.T, "11", have["68719490000/*"].Available)
		red, blue := fmt.Sprint(f.CSU.Products()[120].Variants[0].RecordID), fmt.Sprint(f.CSU.Products()[120].Variants[1].RecordID)
		require.Equal(f.T, []string{"6", "3"}, []string{have[red+"/HOUSTON"].Available, have[blue+"/HOUSTON"].Available})
		require.Empty(f.T, f.CSU.Stats().ByStatus["GetEstimatedAvailability"], "the CSU is not asked")

		since, asked := f.so(), f.Visibility.Asked(inventoryvisibility.OpQuery)
		f.asked(inventory.ExportType, `{"totals": true}`)
		require.Empty(f.T, f.told(inventory.StockType, since))
		require.LessOrEqual(f.T, f.Visibility.Asked(inventoryvisibility.OpQuery)-asked, 4, "some 50 products at once")
		f.put("P000007", "1", "HOUSTON", 8)
		f.put("SHIRT", "1", "HOUSTON", 1, "ColorId", "Blue", "SizeId", "M")
		f.Visibility.Remove("P000009", "STORE3")
		f.asked(inventory.ExportType, `{"totals": true}`)
		require.Equal(f.T, slices.Sorted(slices.Values([]string{"68719490006/HOUSTON", "68719490006/*", "68719490008/STORE3", "68719490008/*", blue + "/HOUSTON", blue + "/*"})), subjects(f.told(inventory.StockType, since)))
		require.Equal(f.T, inventory.Told{ID: "68719490008", Warehouse: "STORE3"}, f.stock()["68719490008/STORE3"])
		require.Equal(f.T, "0", f.stock()[blue+"/HOUSTON"].Available)
	})
}

func TestStockIsToldOnceTheServiceAnswersAgain(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(f *fleet) (over func()){
		"it cannot be reached":  func(f *fleet) func() { f.CutVisibility(); return f.MendVisibility },
		"it asks to wait":       failing(inventoryvisibility.Fault{Kind: inventoryvisibility.Throttle, Wait: 20 * time.Second}),
		"it fails":              failing(inventoryvisibility.Fault{Kind: inventoryvisibility.Error}),
		"it does not let us in": failing(inventoryvisibility.Fault{Kind: inventoryvisibility.Unauthorized, Operation: inventoryvisibility.OpQuery}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, visible(60, nil), func(f *fleet) {
				f.stocked(60)
				f.join(nil)
				f.asked(publish, `{}`)
				over := trouble(f)
				f.ask(inventory.ExportType, `{}`)
				<-time.After(10 * time.Second)
				require.Empty(f.T, f.told(inventory.StockType, 0))
				require.Less(f.T, f.Visibility.Asked(inventoryvisibility.OpQuery), 25, "it is left alone for a while")
				over()
				f.Settle(time.Hour)
				require.Zero(f.T, f.DeadLetters())
				require.Len(f.T, f.stock(), 60*2+2)
			})
		})
	}
}

func failing(what inventoryvisibility.Fault) func(f *fleet) func() {
	return func(f *fleet) func() {
		_, err := f.Visibility.Inject(what)
		require.NoError(f.T, err)
		return f.Visibility.ClearFaults
	}
}

func TestWhatTheServiceHasNoWordsForIsRefused(t *testing.T) {
	t.Parallel()
	for asks, pointer := range map[string]string{`{"unit": "sales"}`: "/unit", `{"locations": "ships"}`: "/locations", `{"warehouses": ["MOON"]}`: "/warehouses"} {
		bubble(t, visible(3, nil), func(f *fleet) {
			f.stocked(3)
			f.join(nil)
			f.asked(publish, `{}`)
			f.ask(inventory.ExportType, asks)
			f.Settle(time.Hour)
			require.Equal(f.T, 1, f.DeadLetters())
			require.Equal(f.T, "BusinessRule", f.Letters()[0].DeadLetterReason)
			require.Contains(f.T, f.Letters()[0].DeadLetterDescription, pointer)
		})
	}
}
