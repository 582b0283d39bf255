package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// scenarios makes every scenario. They are made before what they call is opened: they call it later.
func (a *App) scenarios() []orchestration.Scenario {
	all := scenarios.All
	if a.parts.Scenarios != nil {
		all = a.parts.Scenarios
	}
	return all(scenarios.Parts{
		CSU: func(ch orchestration.Channel) *csuclient.Channel { return a.csu.Channel(ch.OUN) },
		Customers: customers.Parts{Bindings: bindings{a}, Authority: customers.Authority(a.cfg.Customers.Authority),
			PromoteAfter: a.cfg.Customers.PromoteAfter},
		Orders: orders.Parts{ConfirmAfter: a.cfg.Orders.ConfirmAfter, Open: a.openOrders(),
			Quiet: a.noOpenOrders(), Bindings: bindings{a}, Channels: a.cfg.Channels, StatusPatience: min(a.cfg.Orders.StatusPatience, a.cfg.Run.Patience/2)},
		Sinks: a.sinkParts(),
	})
}

// openOrders counts the orders that wait for headquarters' sales ids, anew when the last count is older than half an interval.
func (a *App) openOrders() func(context.Context, orchestration.Channel, int) (int, error) {
	var mu sync.Mutex
	var counted time.Time
	var n int
	return func(ctx context.Context, _ orchestration.Channel, most int) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if !counted.IsZero() && time.Since(counted) < a.cfg.Orders.ConfirmAfter/2 {
			return n, nil
		}
		found, err := a.countOpen(ctx, most)
		if err != nil {
			return 0, err
		}
		n, counted = found, time.Now()
		return n, nil
	}
}

func (a *App) countOpen(ctx context.Context, most int) (found int, _ error) {
	err := fleetStore{a}.Waiting(ctx, func(w redisstore.Waiting) error {
		if w.Scenario == orders.ConfirmName {
			found++
		}
		if found >= most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// noOpenOrders says whether no order waits for a sales id. An order that is looked for just now is not among those that wait, so it takes
// two counts, a minute or more apart, which both found none; until then it says no.
func (a *App) noOpenOrders() func(context.Context) bool {
	const fresh = 30 * time.Second
	var mu sync.Mutex
	var counted, none time.Time // the last count; the first of those that found none
	return func(ctx context.Context) bool {
		mu.Lock()
		defer mu.Unlock()
		if counted.IsZero() || time.Since(counted) >= fresh {
			found, err := a.countOpen(ctx, 1)
			switch {
			case err != nil:
				return false
			case found > 0:
				none = time.Time{}
			case none.IsZero():
				none = time.Now()
			}
			counted = time.Now()
		}
		return !none.IsZero() && counted.Sub(none) >= time.Minute
	}
}

var errEnough = errors.New("counted as many as matter")

// bindings reads those of the configured CSU, from the store, which is opened after the scenarios are made.
type bindings struct{ a *App }

func (b bindings) table() *redistable.Table { return redistable.New(b.a.redis, b.a.keys()) }

func (b bindings) Sources(ctx context.Context, account mapping.Target) ([]mapping.Ref, error) {
	return b.table().Sources(ctx, account)
}

func (b bindings) Resolve(ctx context.Context, account mapping.Target) (mapping.Target, error) {
	return b.table().Resolve(ctx, account)
}
