package config

import (
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/inventoryvisibility"
)

// The choices of inventory.source, orders.reserve and orders.when_short.
const (
	SourceCSU        = "csu"
	SourceVisibility = "visibility"

	ReserveNone       = "none"
	ReserveVisibility = "visibility"

	ShortRefuse = "refuse"
	ShortGoOn   = "go_on"
)

// UsesVisibility says whether anything may be asked of Inventory Visibility: if only to free what was reserved before.
func (c *Config) UsesVisibility() bool {
	return c.Inventory.Source == SourceVisibility || c.Reserves() || c.Inventory.Visibility.URL != ""
}

// Reserves says whether orders are reserved softly.
func (c *Config) Reserves() bool { return c.Orders.Reserve == ReserveVisibility }

// visibility is what must hold of Inventory Visibility: its keys are needed only where it is used, but what is there must be right.
func visibility() (all []relation) {
	one := func(key string, wrong func(c *Config) []wrong) { all = append(all, relation{[]string{key}, wrong}) }
	choice := func(key string, of func(c *Config) string, choices ...string) {
		one(key, func(c *Config) []wrong {
			return unless(slices.Contains(choices, of(c)), show(of(c))+" is no choice", "use "+strings.Join(choices, " or "))
		})
	}
	choice("inventory.source", func(c *Config) string { return c.Inventory.Source }, SourceCSU, SourceVisibility)
	choice("orders.reserve", func(c *Config) string { return c.Orders.Reserve }, ReserveNone, ReserveVisibility)
	choice("orders.when_short", func(c *Config) string { return c.Orders.WhenShort }, ShortRefuse, ShortGoOn)
	needed := func(key string, lacks func(v Visibility) bool, wrongly func(v Visibility) []wrong) {
		one("inventory.visibility."+key, func(c *Config) []wrong {
			if lacks(c.Inventory.Visibility) {
				return unless(!c.UsesVisibility(), "is missing, and Inventory Visibility is used (inventory.source, orders.reserve or inventory.visibility.url)", "set it, or use the CSU's stock and no reservations")
			}
			return wrongly(c.Inventory.Visibility)
		})
	}
	for key, of := range map[string]func(v Visibility) string{
		"url": func(v Visibility) string { return v.URL }, "token_url": func(v Visibility) string { return v.TokenURL }, "security_url": func(v Visibility) string { return v.SecurityURL },
	} {
		needed(key, func(v Visibility) bool { return of(v) == "" }, func(v Visibility) []wrong { return address(of(v), v.AllowPlaintext) })
	}
	fine := func(Visibility) []wrong { return nil }
	needed("client_id", func(v Visibility) bool { return v.ClientID == "" }, fine)
	needed("client_secret", func(v Visibility) bool { return v.ClientSecret.IsZero() }, fine)
	needed("environment", func(v Visibility) bool { return v.Environment == "" }, func(v Visibility) []wrong {
		return unless(plainName.MatchString(v.Environment), "is no id of an environment", "copy it from Lifecycle Services or the Power Platform admin centre")
	})
	needed("warehouses", func(v Visibility) bool { return len(v.Warehouses) == 0 }, warehouses)
	for key, of := range measures {
		one("inventory.visibility."+key, func(c *Config) []wrong {
			_, ok := inventoryvisibility.ParseMeasure(of(c.Inventory.Visibility))
			return unless(ok, "is no measure", "write data source, dot, measure, such as iv.availabletoreserve")
		})
	}
	all = append(all, relation{[]string{"orders.reserve_at", "inventory.visibility.warehouses"}, func(c *Config) []wrong {
		at := c.Orders.ReserveAt
		known := slices.ContainsFunc(c.Inventory.Visibility.Warehouses, func(w string) bool {
			is, ok := inventoryvisibility.ParseWarehouse(w)
			return ok && strings.EqualFold(is.Location, at)
		})
		return unless(at == "" || known, show(at)+" is not in inventory.visibility.warehouses", "add it there, with its legal entity and site")
	}})
	slices.SortFunc(all, func(a, b relation) int { return strings.Compare(a.keys[0], b.keys[0]) })
	return all
}

var measures = map[string]func(v Visibility) string{
	"available": func(v Visibility) string { return v.Available }, "total": func(v Visibility) string { return v.Total },
	"on_hand": func(v Visibility) string { return v.OnHand }, "reserved": func(v Visibility) string { return v.Reserved },
	"incoming": func(v Visibility) string { return v.Incoming }, "reserve": func(v Visibility) string { return v.Reserve },
}

func address(text string, allowPlaintext bool) []wrong {
	const do = "write https://host/path; inventory.visibility.allow_plaintext permits http on a network that is encrypted below"
	if err := httpout.CheckURL(text, allowPlaintext); err != nil {
		return []wrong{{err.Error(), do}}
	}
	return unless(!httpout.HasQuery(text), "holds a query", do)
}

func warehouses(v Visibility) (all []wrong) {
	seen := map[string]bool{}
	for _, text := range v.Warehouses {
		_, ok := inventoryvisibility.ParseWarehouse(text)
		all = append(all, unless(ok, show(text)+" is no warehouse", "write LEGALENTITY/SITE/WAREHOUSE, such as USRT/1/HOUSTON")...)
		all = append(all, unless(!seen[strings.ToLower(text)], show(text)+" stands there twice", "name it once")...)
		seen[strings.ToLower(text)] = true
	}
	return all
}

// Layout is what the service calls what we ask of.
func (v Visibility) Layout() inventoryvisibility.Layout {
	l := inventoryvisibility.Layout{DataSource: v.DataSource, Color: v.ColorDimension, Size: v.SizeDimension, Style: v.StyleDimension, Config: v.ConfigDimension}
	for _, text := range v.Warehouses {
		if w, ok := inventoryvisibility.ParseWarehouse(text); ok {
			l.Warehouses = append(l.Warehouses, w)
		}
	}
	return l
}

// Measure reads one of the measures, which have been checked.
func Measure(text string) inventoryvisibility.Measure {
	m, _ := inventoryvisibility.ParseMeasure(text)
	return m
}
