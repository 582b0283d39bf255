package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Visibility is Inventory Visibility in the place of the CSU. It knows products by item and variant, and the feed by record id: the CSU says which
// is which, in chunks, and each is kept for an hour. Neither levels nor what a shopper may buy are known there, nor units, nor which warehouses a
// channel has: those of the table that belong to its legal entity are asked.
type Visibility struct {
	OnHand   func(ctx context.Context, q inventoryvisibility.Query) ([]inventoryvisibility.OnHand, error)
	Products func(ctx context.Context, ch orchestration.Channel, ids []int64) (map[int64]csuclient.Product, error)
	Layout   inventoryvisibility.Layout

	Available, Total, Physical, Reserved, Incoming inventoryvisibility.Measure
}

// Stock is the stock of a channel.
func (v Visibility) Stock(ch orchestration.Channel) Stock { return visible{v, ch} }

type visible struct {
	Visibility
	ch orchestration.Channel
}

// Availability implements Stock.
func (v visible) Availability(ctx context.Context, q csuclient.AvailabilityQuery) (csuclient.Availability, error) {
	if err := cannot(q); err != nil {
		return csuclient.Availability{}, err
	}
	places := v.Layout.At(v.ch.LegalEntity, q.Warehouses...)
	if len(places) == 0 {
		return csuclient.Availability{}, &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: "/warehouses",
			Detail: "none of what /warehouses names is in inventory.visibility.warehouses for legal entity " + v.ch.LegalEntity + "; add it there, then replay"}
	}
	products, err := v.Products(ctx, v.ch, q.Products)
	if err != nil || len(products) == 0 { // what the channel does not sell is left out, as the CSU leaves it out
		return csuclient.Availability{}, err
	}
	rows, err := v.OnHand(ctx, v.query(products, places))
	if err != nil {
		return csuclient.Availability{}, err
	}
	return v.read(q.Products, products, places, rows), nil
}

// cannot refuses what the service has no words for.
func cannot(q csuclient.AvailabilityQuery) error {
	pointer := unknown(q)
	if pointer == "" {
		return nil
	}
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: pointer,
		Detail: pointer + " asks for what Inventory Visibility does not know; leave it out, and name warehouses where only some are meant"}
}

func unknown(q csuclient.AvailabilityQuery) (pointer string) {
	switch {
	case q.Unit != csuclient.UnitOfInventory:
		return "/unit"
	case q.OwnOnly, q.That != 0:
		return "/locations"
	}
	return ""
}

// UnknownToVisibility points to what of an export Inventory Visibility has no words for; empty: nothing.
func (e Export) UnknownToVisibility() (pointer string) { return unknown(e.query(nil)) }

func (v visible) query(products map[int64]csuclient.Product, places []inventoryvisibility.Warehouse) inventoryvisibility.Query {
	q := inventoryvisibility.Query{Organization: places[0].Organization, DataSource: v.Layout.DataSource}
	items, dimensions := map[string]bool{}, map[string]bool{}
	for _, p := range products {
		items[p.ItemID] = true
		for name := range v.Layout.Dimensions(variant(p)) {
			dimensions[name] = true
		}
	}
	q.Products, q.GroupBy = slices.Sorted(maps.Keys(items)), slices.Sorted(maps.Keys(dimensions))
	for _, p := range places {
		q.Places = append(q.Places, p.Place)
	}
	return q
}

func variant(p csuclient.Product) inventoryvisibility.Variant {
	d := p.Dimensions
	return inventoryvisibility.Variant{Color: d.Color, Size: d.Size, Style: d.Style, Config: d.Config}
}

// read gives each product at each warehouse that the service knows it at, and the sum over them.
func (v visible) read(ids []int64, products map[int64]csuclient.Product, places []inventoryvisibility.Warehouse, rows []inventoryvisibility.OnHand) (all csuclient.Availability) {
	byItem := map[string][]inventoryvisibility.OnHand{}
	for _, row := range rows {
		byItem[strings.ToLower(row.Product)] = append(byItem[strings.ToLower(row.Product)], row)
	}
	for _, id := range ids {
		p, sold := products[id]
		if !sold {
			continue
		}
		sum, before := csuclient.ProductStock{ProductID: id, LegalEntity: v.ch.LegalEntity, Quantities: csuclient.Quantities{Bare: true}}, len(all.Rows)
		for _, place := range places {
			is := csuclient.WarehouseStock{ProductID: id, Warehouse: place.Location, LegalEntity: v.ch.LegalEntity, Quantities: csuclient.Quantities{Bare: true}}
			if v.add(&is, p, place.Place, byItem[strings.ToLower(p.ItemID)]) {
				all.Rows = append(all.Rows, is)
				sum.Physical, sum.Total = sum.Physical.Add(is.Physical), sum.Total.Add(is.Total)
			}
		}
		if len(all.Rows) > before {
			all.Totals = append(all.Totals, sum)
		}
	}
	return all
}

// add counts those rows of an item that are the product's at a place, and says whether there were any.
func (v visible) add(is *csuclient.WarehouseStock, p csuclient.Product, at inventoryvisibility.Place, rows []inventoryvisibility.OnHand) (found bool) {
	for _, row := range rows {
		if !v.Layout.Of(row).Same(variant(p)) || !row.Place.Same(at) {
			continue
		}
		found = true
		for _, m := range []struct {
			into *decimal.Decimal
			inventoryvisibility.Measure
		}{{&is.Physical, v.Available}, {&is.Total, v.Total}, {&is.OnHand, v.Physical}, {&is.Reserved, v.Reserved}, {&is.Incoming, v.Incoming}} {
			*m.into = m.into.Add(row.Quantity(m.Source, m.Name))
		}
	}
	return found
}
