package upstream

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

const (
	chinook      = "https://chinook.example.com"
	firstProduct = 68719490000 // record id of the simulator's first product
)

// Orders come before and among their customers, in the rows of the system that took them; the CSU is slow, throttles, and drops answers
// of what it has committed; workers die; headquarters has an order five seconds later.
func TestEachOrderOfAnotherSystemBecomesOneSalesOrderToTheCent(t *testing.T) {
	customers, orders := examples(t)
	tracks := map[int]bool{}
	for _, o := range orders.all {
		for _, l := range o.Lines {
			tracks[l.TrackID] = true
		}
	}
	f := startOn(t, chinook, csu.Options{Latency: 20 * time.Millisecond, OrderSync: 5 * time.Second, Products: csu.MakeProducts(4000)}, sources(t))
	for _, trouble := range []csu.Fault{{Kind: csu.Throttle, Rate: 100, Burst: 50}, {Kind: csu.CommitThenDrop, Probability: 0.02}} {
		_, err := f.w.CSU.Inject(trouble)
		require.NoError(t, err)
	}
	f.bindProducts(tracks)

	began := time.Now()
	messages := f.asEvents("chinook.invoice", orders.rows, "first")
	f.w.Send(messages[:len(messages)/2]...) // before anybody has heard of their customers
	mixed := append(messages[len(messages)/2:], f.asEvents("chinook.customer", customers, "first")...)
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	f.w.Send(mixed...)
	killed := f.underFire(size{every: time.Second}, len(messages)+len(customers))
	require.Eventually(t, f.w.Empty, 10*time.Minute, often)
	took := time.Since(began)
	sum := f.requireOrders(orders)

	// The source is restored from a backup, and publishes everything again under new ids.
	f.w.Send(f.asEvents("chinook.invoice", orders.rows, "restored")...)
	require.Eventually(t, f.w.Empty, 10*time.Minute, often)
	f.stop()
	require.Equal(t, sum, f.requireOrders(orders))
	stats := f.w.CSU.Stats()
	t.Logf("%d customers, %d orders, %d lines, %d workers, %d killed with -9: %d sales orders of %s USD together, each with its customer and bound to its sales id, %.0f s; "+
		"all published again under new ids: still %d; 0 lost, 0 doubled; %d CSU requests, %d throttled", len(customers), len(orders.all), orders.lines, workers, killed, len(f.w.CSU.SalesOrders()), sum,
		took.Seconds(), len(f.w.CSU.SalesOrders()), stats.Requests, stats.Throttled)
}

// invoice is an order as its source has it.
type invoice struct {
	InvoiceID  int `json:"InvoiceId"`
	CustomerID int `json:"CustomerId"`
	Total      decimal.Decimal
	Lines      []struct {
		TrackID  int `json:"TrackId"`
		Quantity int
	}
}

type invoices struct {
	all   []invoice
	rows  []json.RawMessage
	lines int // of all together
}

// examples are the customers and invoices of the Chinook sample database, from the folder that SIGNALBOX_TEST_CHINOOK names, or made-up
// ones of the same shape.
func examples(t *testing.T) (customers []json.RawMessage, orders invoices) {
	path := func(of string) string { return filepath.Join("..", "..", "config", "examples", "chinook-"+of+".jsonl") }
	if folder := os.Getenv("SIGNALBOX_TEST_CHINOOK"); folder != "" {
		path = func(of string) string { return filepath.Join(folder, of+".jsonl") }
	}
	orders.rows = rawLines(t, path("orders"))
	for _, r := range orders.rows {
		var one invoice
		require.NoError(t, json.Unmarshal(r, &one))
		orders.all, orders.lines = append(orders.all, one), orders.lines+len(one.Lines)
	}
	return rawLines(t, path("customers")), orders
}

func rawLines(t *testing.T, path string) (rows []json.RawMessage) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			rows = append(rows, json.RawMessage(line))
		}
	}
	return rows
}

