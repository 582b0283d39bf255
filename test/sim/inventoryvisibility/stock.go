package inventoryvisibility

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Stock is what a place has of a product in one combination of dimensions.
type Stock struct {
	Organization string            `json:"organization"`
	Product      string            `json:"product"`
	Site         string            `json:"site"`
	Location     string            `json:"location"`
	Dimensions   map[string]string `json:"dimensions,omitempty"` // further ones, such as colorId

	OnHand   decimal.Decimal `json:"onHand"`
	Reserved decimal.Decimal `json:"reserved"` // by headquarters
	Ordered  decimal.Decimal `json:"ordered"`  // on its way in

	soft decimal.Decimal
}

// key names a row of stock.
type key struct{ organization, product, site, location, dimensions string }

func keyOf(organization, product string, dimensions map[string]string) key {
	d := lower(dimensions)
	site, location := d["siteid"], d["locationid"]
	var more []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if name != "siteid" && name != "locationid" && d[name] != "" {
			more = append(more, name+"="+strings.ToLower(d[name]))
		}
	}
	return key{strings.ToLower(organization), product, strings.ToLower(site), strings.ToLower(location), strings.Join(more, ",")}
}

func lower(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[strings.ToLower(k)] = v
	}
	return out
}

// Put sets what places have. What is reserved softly stays.
func (s *Simulator) Put(rows ...Stock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		d := maps.Clone(row.Dimensions)
		if d == nil {
			d = map[string]string{}
		}
		d["siteId"], d["locationId"] = row.Site, row.Location
		k := keyOf(row.Organization, row.Product, d)
		if old, there := s.rows[k]; there {
			row.soft = old.soft
		} else {
			s.order = append(s.order, k)
		}
		s.rows[k] = &row
	}
}

// Remove forgets rows of a product at a location.
func (s *Simulator) Remove(product, location string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = slices.DeleteFunc(s.order, func(k key) bool {
		gone := k.product == product && k.location == strings.ToLower(location)
		if gone {
			delete(s.rows, k)
		}
		return gone
	})
}

// SoftReserved is how much of a product is reserved softly at a location.
func (s *Simulator) SoftReserved(product, location string) decimal.Decimal {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := decimal.Zero
	for k, row := range s.rows {
		if k.product == product && k.location == strings.ToLower(location) {
			sum = sum.Add(row.soft)
		}
	}
	return sum
}

// available is what can still be reserved.
func (r *Stock) available() decimal.Decimal { return r.OnHand.Sub(r.Reserved).Sub(r.soft) }

type queryDoc struct {
	DataSource string                     `json:"dimensionDataSource"`
	Filters    map[string]json.RawMessage `json:"filters"`
	GroupBy    []string                   `json:"groupByValues"`
	Negative   bool                       `json:"returnNegative"`
}

// query answers both kinds.
func (c *call) query(exact bool) reply {
	var q queryDoc
	if json.Unmarshal(c.body, &q) != nil {
		return refuse(http.StatusBadRequest, "that is no query")
	}
	var organizations, products []string
	if json.Unmarshal(q.Filters["organizationId"], &organizations) != nil || len(organizations) != 1 || json.Unmarshal(q.Filters["productId"], &products) != nil {
		return refuse(http.StatusBadRequest, "a query has one organization, and products")
	}
	places, ok := q.places(exact)
	if !ok || len(places) > 100 || len(products) > 5000 {
		return refuse(http.StatusBadRequest, "a query has sites and locations, and not too many")
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return reply{status: http.StatusOK, body: c.sim.grouped(strings.ToLower(organizations[0]), products, places, q)}
}

// places are the pairs of site and location that are asked for.
func (q queryDoc) places(exact bool) (map[[2]string]bool, bool) {
	out := map[[2]string]bool{}
	if exact {
		var dimensions []string
		var values [][]string
		if json.Unmarshal(q.Filters["dimensions"], &dimensions) != nil || json.Unmarshal(q.Filters["values"], &values) != nil {
			return nil, false
		}
		site := slices.IndexFunc(dimensions, func(d string) bool { return strings.EqualFold(d, "siteId") })
		location := slices.IndexFunc(dimensions, func(d string) bool { return strings.EqualFold(d, "locationId") })
		for _, tuple := range values {
			if site < 0 || location < 0 || len(tuple) != len(dimensions) {
				return nil, false
			}
			out[[2]string{strings.ToLower(tuple[site]), strings.ToLower(tuple[location])}] = true
		}
		return out, len(out) > 0
	}
	var sites, locations []string
	if json.Unmarshal(q.Filters["siteId"], &sites) != nil || json.Unmarshal(q.Filters["locationId"], &locations) != nil {
		return nil, false
	}
	for _, site := range sites {
		for _, location := range locations {
			out[[2]string{strings.ToLower(site), strings.ToLower(location)}] = true
		}
	}
	return out, len(out) > 0
}

type onHandDoc struct {
	Product    string                                `json:"productId"`
	Dimensions map[string]string                     `json:"dimensions"`
	Quantities map[string]map[string]json.RawMessage `json:"quantities"`
}

// grouped sums the rows up by the dimensions that are asked for.
func (s *Simulator) grouped(organization string, products []string, places map[[2]string]bool, q queryDoc) []onHandDoc {
	type group struct {
		row Stock
		dim map[string]string
	}
	groups, order := map[string]*group{}, []string{}
	for _, k := range s.order {
		row := s.rows[k]
		if k.organization != organization || len(products) > 0 && !slices.Contains(products, k.product) || !places[[2]string{k.site, k.location}] {
			continue
		}
		dim := map[string]string{"siteid": row.Site, "locationid": row.Location}
		for _, name := range q.GroupBy {
			if value := lower(row.Dimensions)[strings.ToLower(name)]; value != "" {
				dim[strings.ToUpper(name[:1])+name[1:]] = value
			}
		}
		id := k.product + "|" + keyOf("", "", dim).dimensions + "|" + k.site + "|" + k.location
		g, there := groups[id]
		if !there {
			g = &group{row: Stock{Product: k.product}, dim: dim}
			groups[id], order = g, append(order, id)
		}
		g.row.OnHand, g.row.Reserved, g.row.Ordered, g.row.soft = g.row.OnHand.Add(row.OnHand), g.row.Reserved.Add(row.Reserved), g.row.Ordered.Add(row.Ordered), g.row.soft.Add(row.soft)
	}
	out := []onHandDoc{}
	for _, id := range order {
		g := groups[id]
		if g.row.available().IsNegative() && !q.Negative {
			continue
		}
		out = append(out, onHandDoc{g.row.Product, g.dim, g.row.quantities()})
	}
	return out
}

func (r *Stock) quantities() map[string]map[string]json.RawMessage {
	number := func(d decimal.Decimal) json.RawMessage { return json.RawMessage(d.String()) }
	return map[string]map[string]json.RawMessage{
		"fno": {"physicalinvent": number(r.OnHand), "reservphysical": number(r.Reserved), "ordered": number(r.Ordered)},
		"iv":  {"softreservordered": number(r.soft), "availabletoreserve": number(r.available()), "totalavailable": number(r.available().Add(r.Ordered))},
	}
}
