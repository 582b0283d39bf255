package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// tracks are the products of the Chinook sample database, if there is a folder that has them (products.jsonl), else some that look like them.
func tracks(t *testing.T, folder string) (all []csu.Product) {
	if folder == "" {
		return csu.MakeProducts(200)
	}
	f, err := os.Open(filepath.Join(folder, "products.jsonl"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }() // read only
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var row struct {
			TrackID                               int64 `json:"TrackId"`
			Name, Album, Artist, Genre, MediaType string
			UnitPrice                             json.Number
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		p := csu.Product{RecordID: 68719490000 + row.TrackID, ItemID: fmt.Sprintf("T%05d", row.TrackID), Name: row.Name, Unit: "ea", Price: row.UnitPrice}
		for key, value := range map[string]string{"Album": row.Album, "Artist": row.Artist, "Genre": row.Genre, "MediaType": row.MediaType} {
			p.Attributes = append(p.Attributes, csu.Attribute{Key: key, Values: map[string]string{"": value}})
		}
		all = append(all, p)
	}
	return all
}

// TestKilledOnEveryPageTheReceiverHasTheSameCatalogue ends a real process with -9 once the records of each page in turn are in the broker, and
// nothing of that is on record; then only what changed is told, by processes that live.
func TestKilledOnEveryPageTheReceiverHasTheSameCatalogue(t *testing.T) {
	o, page := short, 40
	folder := os.Getenv("SIGNALBOX_TEST_CHINOOK")
	if folder != "" {
		page = 90
		t.Setenv("SIGNALBOX_TEST_CHINOOK", "") // to have it back at the end
		require.NoError(t, os.Unsetenv("SIGNALBOX_TEST_CHINOOK"), "the fleet refuses variables that it does not know")
	}
	o.Sink, o.Slots = true, 16
	o.CSU.Products = tracks(t, folder)
	o.Env = map[string]string{"SIGNALBOX_PRODUCTS_PAGE_SIZE": fmt.Sprint(page), "SIGNALBOX_WORKER_BULK_SLOTS": "16"}
	w := harness.NewReal(t, o)
	began, killed := time.Now(), 0
	ask(w, "full", "signalbox.products.publish.v1", `{"full": true}`)
	for !w.Empty() {
		c := w.Spawn("kill", "after send all #2") // the page that the one before had died on, and the next
		require.Eventually(t, func() bool { _, dead := c.Killed(); return dead || w.Empty() }, 5*time.Minute, often)
		if _, dead := c.Killed(); dead {
			killed++
		}
		c.Stop()
	}
	require.GreaterOrEqual(t, killed, len(o.CSU.Products)/page-1, "on every page but the last")
	requireShop(t, w)
	full := time.Since(began)
	repeats := w.Sink.Stats().Duplicates
	for _, e := range w.Sink.Events() {
		require.False(t, e.Changed, "a repeat says the same: %s", e.ID)
	}

	c := w.Spawn("run", "")
	settled := func(id, typ, data string) (told int) {
		before := len(w.Sink.Events())
		ask(w, id, typ, data)
		require.Eventually(t, w.Empty, 5*time.Minute, often)
		for _, e := range w.Sink.Events()[before:] {
			if !strings.HasPrefix(e.Type, "signalbox.feed.") {
				told++
			}
		}
		return told
	}
	n := len(o.CSU.Products)
	require.Equal(t, n, settled("prices", "signalbox.prices.export.v1", `{}`))
	require.Equal(t, n, settled("stock", "signalbox.inventory.export.v1", `{"locations": "own"}`))
	all := w.CSU.Products()
	for _, p := range all[20:60] {
		p.Name += " (remastered)"
		w.CSU.PutProducts(p)
	}
	for _, p := range all[100:105] {
		w.CSU.RemoveProducts(p.RecordID)
	}
	for _, p := range all[110:122] {
		w.CSU.SetPrice(p.RecordID, "1.29")
	}
	for _, p := range all[130:160] {
		w.CSU.SetStock(p.RecordID, "HOUSTON", "7")
	}
	require.Equal(t, 45, settled("changes", "signalbox.products.publish.v1", `{}`), "40 changed, 5 deleted")
	require.Equal(t, 12+5, settled("prices-2", "signalbox.prices.export.v1", `{}`), "12 changed, 5 of what is not sold any more")
	require.Equal(t, 30+5, settled("stock-2", "signalbox.inventory.export.v1", `{"locations": "own"}`), "30 changed, 5 of what is not sold any more")
	requireShop(t, w)
	c.Stop()
	require.Zero(t, w.DeadLetters())
	require.LessOrEqual(t, w.CSU.Sessions(), killed, "those that were begun at that very moment end by themselves")
	t.Logf("%d products, %d processes killed with -9, one on each page: all there after %.0f s, %d repeats under the same ids; then exactly 40 changed, 5 deleted, 12 prices, 30 stock levels",
		n, killed, full.Seconds(), repeats)
}

// ask publishes as a schedule does.
func ask(w *harness.World, id, typ, data string) {
	w.SendTo(harness.BulkQueue, app.Message(orchestration.Event{Source: "https://ops.example.com", ID: id, Type: typ, Time: time.Now(), Data: json.RawMessage(data)}))
}

// requireShop holds what the receiver keeps against what the CSU sells.
func requireShop(t *testing.T, w *harness.World) {
	t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, p := range w.CSU.Products() {
		want[fmt.Sprint(p.RecordID)] = p.Name
	}
	for id, data := range w.Sink.Kept("d365/default/main", "signalbox.product.v1") {
		var p struct{ Name string }
		require.NoError(t, json.Unmarshal(data, &p))
		got[id] = p.Name
	}
	require.Equal(t, want, got)
}