// sources is the table of one source with two kinds of rows, told apart by the type of the CloudEvents they come in.
func sources(t *testing.T) string {
	var table []map[string]any
	for _, of := range []string{"customer", "invoice"} {
		file := map[string]string{"customer": "chinook-customers.yaml", "invoice": "chinook-orders.yaml"}[of]
		path, err := filepath.Abs(filepath.Join("..", "..", "config", "examples", file))
		require.NoError(t, err)
		table = append(table, map[string]any{"name": "chinook-" + of, "source": chinook, "types": []string{"chinook." + of}, "field_map": path})
	}
	text, err := json.Marshal(table)
	require.NoError(t, err)
	return string(text)
}

// bindProducts binds each track to a product, by the command that an operator has for it.
func (f *fleet) bindProducts(tracks map[int]bool) {
	var lines strings.Builder
	for track := range tracks {
		fmt.Fprintf(&lines, `{"source":%q,"id":"%d","d365_id":"%d"}`+"\n", chinook, track, firstProduct+track)
	}
	file := filepath.Join(f.t.TempDir(), "products.jsonl")
	require.NoError(f.t, os.WriteFile(file, []byte(lines.String()), 0o600))
	cmd := exec.Command(f.binary, "mapping", "import", "--yes", "--kind", "product", file)
	cmd.Env = f.env
	out, err := cmd.CombinedOutput()
	require.NoError(f.t, err, string(out))
	require.Contains(f.t, string(out), fmt.Sprintf("bound %d", len(tracks)))
}

// asEvents wraps rows as their source would: a CloudEvent of its own type, whose data is the row.
func (f *fleet) asEvents(typ string, rows []json.RawMessage, run string) []worker.Message {
	messages := make([]worker.Message, len(rows))
	for i, r := range rows {
		body, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprintf("%s-%s-%d", run, typ, i), "source": chinook, "type": typ,
			"time": launched.Add(-time.Hour).UTC().Format(time.RFC3339), "data": r})
		require.NoError(f.t, err)
		messages[i] = worker.Message{ID: uuid.NewString(), ContentType: "application/cloudevents+json", Body: body}
	}
	return messages
}

// requireOrders holds the CSU's sales orders against the invoices, and gives what they come to.
func (f *fleet) requireOrders(want invoices) string {
	t := f.t
	require.Zero(t, f.w.DeadLetters(), "%v", f.w.Letters())
	made := map[string]csu.SalesOrder{} // by headquarters' number
	for _, o := range f.w.CSU.SalesOrders() {
		require.NotEmpty(t, o.SalesID())
		made[o.SalesID()] = o
	}
	require.Len(t, made, len(want.all), "one sales order for each invoice")
	sum := decimal.Zero
	for _, i := range want.all {
		sales, back := f.w.BoundTo("order", chinook, strconv.Itoa(i.InvoiceID))
		o, there := made[sales]
		require.True(t, there, "invoice %d is bound to %q", i.InvoiceID, sales)
		require.Len(t, back, 1)
		account, _ := f.w.Bound(chinook, strconv.Itoa(i.CustomerID))
		require.NotEmpty(t, account)
		require.Equal(t, account, o["CustomerId"], "invoice %d", i.InvoiceID)
		total := decimal.RequireFromString(fmt.Sprint(o["TotalAmount"]))
		require.True(t, i.Total.Equal(total), "invoice %d: %s, not %s", i.InvoiceID, total, i.Total)
		require.Len(t, o.Lines(), len(i.Lines))
		for n, l := range o.Lines() {
			require.Equal(t, strconv.Itoa(firstProduct+i.Lines[n].TrackID), fmt.Sprint(l["ProductId"]), "invoice %d", i.InvoiceID)
		}
		sum = sum.Add(total)
	}
	uploads := 0
	for _, e := range f.w.CSU.Ledger() {
		if e.Operation == csu.OpUploadOrder {
			uploads++
		}
	}
	require.Equal(t, len(want.all), uploads, "each was committed once")
	return sum.StringFixed(2)
}
