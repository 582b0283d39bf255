package inventoryvisibility

import (
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// The limits of a query. The first is far below the documented 5,000, to keep answers small.
const (
	productsAtOnce = 500
	placesAtOnce   = 100 // pairs of site and location
)

// The names of the partition's dimensions, which queries and reservations must have.
const (
	dimensionSite     = "siteId"
	dimensionLocation = "locationId"
)

// Place is a warehouse, which the service calls a location, and the site that it belongs to.
type Place struct{ Site, Location string }

// Same says whether two are one: case does not count.
func (p Place) Same(other Place) bool {
	return strings.EqualFold(p.Site, other.Site) && strings.EqualFold(p.Location, other.Location)
}

// Query asks how much there is of products at places.
type Query struct {
	Organization string // the legal entity
	Products     []string
	Places       []Place
	GroupBy      []string // further dimensions that rows are told apart by
	DataSource   string   // whose names of dimensions are used; empty: the base dimensions
}

// OnHand is what a place has of a product, and of one combination of the dimensions that were grouped by. Names are in lower case: the service
// does not keep to one.
type OnHand struct {
	Product    string
	Place      Place
	Dimensions map[string]string
	quantities map[string]map[string]decimal.Decimal
}

// Quantity is a measure of a data source. One that is not there is zero: the service leaves out what it never heard of.
func (o OnHand) Quantity(source, measure string) decimal.Decimal {
	return o.quantities[strings.ToLower(source)][strings.ToLower(measure)]
}

type wireFilters struct {
	Organization []string   `json:"organizationId"`
	Products     []string   `json:"productId"`
	Sites        []string   `json:"siteId,omitempty"`
	Locations    []string   `json:"locationId,omitempty"`
	Dimensions   []string   `json:"dimensions,omitempty"`
	Values       [][]string `json:"values,omitempty"`
}

type wireQuery struct {
	DataSource     string      `json:"dimensionDataSource,omitempty"`
	Filters        wireFilters `json:"filters"`
	GroupBy        []string    `json:"groupByValues"`
	ReturnNegative bool        `json:"returnNegative"`
}

type wireOnHand struct {
	Product    string                                `json:"productId"`
	Dimensions map[string]string                     `json:"dimensions"`
	Quantities map[string]map[string]decimal.Decimal `json:"quantities"`
}

// OnHand reads what there is, negative quantities too. What the service knows nothing of has no row (inferred).
func (c *Client) OnHand(ctx context.Context, q Query) ([]OnHand, error) {
	if q.Organization == "" || len(q.Products) == 0 || len(q.Places) == 0 { // an empty list of products would mean all of them
		f := fault.New(fault.Permanent, fault.Bug, "a query without an organization, products or places")
		f.Operation = "InventoryVisibility.OnHand"
		return nil, f
	}
	var all []OnHand
	for products := range slices.Chunk(q.Products, productsAtOnce) {
		for places := range slices.Chunk(q.Places, placesAtOnce) {
			rows, err := c.onHand(ctx, q, products, places)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

// onHand asks by the index where the places are of one site; with more, an index query would ask for each location at each site, and there is
// one that takes pairs.
func (c *Client) onHand(ctx context.Context, q Query, products []string, places []Place) ([]OnHand, error) {
	body := wireQuery{DataSource: q.DataSource, Filters: wireFilters{Organization: []string{q.Organization}, Products: products}, GroupBy: slices.Clone(q.GroupBy), ReturnNegative: true}
	path := "/indexquery"
	if oneSite(places) {
		body.Filters.Sites = []string{places[0].Site}
		for _, p := range places {
			body.Filters.Locations = append(body.Filters.Locations, p.Location)
		}
		body.GroupBy = append(body.GroupBy, dimensionSite, dimensionLocation) // documented for exact queries to be added by itself; here not
	} else {
		path = "/exactquery"
		body.Filters.Dimensions = []string{dimensionSite, dimensionLocation}
		for _, p := range places {
			body.Filters.Values = append(body.Filters.Values, []string{p.Site, p.Location})
		}
	}
	if body.GroupBy == nil {
		body.GroupBy = []string{}
	}
	var got []wireOnHand
	if err := c.do(ctx, call{name: "InventoryVisibility.OnHand", path: path, body: body, into: &got}); err != nil {
		return nil, err
	}
	rows := make([]OnHand, len(got))
	for i, w := range got {
		rows[i] = w.onHand()
	}
	return rows, nil
}

func oneSite(places []Place) bool {
	return !slices.ContainsFunc(places, func(p Place) bool { return !strings.EqualFold(p.Site, places[0].Site) })
}

func (w wireOnHand) onHand() OnHand {
	o := OnHand{Product: w.Product, Dimensions: lower(w.Dimensions), quantities: map[string]map[string]decimal.Decimal{}}
	o.Place = Place{o.Dimensions[strings.ToLower(dimensionSite)], o.Dimensions[strings.ToLower(dimensionLocation)]}
	for source, measures := range w.Quantities {
		o.quantities[strings.ToLower(source)] = lower(measures)
	}
	return o
}

func lower[V any](m map[string]V) map[string]V {
	out := make(map[string]V, len(m))
	for k, v := range m {
		out[strings.ToLower(k)] = v
	}
	return out
}
