package csu

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// DefaultProducts is how many products a simulator has that was told none.
const DefaultProducts = 100

const (
	firstProduct = 68719490000 // record id; the others follow
	firstVariant = 68719600000 // record id of the first product's first
)

// Product is one that the channel sells. Its price is no part of what it is: a change of price is no change of the product (inferred).
type Product struct {
	RecordID int64       `json:"recordId"`
	ItemID   string      `json:"itemId"`
	Name     string      `json:"name"`
	Unit     string      `json:"unit"`              // of sale
	Price    json.Number `json:"price"`             // of one, in the channel's currency
	Blocked  bool        `json:"blocked,omitempty"` // cannot be sold

	Number      string      `json:"number,omitempty"`     // product number; default: the item id
	SearchName  string      `json:"searchName,omitempty"` // default: the name
	Description string      `json:"description,omitempty"`
	Units       []string    `json:"units,omitempty"` // in which it may be sold; default: Unit
	Kit         bool        `json:"kit,omitempty"`
	Categories  []int64     `json:"categories,omitempty"` // the first is its primary one
	Attributes  []Attribute `json:"attributes,omitempty"`
	Images      []Image     `json:"images,omitempty"`
	Linked      []int64     `json:"linked,omitempty"`   // products that are sold with it
	Related     []int64     `json:"related,omitempty"`  // products that are shown beside it
	Variants    []Variant   `json:"variants,omitempty"` // with any, it is a master

	Channels  []string  `json:"channels,omitempty"` // operating units in whose assortment it is; none: in every one's
	Activates time.Time `json:"activates,omitzero"` // not sold before; zero: always
	Blocks    time.Time `json:"blocks,omitzero"`    // not sold after; zero: never

	dimension  string // of a variant
	dimensions []dimensionRow
}

// Variant is what is sold of a master.
type Variant struct {
	RecordID  int64       `json:"recordId"`
	Number    string      `json:"number,omitempty"`    // product number; default: the master's, and its dimensions
	ItemID    string      `json:"itemId,omitempty"`    // default: the master's
	Dimension string      `json:"dimension,omitempty"` // inventory dimension id; default: made from the record id
	Color     string      `json:"color,omitempty"`
	Size      string      `json:"size,omitempty"`
	Style     string      `json:"style,omitempty"`
	Config    string      `json:"config,omitempty"`
	Price     json.Number `json:"price,omitempty"` // default: the master's
	Images    []Image     `json:"images,omitempty"`
}

// Attribute is what is known of a product under a name.
type Attribute struct {
	Key    string            `json:"key"`              // the same in every language
	Names  map[string]string `json:"names,omitempty"`  // by language; default: Key
	Values map[string]string `json:"values,omitempty"` // by language; that of "" is the value in all others
	Unit   string            `json:"unit,omitempty"`
	Type   int               `json:"type,omitempty"` // AttributeDataType; 0: text
}

// Image is where a picture is.
type Image struct {
	URL string `json:"url"`
	Alt string `json:"alt,omitempty"`
}

// MakeProducts makes n products: the i-th, from 0, has record id 68719490000 + i and item id P000001 + i. They are in the categories of
// DefaultCategories by turns.
func MakeProducts(n int) []Product {
	out := make([]Product, n)
	for i := range out {
		out[i] = Product{RecordID: firstProduct + int64(i), ItemID: fmt.Sprintf("P%06d", i+1), Name: fmt.Sprintf("Product %d", i+1), Unit: "ea",
			Price:      json.Number(fmt.Sprintf("%d.%02d", i%90+1, i*7%100)),
			Categories: []int64{firstCategory + 2 + int64(i%3)}}
	}
	return out
}

// MakeVariants makes a product the master of a variant in each colour and size. They have record ids 68719600000 + 100 for each product before
// it, and the master's price.
func MakeVariants(p Product, colors, sizes []string) Product {
	first := firstVariant + 100*(p.RecordID-firstProduct)
	for _, color := range colors {
		for _, size := range sizes {
			p.Variants = append(p.Variants, Variant{RecordID: first + int64(len(p.Variants)), Color: color, Size: size})
		}
	}
	return p
}

type productRow struct {
	RecordID             int64       `json:"RecordId"`
	ItemID               string      `json:"ItemId"`
	Name                 string      `json:"Name"`
	ProductNumber        string      `json:"ProductNumber,omitempty"`
	MasterProductID      int64       `json:"MasterProductId,omitempty"`
	ProductTypeValue     int         `json:"ProductTypeValue"`
	DefaultUnitOfMeasure string      `json:"DefaultUnitOfMeasure"`
	BasePrice            json.Number `json:"BasePrice"`
	Price                json.Number `json:"Price"`
	AdjustedPrice        json.Number `json:"AdjustedPrice"`

	Dimensions []dimensionRow `json:"Dimensions"`
}

