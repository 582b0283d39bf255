package feeds

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/redisfeed"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// home is the source of what is told of the CSU's records.
const home = "d365/default/main"

// swept asks for a comparison and gives what it found, and how often the receiver was asked.
func (f *fleet) swept(data string) (found reconcile.Reconciled, questions int) {
	f.T.Helper()
	since, before := f.so(), f.Sink.Stats().Questions
	f.asked(reconcile.SweepType, data)
	all := f.told(reconcile.ReconciledType, since)
	require.Len(f.T, all, 1)
	return decoded[reconcile.Reconciled](f.T, all[0]), int(f.Sink.Stats().Questions - before)
}

func TestASinkThatHasEverythingCostsOneQuestion(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(200)}, func(f *fleet) {
		f.join(nil)
		for _, typ := range []string{publish, prices.ExportType, inventory.ExportType, locations.ExportType} {
			f.asked(typ, `{}`)
		}
		f.remove(3, 9)
		for _, typ := range []string{publish, prices.ExportType, inventory.ExportType} {
			f.asked(typ, `{}`)
		}
		for _, of := range []string{"products", "prices", "inventory", "locations"} {
			found, questions := f.swept(fmt.Sprintf(`{"of": %q, "sink": "crm"}`, of))
			require.Equal(f.T, 1, questions, "%+v", found)
			require.Zero(f.T, found.Missing+found.Differs+found.Extra, "%+v", found)
			require.Positive(f.T, found.Compared)
		}
	})
}

func TestWhatTheSinkHasOtherwiseIsFoundAndHealed(t *testing.T) {
	t.Parallel()
	yearly := map[string]string{"SIGNALBOX_SCHEDULES": `[{"name":"sweep","type":"` + reconcile.SweepType + `","channel":"main","every":"8760h","missed":"skip","data":{"of":"products","sink":"crm"}}]`}
	bubble(t, harness.Options{CSU: selling(200), Env: yearly}, func(f *fleet) {
		process := f.join(nil)
		types := map[string]string{"products": publish, "prices": prices.ExportType, "inventory": inventory.ExportType, "locations": locations.ExportType}
		for _, of := range []string{"products", "prices", "inventory", "locations"} {
			f.asked(types[of], `{}`)
		}
		records := map[string]string{"products": product, "prices": prices.PriceType, "inventory": inventory.StockType, "locations": locations.LocationType}
		for of, typ := range records {
			was := f.Sink.Kept(home, typ)
			n := 0
			for id := range was {
				if n++; n > 4 {
					break
				}
				spoiled := json.RawMessage(`{"id": "spoiled"}`)
				if n == 4 {
					spoiled = nil
				}
				require.True(f.T, f.Sink.Spoil(home, typ, id, spoiled))
			}
			f.Sink.Keep(home, typ, map[string]json.RawMessage{"99": json.RawMessage(`{"id": "99"}`)})
			found, questions := f.swept(fmt.Sprintf(`{"of": %q, "sink": "crm"}`, of))
			require.Equal(f.T, []int{3, 1, 1}, []int{found.Differs, found.Missing, found.Extra}, of)
			require.LessOrEqual(f.T, questions, 11, of)
			now := f.Sink.Kept(home, typ)
			delete(now, "99") // of products it is told as deleted; the others end with what they say of none
			require.Equal(f.T, was, now, of)
		}
		known, others := []string{"channel", "main", "feed", "products/0", "sink", "crm"}, []string{"channel", "other", "feed", "other", "sink", "other"}
		for how, n := range map[string]float64{"differs": 3, "missing": 1, "extra": 1, "outdated": 0} {
			require.Equal(f.T, n, process.Count(telemetry.SweepWrong, append(known, "mismatch", how)...), how)
			require.Equal(f.T, 3*n, process.Count(telemetry.SweepWrong, append(others, "mismatch", how)...), "what no schedule asks for")
		}
		require.Equal(f.T, 1.0, process.Count(telemetry.Sweeps, append(known, "outcome", "whole")...))
		require.InDelta(f.T, float64(time.Now().Unix()), process.Count(telemetry.SweepLastWhole, known...), 8*3600)
	})
}

func TestWhatIsOnItsWayIsNotTakenForWrong(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(20)}, func(f *fleet) {
		_, err := f.Sink.Inject(sink.Fault{Kind: sink.Error, Status: 503, For: 20 * time.Second})
		require.NoError(f.T, err)
		f.join(nil)
		f.ask(publish, `{}`)
		<-time.After(5 * time.Second)
		found, _ := f.swept(`{"of": "products", "sink": "crm", "settle": 600}`)
		require.Zero(f.T, found.Missing+found.Differs+found.Extra, "%+v", found)
		require.Len(f.T, f.told(product, 0), 20)
	})
}

