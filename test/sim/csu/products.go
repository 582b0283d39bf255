package csu

import (
	"encoding/json"
	"fmt"
)

// DefaultProducts is how many products a simulator has that was told none.
const DefaultProducts = 100

const firstProduct = 68719490000 // record id; the others follow

// Product is one that the channel sells.
type Product struct {
	RecordID int64
	ItemID   string
	Name     string
	Unit     string      // of sale
	Price    json.Number // of one, in the channel's currency
	Blocked  bool        // cannot be sold
}

// MakeProducts makes n products: the i-th, from 0, has record id 68719490000 + i and item id P000001 + i.
func MakeProducts(n int) []Product {
	out := make([]Product, n)
	for i := range out {
		out[i] = Product{RecordID: firstProduct + int64(i), ItemID: fmt.Sprintf("P%06d", i+1), Name: fmt.Sprintf("Product %d", i+1), Unit: "ea",
			Price: json.Number(fmt.Sprintf("%d.%02d", i%90+1, i*7%100))}
	}
	return out
}

type productRow struct {
	RecordID             int64       `json:"RecordId"`
	ItemID               string      `json:"ItemId"`
	Name                 string      `json:"Name"`
	ProductTypeValue     int         `json:"ProductTypeValue"`
	DefaultUnitOfMeasure string      `json:"DefaultUnitOfMeasure"`
	BasePrice            json.Number `json:"BasePrice"`
	Price                json.Number `json:"Price"`
	AdjustedPrice        json.Number `json:"AdjustedPrice"`
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
	all, rows, seen := c.sim.options().products, []productRow{}, map[int64]bool{}
	for _, id := range ids {
		n, ok := id.(json.Number)
		if !ok {
			return reply{}, badRequest(idBadRequest, "productIds is a list of numbers")
		}
		key, bad := n.Int64()
		p, known := all[key]
		if bad != nil || !known || seen[key] {
			continue
		}
		seen[key] = true
		rows = append(rows, productRow{p.RecordID, p.ItemID, p.Name, 0, p.Unit, p.Price, p.Price, p.Price})
	}
	return pageOf(c, "SimpleProduct", rows)
}

func (o Options) productsByID() map[int64]Product {
	out := make(map[int64]Product, len(o.Products))
	for _, p := range o.Products {
		out[p.RecordID] = p
	}
	return out
}