// dimensionRow is one by which a variant differs from others.
type dimensionRow struct {
	Type  int            `json:"DimensionTypeValue"`
	Value dimensionValue `json:"DimensionValue"`
}

type dimensionValue struct {
	RecordID int64  `json:"RecordId"`
	Value    string `json:"Value"`
	ID       string `json:"DimensionId"`
}

// rows are the variant's dimensions, as ProductDimensionType numbers them. That the id says the same as the value is inferred.
func (v Variant) rows() []dimensionRow {
	rows := []dimensionRow{}
	for i, value := range []string{v.Color, v.Config, v.Size, v.Style} {
		if value != "" {
			rows = append(rows, dimensionRow{i + 1, dimensionValue{int64(len(rows) + 1), value, value}})
		}
	}
	return rows
}

// productsByIDs answers Products/GetByIds: those that are there, in the order asked for, each once.
func (c *call) productsByIDs() (reply, *apiError) {
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if err := strictMembers("the request", body, "channelId", "productIds"); err != nil {
		return reply{}, err
	}
	if _, given := body["channelId"].(json.Number); !given {
		return reply{}, badRequest(idMissingArgument, "channelId is missing")
	}
	ids, ok := body["productIds"].([]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "productIds is missing")
	}
	o := c.sim.options()
	rows, seen := []productRow{}, map[int64]bool{}
	for _, id := range ids {
		n, ok := id.(json.Number)
		if !ok {
			return reply{}, badRequest(idBadRequest, "productIds is a list of numbers")
		}
		key, bad := n.Int64()
		p, sold := o.sold(key, c.oun)
		if bad != nil || !sold || seen[key] {
			continue
		}
		seen[key] = true
		rows = append(rows, o.simple(p))
	}
	return pageOf(c, "SimpleProduct", rows)
}

// simple is a product, or a variant, as a row of SimpleProduct.
func (o Options) simple(p Product) productRow {
	master := o.masters[p.RecordID]
	row := productRow{p.RecordID, p.ItemID, p.Name, p.number(), master, p.kind(master), p.Unit, p.Price, p.Price, p.Price, p.dimensions}
	if o.Unnumbered {
		row.ProductNumber = ""
	}
	return row
}

// The values of ProductType.
const (
	typeKitMaster  = 1
	typeMaster     = 3
	typeStandalone = 4
	typeVariant    = 5
)

func (p Product) kind(master int64) int {
	switch {
	case master != 0:
		return typeVariant
	case p.Kit:
		return typeKitMaster
	case len(p.Variants) > 0:
		return typeMaster
	}
	return typeStandalone
}

func (p Product) number() string { return cmp.Or(p.Number, p.ItemID) }

// productsByID are all that can be sold, variants too, and the masters of those.
func (o Options) productsByID() (products map[int64]Product, masters map[int64]int64) {
	products, masters = make(map[int64]Product, len(o.Products)), map[int64]int64{}
	for _, p := range o.Products {
		products[p.RecordID] = p
		for _, v := range p.Variants {
			products[v.RecordID], masters[v.RecordID] = p.sold(v), p.RecordID
		}
	}
	return products, masters
}

// sold is a variant as a product of its own.
func (p Product) sold(v Variant) Product {
	return Product{RecordID: v.RecordID, ItemID: cmp.Or(v.ItemID, p.ItemID), Name: p.Name, Unit: p.Unit, Price: cmp.Or(v.Price, p.Price), Blocked: p.Blocked,
		Number: v.number(p), dimension: v.dimensionID(), dimensions: v.rows(), Units: p.Units, Channels: p.Channels, Activates: p.Activates, Blocks: p.Blocks}
}

// sold gives a product, or a variant, that is in a channel's assortment.
func (o Options) sold(id int64, oun string) (Product, bool) {
	p, known := o.products[id]
	return p, known && (len(p.Channels) == 0 || slices.Contains(p.Channels, oun))
}

func (v Variant) number(p Product) string {
	if v.Number != "" {
		return v.Number
	}
	number := p.number()
	for _, d := range []string{v.Config, v.Size, v.Color, v.Style} {
		if d != "" {
			number += " : " + d
		}
	}
	return number
}