func TestASweepThatHadToWaitForItsAnswersStillWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(20)}, func(f *fleet) {
		for _, down := range []sink.Fault{{Kind: sink.Error, Status: 503, For: 15 * time.Minute}, {Kind: sink.Error, Status: 503, Type: product, For: 24 * time.Minute}} {
			_, err := f.Sink.Inject(down)
			require.NoError(f.T, err)
		}
		f.join(nil)
		f.ask(publish, `{}`)
		<-time.After(5 * time.Second)
		found, questions := f.swept(`{"of": "products", "sink": "crm", "settle": 1020}`)
		require.Greater(f.T, questions, 1, "it has seen that something differs")
		require.Zero(f.T, found.Missing+found.Differs+found.Extra, "%+v", found)
	})
}

func TestASweepKeepsToItsCallsAndSaysSo(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(100)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		for id := range f.Sink.Kept(home, product) {
			f.Sink.Spoil(home, product, id, nil)
		}
		found, questions := f.swept(`{"of": "products", "sink": "crm", "calls": 21}`)
		require.True(f.T, found.Partial)
		require.LessOrEqual(f.T, questions, 21)
		require.Positive(f.T, found.Missing)
	})
}

func TestWhatTheFeedHasMissedIsFoundInTheSource(t *testing.T) {
	t.Parallel()
	bubble(t, harness.Options{CSU: selling(50)}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.rename(3, 5, ", new")
		f.CSU.ForgetChanges() // and then nobody asks for what changed
		found, _ := f.swept(`{"of": "products", "sink": "crm", "source": 1000}`)
		require.LessOrEqual(f.T, found.Outdated, 2)
		for found.Sampled > 0 && f.catalogue()[fmt.Sprint(first+3)] != f.shop()[fmt.Sprint(first+3)] {
			found, _ = f.swept(`{"of": "products", "sink": "crm", "source": 1000}`) // it begins somewhere else each time
		}
		require.Equal(f.T, f.catalogue()[fmt.Sprint(first+3)], f.shop()[fmt.Sprint(first+3)])
	})
}

// TestTwelveSpoiledAndThreeLostOfManyAreFoundWithFewQuestions is the story of a shop with 200,000 products.
func TestTwelveSpoiledAndThreeLostOfManyAreFoundWithFewQuestions(t *testing.T) {
	t.Parallel()
	many := 200_000 / harness.Stride
	bubble(t, harness.Options{CSU: csu.Options{Products: csu.MakeProducts(20)}}, func(f *fleet) {
		f.join(nil)
		f.asked(publish, `{}`)
		f.pretend(many)
		full := many / 100 // calls of a full read, a hundred records each
		want, was := map[string]json.RawMessage{}, f.Sink.Kept(home, product)
		for i := range 15 {
			id := fmt.Sprint(first + i)
			want[id] = was[id]
			spoiled := json.RawMessage(`{"id": "spoiled"}`)
			if i >= 12 {
				spoiled = nil
			}
			require.True(f.T, f.Sink.Spoil(home, product, id, spoiled))
		}
		since := f.so()
		found, questions := f.swept(`{"of": "products", "sink": "crm"}`)
		require.Equal(f.T, []int{many + 20, 12, 3, 0}, []int{found.Compared, found.Differs, found.Missing, found.Extra})
		f.T.Logf("%d records compared with %d questions; a full read takes %d", found.Compared, questions, full)
		if harness.Stride == 1 {
			require.Less(f.T, float64(questions), 0.02*float64(full))
		}
		require.Len(f.T, f.told(product, since), 15, "exactly those are told again")
		now := f.Sink.Kept(home, product)
		for id, data := range want {
			require.JSONEq(f.T, string(data), string(now[id]))
		}
	})
}

// pretend makes many more records as if they had been told.
func (f *fleet) pretend(n int) {
	memory := redisfeed.New(f.Redis, f.Keys())
	entries, records := map[string]feed.Entry{}, map[string]json.RawMessage{}
	for i := range n {
		id := fmt.Sprint(77_000_000_000 + i)
		data := fmt.Appendf(nil, `{"id":%q,"name":"Product %d","kind":"product","active":true}`, id, i)
		entries[id], records[id] = feed.Entry{Digest: feed.Digest(data)}, data
		if len(entries) == 10_000 || i == n-1 {
			require.NoError(f.T, memory.Keep(f.T.Context(), feed.Feed{Channel: "main", Name: "products/0"}, entries))
			f.Sink.Keep(home, product, records)
			entries, records = map[string]feed.Entry{}, map[string]json.RawMessage{}
		}
	}
}
