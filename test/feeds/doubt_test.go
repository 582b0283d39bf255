package feeds

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// newest is what the receiver was told last of each subject.
func (f *fleet) newest(typ string) map[string]string {
	have, at := map[string]string{}, map[string]string{}
	for _, e := range f.told(typ, 0) {
		if e.Sequence >= at[e.Subject] {
			have[e.Subject], at[e.Subject] = string(e.Data), e.Sequence
		}
	}
	return have
}

func TestWhatADyingRunToldAndIsAsBeforeByTheTimeItGoesOnIsToldAgain(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		crossed := false
		bubble(t, harness.Options{CSU: selling(1)}, func(f *fleet) {
			p := f.join(nil)
			f.asked(publish, `{}`)
			f.CSU.SetPrice(first, "10")
			f.asked(prices.ExportType, `{}`)
			p.Stop()
			f.CSU.SetPrice(first, "20")
			b := &harness.Boundaries{AtName: strings.TrimSuffix(fmt.Sprintf("after send #%d", at), " #1")}
			b.Do = func(string) { b.Die() }
			p = f.join(b)
			f.ask(prices.ExportType, `{}`)
			f.until(func() bool { return b.Reached() || f.Empty() })
			crossed = b.Reached()
			f.CSU.SetPrice(first, "10")
			p.Stop()
			f.join(nil)
			f.Settle(time.Hour)
			f.asked(prices.ExportType, `{}`)
			var told prices.Price
			require.NoError(f.T, json.Unmarshal([]byte(f.newest(prices.PriceType)[fmt.Sprint(first)]), &told))
			require.Equal(f.T, "10", told.Price)
		})
		if !crossed {
			return
		}
	}
}

func TestAPlanOfAnExportRemembersNothing(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(5)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		f.rename(0, 3, ", new")
		f.CSU.SetPrice(first, "1234.5")
		var planner *app.App
		f.processes = append(f.processes, f.StartWith(nil, func(parts *app.Parts) {
			look := *parts
			look.LookOnly, look.Log = true, io.Discard
			var err error
			planner, err = app.New(f.Config(), look)
			require.NoError(f.T, err)
		}))
		defer func() { require.NoError(f.T, planner.Close(context.Background())) }()
		require.NoError(f.T, planner.Probe(f.T.Context()))
		for _, typ := range []string{prices.ExportType, publish} {
			for _, data := range []string{`{}`, `{"products": ["68719490000"]}`} {
				ev := orchestration.Event{Source: "https://ops.example.com", ID: "plan " + typ + data, Type: typ, Time: time.Now(), Data: json.RawMessage(data)}
				planner.Engine().Plan(f.T.Context(), ev)
			}
		}
		since := f.so()
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.told(prices.PriceType, since), 1)
		f.asked(publish, `{}`)
		f.requireComplete()
	})
}

func TestHealingStockTellsWhatIsWrongAndNothingElse(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{"locations": "own", "totals": true}`)
		was := f.Sink.Kept(home, inventory.StockType)
		for _, id := range []string{fmt.Sprintf("%d/HOUSTON", first), fmt.Sprintf("%d/*", first+1)} {
			require.True(f.T, f.Sink.Spoil(home, inventory.StockType, id, nil), id)
		}
		f.Sink.Keep(home, inventory.StockType, map[string]json.RawMessage{fmt.Sprintf("%d/NOWHERE", first): json.RawMessage(`{"id": "x"}`)})
		since := f.so()
		found, _ := f.swept(`{"of": "inventory", "sink": "crm", "as": {"locations": "own"}}`)
		require.Equal(f.T, []int{2, 1}, []int{found.Missing, found.Extra})
		require.Len(f.T, f.told(inventory.StockType, since), 3, "exactly those")
		found, questions := f.swept(`{"of": "inventory", "sink": "crm"}`)
		require.Equal(f.T, 1, questions, "%+v", found)
		now := f.Sink.Kept(home, inventory.StockType)
		delete(now, fmt.Sprintf("%d/NOWHERE", first))
		require.Equal(f.T, was, now)
	})
}

func TestTotalsThatAreNotAskedForStayAsTheyWereTold(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(2)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(inventory.ExportType, `{"totals": true}`)
		was := f.newest(inventory.StockType)
		f.asked(inventory.ExportType, `{}`)
		f.asked(inventory.ExportType, fmt.Sprintf(`{"products": ["%d"]}`, first))
		require.Equal(f.T, was, f.newest(inventory.StockType))
	})
}

func TestFeedsOfOneTypeAreComparedEachByItself(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		for _, as := range []string{`{}`, `{"affiliations": ["68719478279"]}`, `{"on": "2000-03-01T00:00:00Z"}`} {
			f.asked(prices.ExportType, as)
		}
		for _, as := range []string{`{}`, `{"unit": "sales"}`} {
			f.asked(inventory.ExportType, as)
		}
		for _, sweep := range []string{`"prices"`, `"prices", "as": {"affiliations": ["68719478279"]}`, `"prices", "as": {"on": "2000-03-01T01:00:00+01:00"}`, `"inventory"`, `"inventory", "as": {"unit": "sales"}`} {
			found, questions := f.swept(`{"of": ` + sweep + `, "sink": "crm"}`)
			require.Equal(f.T, 1, questions, "%s: %+v", sweep, found)
			require.GreaterOrEqual(f.T, found.Compared, 10)
		}
	})
}

func TestOneDayToComeIsOneHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(2)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{"on": "2000-03-01T00:00:00Z", "affiliations": ["1", "2"]}`)
		since := f.so()
		f.asked(prices.ExportType, `{"on": "2000-03-01T01:00:00+01:00", "affiliations": ["2", "1"]}`)
		require.Equal(f.T, since, f.so(), "the same was told before")
	})
}

func TestAProductThatBecomesAVariantIsToldAsDeletedWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(3)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		master := f.CSU.Products()[0]
		f.CSU.RemoveProducts(first + 1)
		master.Variants = []csu.Variant{{RecordID: first + 1, Color: "Red"}}
		f.CSU.PutProducts(master)
		f.asked(publish, fmt.Sprintf(`{"products": ["%d"]}`, first+1))
		require.Equal(f.T, f.catalogue(), f.shop())
		since := f.so()
		f.asked(publish, fmt.Sprintf(`{"products": ["%d"]}`, first+1))
		require.Empty(f.T, f.told(deleted, since), "it was never told of by itself since")
	})
}
