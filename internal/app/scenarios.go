package app

import (
	"context"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
)

// scenarios makes every scenario, with the steps of the configuration. They are made before what they call is opened: they call it later.
func (a *App) scenarios() ([]orchestration.Scenario, error) {
	all := scenarios.All
	if a.parts.Scenarios != nil {
		all = a.parts.Scenarios
	}
	return a.extended(all(scenarios.Parts{
		CSU: func(ch orchestration.Channel) *csuclient.Channel { return a.csu.Channel(ch.OUN) },
		Customers: customers.Parts{Bindings: bindings{a}, Authority: customers.Authority(a.cfg.Customers.Authority),
			PromoteAfter: a.cfg.Customers.PromoteAfter},
		Orders: orders.Parts{ConfirmAfter: a.cfg.Orders.ConfirmAfter, Open: a.openOrders(),
			Quiet: surelyNone(a.countOpen), Bindings: bindings{a}, Channels: a.cfg.Channels, StatusPatience: min(a.cfg.Orders.StatusPatience, a.cfg.Run.Patience/2), Reserving: a.reserving()},
		Products: products.Parts{Memory: memory{a}, PageSize: a.cfg.Products.PageSize, ReportListings: a.cfg.Products.ReportListings},
		Prices:   prices.Parts{Memory: memory{a}, ReplySink: a.cfg.ReplySink}, Inventory: inventory.Parts{Memory: memory{a}, Stock: a.stockOf()}, Locations: locations.Parts{Memory: memory{a}},
		Reconcile: reconcile.Parts{Memory: memory{a}, Wants: a.wants, Digests: func(sink string) (feed.Digests, bool) { d, ok := a.digests[sink]; return d, ok }, Swept: a.swept},
		Sinks:     a.sinkParts(), Emitted: a.cfg.Emitted(),
	}))
}

// bindings reads those of the configured CSU, from the store, which is opened after the scenarios are made.
type bindings struct{ a *App }

func (b bindings) table() *redistable.Table { return redistable.New(b.a.redis, b.a.keys()) }

func (b bindings) Sources(ctx context.Context, account mapping.Target) ([]mapping.Ref, error) {
	return b.table().Sources(ctx, account)
}

func (b bindings) Resolve(ctx context.Context, account mapping.Target) (mapping.Target, error) {
	return b.table().Resolve(ctx, account)
}
