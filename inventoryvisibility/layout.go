package inventoryvisibility

import (
	"slices"
	"strings"
)

// Layout is what the service calls what we ask of.
type Layout struct {
	Warehouses []Warehouse
	DataSource string // whose names of dimensions are used; empty: the base dimensions
	// The names of the dimensions of variants; empty: those of the base dimensions.
	Color, Size, Style, Config string
}

// Warehouse is a place of a legal entity.
type Warehouse struct {
	Organization string
	Place
}

// ParseWarehouse reads LEGALENTITY/SITE/WAREHOUSE.
func ParseWarehouse(text string) (Warehouse, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return Warehouse{}, false
	}
	return Warehouse{parts[0], Place{parts[1], parts[2]}}, true
}

// At lists the warehouses of a legal entity, as the table has them: all, or only those of the names given.
func (l Layout) At(legalEntity string, only ...string) (all []Warehouse) {
	for _, w := range l.Warehouses {
		named := len(only) == 0 || slices.ContainsFunc(only, func(name string) bool { return strings.EqualFold(name, w.Location) })
		if named && strings.EqualFold(w.Organization, legalEntity) {
			all = append(all, w)
		}
	}
	return all
}

// Variant is what tells variants of an item apart.
type Variant struct{ Color, Size, Style, Config string }

// Names are those of the dimensions of variants.
func (l Layout) names() [4]string {
	names := [4]string{l.Color, l.Size, l.Style, l.Config}
	for i, usual := range [4]string{"colorId", "sizeId", "styleId", "configId"} {
		if names[i] == "" {
			names[i] = usual
		}
	}
	return names
}

// Dimensions are a variant's, by the service's names; nil of a product without variants.
func (l Layout) Dimensions(v Variant) map[string]string {
	var all map[string]string
	for i, value := range [4]string{v.Color, v.Size, v.Style, v.Config} {
		if value == "" {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[l.names()[i]] = value
	}
	return all
}

// Of reads the variant that a row is of.
func (l Layout) Of(o OnHand) Variant {
	var values [4]string
	for i, name := range l.names() {
		values[i] = o.Dimensions[strings.ToLower(name)]
	}
	return Variant{values[0], values[1], values[2], values[3]}
}

// Same says whether two variants are one: the service and the CSU need not agree on case.
func (v Variant) Same(other Variant) bool {
	return strings.EqualFold(v.Color, other.Color) && strings.EqualFold(v.Size, other.Size) && strings.EqualFold(v.Style, other.Style) && strings.EqualFold(v.Config, other.Config)
}

// Measure is a quantity of a data source.
type Measure struct{ Source, Name string }

// ParseMeasure reads SOURCE.NAME.
func ParseMeasure(text string) (Measure, bool) {
	source, name, _ := strings.Cut(text, ".")
	return Measure{source, name}, source != "" && name != ""
}
