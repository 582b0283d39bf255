package feeds

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// twoSinks are the environment of a channel with the receiver and another one that is not there.
func twoSinks() map[string]string {
	row := func(name string) string {
		return `{"name":"` + name + `","url":"http://127.0.0.1:2/` + name + `","secrets":["` + sink.DefaultSecret + `"]}`
	}
	return map[string]string{
		"SIGNALBOX_SINKS":    "[" + row(harness.SinkName) + "," + row("another") + "]",
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","sinks":["` + harness.SinkName + `","another"]}]`,
	}
}

func TestASummaryCountsWhatThatSinkWasTold(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10), Env: twoSinks()}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.asked(prices.ExportType, `{}`)
		f.rename(0, 2, ", new")
		f.CSU.SetPrice(first, "1234.5")
		for _, typ := range []string{publish, prices.ExportType} {
			since := f.so()
			f.asked(typ, `{"full": true, "sinks": ["another"]}`)
			sum, told := 0, f.told(feed.ToldType, since)
			for _, e := range told {
				sum += decoded[feed.Summary](f.T, e).Told
			}
			require.Equal(f.T, len(f.Sink.Events()[since:])-len(told), sum, typ)
		}
	})
}

func TestADeletionInSeveralLanguagesOnSeveralPagesIsToldAndCountedOnce(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(130)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.CSU.Configure(func(o *csu.Options) { o.Channels[0].Language = "de" })
		one := f.CSU.Products()[0]
		one.RecordID = first - 1 // so that a page ends between two languages of one product
		f.CSU.PutProducts(one)
		f.asked(publish, `{"full": true}`) // all others are published in two languages
		f.remove(110, 130)
		since := f.so()
		f.asked(publish, `{}`)
		require.Len(f.T, f.told(deleted, since), 20)
		require.Equal(f.T, 20, f.summary(since).Gone)
	})
}

func TestPagesOfManyVariantsAreNoLargerThanOthers(t *testing.T) {
	t.Parallel()
	o := selling(30)
	for i := range o.Products {
		for v := range 20 {
			o.Products[i].Variants = append(o.Products[i].Variants, csu.Variant{RecordID: 68719600000 + int64(100*i+v), Color: "Red", Size: fmt.Sprint(v)})
		}
	}
	bubble(t, harness.Options{CSU: o}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		b := &harness.Boundaries{}
		f.processes[0].Stop()
		f.join(b)
		f.asked(prices.ExportType, `{}`)
		require.Len(f.T, f.newest(prices.PriceType), 600)
		rounds := 0
		for _, at := range b.Passed() {
			if len(at) >= 10 && at[:10] == "after send" {
				rounds++
			}
		}
		require.Greater(f.T, rounds, 600/200, "what is carried from one page to the next must not grow with the variants")
	})
}

func TestADeletionThatIsToldByARunThatFailsIsNotRememberedOtherwise(t *testing.T) {
	t.Parallel()
	refuse := `[{"scenario":"products","name":"refuse-it","type":"guard","after":"read-deletions","when":".deletions == true","refuse":"Not today."}]`
	bubble(t, harness.Options{CSU: selling(5), Env: map[string]string{"SIGNALBOX_SCENARIOS_STEPS": refuse}}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		was := f.CSU.Products()[2]
		f.remove(2, 3)
		f.ask(publish, `{"deletions": true}`)
		f.Settle(time.Hour)
		require.Equal(f.T, 1, f.DeadLetters())
		require.Len(f.T, f.told(deleted, 0), 1)
		f.CSU.PutProducts(was) // it is sold again, as it was
		f.ask(publish, `{}`)
		f.Settle(time.Hour)
		require.Equal(f.T, f.catalogue(), f.shop())
	})
}

func TestASweepThatCannotLookAtEverythingBeginsSomewhereElseEachTime(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(10)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		odd := map[string]json.RawMessage{}
		for i := range 60 {
			odd[fmt.Sprint("odd-", i)] = json.RawMessage(`{"id":"odd"}`) // nothing that can be told makes it go away
		}
		f.Sink.Keep(home, product, odd)
		lost := fmt.Sprint(first + 7)
		f.Sink.Spoil(home, product, lost, nil)
		for range 60 {
			f.swept(`{"of": "products", "sink": "crm", "calls": 21}`)
			if _, healed := f.Sink.Kept(home, product)[lost]; healed {
				return
			}
		}
		t.Error("what is behind the first buckets that differ is never looked at")
	})
}
