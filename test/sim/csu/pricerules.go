package csu

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// PriceKind is what a price rule does.
type PriceKind string

// The kinds, in the order in which they apply.
const (
	Agreement  PriceKind = "agreement"  // a sales price agreed in headquarters, instead of the base price
	Adjustment PriceKind = "adjustment" // a price adjustment, instead of what came before
	Discount   PriceKind = "discount"   // a simple discount, off what came before
)

// PriceRule changes the price of a product. Of those of a kind that apply, the one that is best for the customer counts (inferred: headquarters can
// be set up otherwise). Rules are for active prices; carts go by base prices.
type PriceRule struct {
	ID          string      `json:"id"` // the same again replaces it
	Kind        PriceKind   `json:"kind"`
	Product     int64       `json:"product"`
	Price       json.Number `json:"price,omitempty"`   // agreement and adjustment: of one
	Percent     json.Number `json:"percent,omitempty"` // discount
	Customer    string      `json:"customer,omitempty"`
	Affiliation int64       `json:"affiliation,omitempty"`
	From        time.Time   `json:"from,omitzero"`  // zero: always
	Until       time.Time   `json:"until,omitzero"` // not any more then; zero: for good
}

// SetPrice sets the base price of a product or a variant, and says whether it is there.
func (s *Simulator) SetPrice(product int64, price json.Number) (there bool) {
	s.Configure(func(o *Options) {
		o.Products = slices.Clone(o.Products)
		for i := range o.Products {
			p := &o.Products[i]
			if p.RecordID == product {
				p.Price, there = price, true
			}
			p.Variants = slices.Clone(p.Variants)
			for j := range p.Variants {
				if p.Variants[j].RecordID == product {
					p.Variants[j].Price, there = price, true
				}
			}
		}
	})
	return there
}

// PutPriceRules adds rules, or replaces those with the same ids.
func (s *Simulator) PutPriceRules(rules ...PriceRule) error {
	for _, r := range rules {
		if err := r.check(); err != nil {
			return err
		}
	}
	s.Configure(func(o *Options) {
		o.PriceRules = slices.DeleteFunc(slices.Clone(o.PriceRules), func(was PriceRule) bool {
			return slices.ContainsFunc(rules, func(r PriceRule) bool { return r.ID == was.ID })
		})
		o.PriceRules = append(o.PriceRules, rules...)
	})
	return nil
}

func (r PriceRule) check() error {
	amount, wanted := r.Price, "price"
	if r.Kind == Discount {
		amount, wanted = r.Percent, "percent"
	}
	value, given := toDecimal(amount)
	switch {
	case r.ID == "" || r.Product == 0:
		return fmt.Errorf("a price rule needs an id and a product")
	case !slices.Contains([]PriceKind{Agreement, Adjustment, Discount}, r.Kind):
		return fmt.Errorf("%q is no kind of price rule", r.Kind)
	case !given || value.IsNegative() || r.Kind == Discount && value.GreaterThan(decimal.NewFromInt(100)):
		return fmt.Errorf("a price rule of kind %s needs a %s", r.Kind, wanted)
	}
	return nil
}

// RemovePriceRules takes rules away, and says how many were there.
func (s *Simulator) RemovePriceRules(ids ...string) (n int) {
	s.Configure(func(o *Options) {
		o.PriceRules = slices.DeleteFunc(slices.Clone(o.PriceRules), func(r PriceRule) bool {
			if slices.Contains(ids, r.ID) {
				n++
				return true
			}
			return false
		})
	})
	return n
}

// PriceRules lists them.
func (s *Simulator) PriceRules() []PriceRule { return append([]PriceRule{}, s.options().PriceRules...) }

// asker is for whom, and when, a price is.
type asker struct {
	at           time.Time
	customer     string
	affiliations []int64
	discounts    bool // simple ones count
}

// applies says whether a rule counts: for everybody, or for the asker in particular.
func (a asker) applies(r PriceRule, personal bool) bool {
	if !r.From.IsZero() && a.at.Before(r.From) || !r.Until.IsZero() && !a.at.Before(r.Until) {
		return false
	}
	if r.Customer == "" && r.Affiliation == 0 {
		return true
	}
	return personal && (r.Customer == "" || r.Customer == a.customer) && (r.Affiliation == 0 || slices.Contains(a.affiliations, r.Affiliation))
}

// prices are the steps from the released product's price to that in the asker's context.
type prices struct {
	base, agreement, adjusted, contextual decimal.Decimal
	discount                              *PriceRule // that counted
}

func (a asker) prices(base decimal.Decimal, rules []PriceRule) prices {
	out := prices{base: base}
	out.agreement, out.adjusted = a.fixed(base, rules, false)
	_, out.contextual = a.fixed(base, rules, true)
	if !a.discounts {
		return out
	}
	best := decimal.Zero
	for i, r := range rules {
		if percent, _ := toDecimal(r.Percent); r.Kind == Discount && a.applies(r, true) && percent.GreaterThan(best) {
			best, out.discount = percent, &rules[i]
		}
	}
	out.contextual = out.contextual.Sub(out.contextual.Mul(best).Shift(-2).Round(2))
	return out
}

// fixed gives the price after agreements, and that after adjustments.
func (a asker) fixed(base decimal.Decimal, rules []PriceRule, personal bool) (agreed, adjusted decimal.Decimal) {
	lowest := func(kind PriceKind, otherwise decimal.Decimal) decimal.Decimal {
		price, found := otherwise, false
		for _, r := range rules {
			if value, _ := toDecimal(r.Price); r.Kind == kind && a.applies(r, personal) && (!found || value.LessThan(price)) {
				price, found = value, true
			}
		}
		return price
	}
	agreed = lowest(Agreement, base)
	return agreed, lowest(Adjustment, agreed)
}
