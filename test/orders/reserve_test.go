package orders

import (
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/inventoryvisibility"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
)

// reservingShop is a shop that reserves: of bread there are so many at STORE1 and at HOUSTON, which has what no store fetches or sends.
func reservingShop(t *testing.T, row string, there int64, env map[string]string) *harness.World {
	t.Helper()
	settings := map[string]string{
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["` + harness.SinkName + `"],
			"stores":["shop-1=STORE1"],"delivery_modes":["standard=99"],"service_accounts":["service-account-1"],` + row + `}]`,
		"SIGNALBOX_ORDERS_CONFIRM_AFTER": "1s", "SIGNALBOX_ORDERS_RESERVE": "visibility", "SIGNALBOX_ORDERS_RESERVE_AT": "HOUSTON"}
	maps.Copy(settings, env)
	products := csu.MakeProducts(3)
	products[0].ItemID, products[0].Price = bread, "5" // as the orders have it
	w := harness.NewVirtual(t, harness.Options{Sink: true, Visibility: true, CSU: csu.Options{Products: products, OrderSync: 20 * time.Second, LabRoles: true}, Env: settings})
	w.Bind("product", "bread", harness.Bread())
	stock(w, there)
	return w
}

const bread = "4111111111111111" // an item number that looks like a card's

func stock(w *harness.World, there int64) {
	for site, location := range map[string]string{"1": "STORE1", "2": "STORE3"} {
		w.Visibility.Put(inventoryvisibility.Stock{Organization: "usrt", Product: bread, Site: site, Location: location, OnHand: decimal.NewFromInt(there)})
	}
	w.Visibility.Put(inventoryvisibility.Stock{Organization: "usrt", Product: bread, Site: "1", Location: "HOUSTON", OnHand: decimal.NewFromInt(there)})
}

const fetched = `, "delivery": {"pickup": {"store": "shop-1"}}`

// paid is fetched, and paid where the CSU wants it.
func paid(row, amount, members string) string {
	if row == rows["as a cart"] {
		members += `, "payments": [{"method": "card", "amount": ` + amount + `, "card": ` + tokenised + `}]`
	}
	return members
}

var rows = map[string]string{"uploaded": `"order_mode":"upload"`, "as a cart": `"order_mode":"cart"`}

// soft is what is reserved softly at the store and in the warehouse.
func soft(w *harness.World) string {
	return fmt.Sprint(w.Visibility.SoftReserved(bread, "STORE1"), " ", w.Visibility.SoftReserved(bread, "HOUSTON"))
}

func TestAnOrderIsReservedUntilHeadquartersHasIt(t *testing.T) {
	t.Parallel()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := reservingShop(t, row, 10, nil)
				p := w.Start(nil)
				defer p.Stop()
				w.Send(order("at-store", paid(row, "10", fetched)), order("anywhere", paid(row, "10", `, "delivery": {"mode": "standard", "address": `+address+`}`)))
				<-time.After(10 * time.Second)
				require.Equal(t, "2 2", soft(w), "%v", w.Letters())
				w.Settle(10 * time.Minute)
				require.Empty(t, w.Letters())
				require.Len(t, made(t, w, "at-store", "anywhere"), 2)
				require.Equal(t, "0 0", soft(w), "headquarters reserves for itself now")
				require.Len(t, w.Visibility.Reservations(), 2)
			})
		})
	}
}

func TestWithoutReservationsNobodyIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := reservingShop(t, rows["uploaded"], 0, map[string]string{"SIGNALBOX_ORDERS_RESERVE": "none"})
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("1", fetched))
		w.Settle(10 * time.Minute)
		require.Empty(t, w.Letters())
		require.Zero(t, w.Visibility.Asked(inventoryvisibility.OpReserve))
	})
}

// replay brings every dead letter back, as an operator does.
func replay(t *testing.T, w *harness.World) {
	t.Helper()
	ledger := redisledger.New(w.Redis, w.Keys())
	desk := &deadletter.Desk{Outbox: w.Bus(), Lane: harness.ReplayQueue, Ledger: ledger, Jobs: ledger, Runs: redisstore.NewTracer(w.Redis, w.Keys()), Hasher: w.Hasher(),
		Shelves: []deadletter.Shelf{{Queue: harness.SourceQueue, Peek: w.Bus().Queue(harness.SourceQueue).DeadLetters()}}}
	_, err := desk.Run(t.Context(), desk.NewJob(deadletter.Replayed, deadletter.Selection{Limit: 10}))
	require.NoError(t, err)
}

func TestAnOrderThatIsShortIsRefusedFreedAndReservedAnewByItsReplay(t *testing.T) {
	t.Parallel()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := reservingShop(t, row, 3, nil)
				p := w.Start(nil)
				defer p.Stop()
				const lines = `{"product": "bread", "quantity": 2, "price": 5}`
				w.Send(event("short", "signalbox.order.placed.v1", `{"id": "short", "email": "ana@example.com", "currency": "USD", "total": 20, "lines": [`+lines+`,`+lines+`]`+paid(row, "20", fetched)+`}`))
				w.Settle(10 * time.Minute)
				letters := w.Letters()
				require.Len(t, letters, 1)
				require.Equal(t, "BusinessRule", letters[0].DeadLetterReason)
				require.Contains(t, letters[0].DeadLetterDescription, "/lines/1/quantity cannot be reserved")
				require.Empty(t, w.CSU.SalesOrders())
				require.Equal(t, "0 0", soft(w), "the line that was reserved is freed")

				stock(w, 10)
				replay(t, w)
				<-time.After(10 * time.Second)
				require.Equal(t, "4 0", soft(w), "under other ids: what was freed does not count as reserved")
				w.Settle(10 * time.Minute)
				require.Len(t, made(t, w, "short"), 1)
				require.Equal(t, "0 0", soft(w))
			})
		})
	}
}

func TestAnOrderThatIsShortGoesOnIfItMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := reservingShop(t, rows["uploaded"], 1, map[string]string{"SIGNALBOX_ORDERS_WHEN_SHORT": "go_on"})
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("short", fetched))
		w.Settle(10 * time.Minute)
		require.Empty(t, w.Letters())
		require.Len(t, made(t, w, "short"), 1)
		require.Empty(t, w.Visibility.Reservations())
	})
}

func TestAnOrderThatIsRefusedAfterwardsIsFreed(t *testing.T) {
	t.Parallel()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := reservingShop(t, row, 10, map[string]string{"SIGNALBOX_SCENARIOS_STEPS": `[{"scenario":"orders","name":"refuse-it","type":"guard","after":"reserve-stock","when":"true","refuse":"Not today."}]`})
				p := w.Start(nil)
				defer p.Stop()
				w.Send(order("refused", paid(row, "10", fetched)))
				w.Settle(10 * time.Minute)
				require.Len(t, w.Letters(), 1)
				require.Len(t, w.Visibility.Reservations(), 1)
				require.Equal(t, "0 0", soft(w))
				replay(t, w)
				w.Settle(10 * time.Minute)
				require.Equal(t, "0 0", soft(w), "the replay was refused, too")
			})
		})
	}
}

func TestTroubleOfTheServiceCostsTimeAndNoSecondReservation(t *testing.T) {
	t.Parallel()
	reserve := inventoryvisibility.OpReserve
	for name, what := range map[string]inventoryvisibility.Fault{
		"it fails for a while":    {Kind: inventoryvisibility.Error, Operation: reserve, For: 5 * time.Second},
		"it asks to wait":         {Kind: inventoryvisibility.Throttle, Operation: reserve, For: 5 * time.Second},
		"its answer is lost":      {Kind: inventoryvisibility.CommitThenDrop, Operation: reserve, Next: 2},
		"its answer is a page":    {Kind: inventoryvisibility.CommitThenError, Operation: reserve, Next: 2},
		"it does not let us in":   {Kind: inventoryvisibility.Unauthorized, Operation: reserve, For: 5 * time.Second},
		"what frees gets no word": {Kind: inventoryvisibility.CommitThenDrop, Operation: inventoryvisibility.OpUnreserve, Next: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := reservingShop(t, rows["uploaded"], 10, nil)
				_, err := w.Visibility.Inject(what)
				require.NoError(t, err)
				p := w.Start(nil)
				defer p.Stop()
				w.Send(order("1", fetched))
				w.Settle(30 * time.Minute)
				require.Empty(t, w.Letters())
				require.Len(t, made(t, w, "1"), 1)
				require.Len(t, w.Visibility.Reservations(), 1)
				require.Equal(t, "0 0", soft(w))
			})
		})
	}
}

// At each boundary, that of the service's calls among them, the process is stopped and another one goes on: whenever anybody looks, there is no more
// than one reservation, and in the end none that is not freed.
func TestStoppedAtAnyBoundaryThereIsOneReservationAndThenNone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		row, steps string
		orders     int
	}{
		"placed": {rows["uploaded"], `[]`, 1}, "placed as a cart": {rows["as a cart"], `[]`, 1},
		"refused": {rows["uploaded"], `[{"scenario":"orders","name":"refuse-it","type":"guard","after":"reserve-stock","when":"true","refuse":"Not today."}]`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at += harness.Stride {
				crossed, where := false, "never"
				synctest.Test(t, func(t *testing.T) {
					w := reservingShop(t, tc.row, 10, map[string]string{"SIGNALBOX_SCENARIOS_STEPS": tc.steps})
					w.CSU.Configure(func(o *csu.Options) { o.OrderSync = time.Second })
					b := &harness.Boundaries{At: at}
					b.Do = func(string) { b.Die() }
					first := w.Start(b)
					w.Send(order("1", paid(tc.row, "10", fetched)))
					for !b.Reached() && !w.Empty() {
						<-time.After(100 * time.Millisecond)
					}
					if crossed = b.Reached(); crossed {
						where = b.Passed()[at-1]
					}
					first.Stop()
					second := w.Start(nil)
					w.Settle(time.Hour)
					second.Stop()
					require.LessOrEqual(t, len(w.Visibility.Reservations()), 1, "stopped %s", where)
					require.Equal(t, "0 0", soft(w), "stopped %s", where)
					require.Len(t, w.CSU.SalesOrders(), tc.orders, "stopped %s", where)
					require.Len(t, w.Letters(), 1-tc.orders, "stopped %s", where)
					<-time.After(time.Minute) // a stopped process asks in vain for a while; its goroutines must have ended
				})
				if !crossed {
					require.Greater(t, at, 20)
					return
				}
			}
		})
	}
}
