package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// openVisibility makes the client of Inventory Visibility, where it is used.
func (a *App) openVisibility() (err error) {
	if !a.cfg.UsesVisibility() {
		return nil
	}
	v := a.cfg.Inventory.Visibility
	log := a.log.Named("inventoryvisibility")
	a.stock, err = inventoryvisibility.New(inventoryvisibility.Options{
		BaseURL: v.URL, TokenURL: v.TokenURL, SecurityURL: v.SecurityURL, ClientID: v.ClientID, ClientSecret: v.ClientSecret, Environment: v.Environment,
		Timeout: v.Timeout, Concurrency: v.Concurrency, AllowPlaintext: v.AllowPlaintext, DialContext: a.parts.DialVisibility, Wrap: a.parts.WrapCSU,
		Changed: func(until time.Time, class string) {
			if until.IsZero() {
				log.Info("Inventory Visibility takes requests again")
				return
			}
			log.Warn("Inventory Visibility refused or did not answer; it is left alone for a while, and what needs it waits",
				zap.String("error_type", class), zap.Float64("retry_after_s", time.Until(until).Seconds()))
		},
	})
	if err != nil {
		return fmt.Errorf("inventory visibility: %w", err)
	}
	a.closers = append(a.closers, a.stock.Close)
	return nil
}

// stockOf is who says how much there is; nil: the CSU.
func (a *App) stockOf() func(orchestration.Channel) inventory.Stock {
	if a.cfg.Inventory.Source != config.SourceVisibility {
		return nil
	}
	v := a.cfg.Inventory.Visibility
	return inventory.Visibility{
		OnHand: func(ctx context.Context, q inventoryvisibility.Query) ([]inventoryvisibility.OnHand, error) {
			return a.stock.OnHand(ctx, q)
		},
		Products: func(ctx context.Context, ch orchestration.Channel, ids []int64) (map[int64]csuclient.Product, error) {
			return a.csu.Channel(ch.OUN).Products(ctx, ids)
		},
		Layout: v.Layout(), Available: config.Measure(v.Available), Total: config.Measure(v.Total), Physical: config.Measure(v.OnHand),
		Reserved: config.Measure(v.Reserved), Incoming: config.Measure(v.Incoming),
	}.Stock
}

// reserving is how orders are reserved softly; nil: nobody ever was.
func (a *App) reserving() *orders.Reserving {
	if !a.cfg.UsesVisibility() {
		return nil
	}
	return &orders.Reserving{Service: reservations{a}, Layout: a.cfg.Inventory.Visibility.Layout(), Measure: config.Measure(a.cfg.Inventory.Visibility.Reserve),
		At: a.cfg.Orders.ReserveAt, Off: !a.cfg.Reserves(), GoOn: a.cfg.Orders.WhenShort == config.ShortGoOn}
}

// reservations are those of the client, which is made after the scenarios.
type reservations struct{ a *App }

func (r reservations) Reserve(ctx context.Context, wishes []inventoryvisibility.Reservation) ([]inventoryvisibility.Reserved, error) {
	return r.a.stock.Reserve(ctx, wishes)
}

func (r reservations) Unreserve(ctx context.Context, releases []inventoryvisibility.Release) error {
	return r.a.stock.Unreserve(ctx, releases)
}
