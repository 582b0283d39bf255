package csu

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// DefaultStock is how much of each product each warehouse has when it was told nothing of it.
const DefaultStock json.Number = "100"

// Stock is what a warehouse has of a product, by headquarters' last snapshot. What is asked for in orders since comes off it.
type Stock struct {
	Product   int64       `json:"product"`
	Warehouse string      `json:"warehouse"`
	Quantity  json.Number `json:"quantity"`           // on hand
	Reserved  json.Number `json:"reserved,omitempty"` // of that
	Ordered   json.Number `json:"ordered,omitempty"`  // on its way in
}

// InventoryLevel is how much is there, in words.
type InventoryLevel struct {
	Code  string
	Label string
	Above json.Number // when more than that is there, and no other level says so of more
}

// DefaultInventoryLevels are those of a simulator that was told none.
func DefaultInventoryLevels() []InventoryLevel {
	return []InventoryLevel{{"OOS", "Out of stock", "-1000000"}, {"LOW", "Low stock", "0"}, {"AVAIL", "Available", "5"}}
}

// QuantityOutput is headquarters' setting of what quantities an answer has.
type QuantityOutput int

// The settings.
const (
	QuantityAsIs       QuantityOutput = iota
	QuantityLessBuffer                // what is kept back is taken off
	QuantityWithheld                  // none: only levels mean something
)

// SetStock sets what a warehouse has of a product on hand.
func (s *Simulator) SetStock(product int64, warehouse string, quantity json.Number) {
	s.PutStock(Stock{Product: product, Warehouse: warehouse, Quantity: quantity})
}

// PutStock sets all that is known of stock, each in place of what was known before.
func (s *Simulator) PutStock(stock ...Stock) {
	s.Configure(func(o *Options) {
		o.Stock = slices.DeleteFunc(slices.Clone(o.Stock), func(was Stock) bool {
			return slices.ContainsFunc(stock, func(is Stock) bool { return is.key() == was.key() })
		})
		o.Stock = append(o.Stock, stock...)
	})
}

func (st Stock) check() error {
	for _, n := range []json.Number{st.Quantity, cmp.Or(st.Reserved, "0"), cmp.Or(st.Ordered, "0")} {
		if _, ok := toDecimal(n); !ok {
			return fmt.Errorf("stock needs a quantity")
		}
	}
	if st.Product == 0 || st.Warehouse == "" {
		return fmt.Errorf("stock is of a product in a warehouse")
	}
	return nil
}

type stockKey struct {
	product   int64
	warehouse string
}

func (st Stock) key() stockKey { return stockKey{st.Product, st.Warehouse} }

func (o Options) stockByKey() map[stockKey]Stock {
	out := make(map[stockKey]Stock, len(o.Stock))
	for _, st := range o.Stock {
		out[st.key()] = st
	}
	return out
}

// shelf is what there is of a product in a warehouse, all things counted.
type shelf struct {
	physical, reserved, incoming, unposted decimal.Decimal
}

func (s shelf) available() decimal.Decimal { return s.physical.Sub(s.reserved).Sub(s.unposted) }

// shelves look up stock for whoever holds the lock, with what was ordered: headquarters has reserved it for the orders that it has, and knows
// nothing of it for the others.
type shelves struct {
	options  Options
	reserved map[stockKey]decimal.Decimal
	unposted map[stockKey]decimal.Decimal
}

func (s *Simulator) shelves(now time.Time) shelves {
	s.landDue(now)
	out := shelves{s.opts, map[stockKey]decimal.Decimal{}, map[stockKey]decimal.Decimal{}}
	for _, o := range s.store.orders.byID {
		if num(o.members, "StatusValue") == statusCanceled {
			continue
		}
		in := out.unposted
		if str(o.members, "SalesId") != "" {
			in = out.reserved
		}
		for _, l := range o.lines() {
			if quantity := dec(l, "Quantity"); quantity.IsPositive() {
				k := stockKey{num(l, "ProductId"), s.shipsFrom(o, l)}
				in[k] = in[k].Add(quantity)
			}
		}
	}
	return out
}

// shipsFrom is the warehouse of an order's line.
func (s *Simulator) shipsFrom(o *order, l map[string]any) string {
	channel := Channel{OUN: o.oun}
	if at := slices.IndexFunc(s.opts.Channels, func(ch Channel) bool { return ch.OUN == o.oun }); at >= 0 {
		channel = s.opts.Channels[at]
	}
	return cmp.Or(str(l, "InventoryLocationId"), str(o.members, "InventoryLocationId"), channel.Warehouse, channel.OUN)
}

func (s shelves) of(k stockKey) shelf {
	st, known := s.options.stock[k]
	if master := s.options.products[k.product]; !known && len(master.Variants) == 0 {
		st.Quantity = s.options.DefaultStock
	}
	out := shelf{unposted: s.unposted[k]}
	out.physical, _ = toDecimal(st.Quantity)
	out.reserved, _ = toDecimal(st.Reserved)
	out.incoming, _ = toDecimal(st.Ordered)
	out.reserved = out.reserved.Add(s.reserved[k])
	return out
}

// level finds the highest level that an amount is above.
func (o Options) level(of decimal.Decimal) (found InventoryLevel) {
	var highest decimal.Decimal
	for _, l := range o.InventoryLevels {
		above, _ := toDecimal(l.Above)
		if of.GreaterThan(above) && (found.Code == "" || above.GreaterThan(highest)) {
			found, highest = l, above
		}
	}
	return found
}
