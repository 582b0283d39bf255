package csu

import "encoding/json"

// productsByClauses answers Products/GetByLookupClauses: those that are there, in the order asked for, each once. An item without a dimension is
// its stand-alone product or its master, and with one the variant that has it (inferred: the metadata names the members alone). Nothing here has
// a barcode.
func (c *call) productsByClauses() (reply, *apiError) {
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if err := strictMembers("the request", body, "channelId", "productLookupClauses"); err != nil {
		return reply{}, err
	}
	if _, given := body["channelId"].(json.Number); !given {
		return reply{}, badRequest(idMissingArgument, "channelId is missing")
	}
	if _, list := body["productLookupClauses"].([]any); !list {
		return reply{}, badRequest(idMissingArgument, "productLookupClauses is missing")
	}
	clauses := entries(body, "productLookupClauses")
	for _, clause := range clauses {
		if err := strictMembers("a clause", clause, "ItemId", "InventDimensionId", "Barcode", "ExtensionProperties"); err != nil {
			return reply{}, err
		}
		if str(clause, "ItemId") == "" && str(clause, "Barcode") == "" {
			return reply{}, invalid(idRequired, "a clause needs an ItemId or a Barcode")
		}
	}
	o := c.sim.options()
	items := o.itemised()
	rows, seen := []productRow{}, map[int64]bool{}
	for _, clause := range clauses[:min(len(clauses), mostIDs)] {
		id, known := items[itemKey{str(clause, "ItemId"), str(clause, "InventDimensionId")}]
		p, sold := o.sold(id, c.oun)
		if !known || !sold || seen[id] {
			continue
		}
		seen[id] = true
		rows = append(rows, o.simple(p))
	}
	return pageOf(c, "SimpleProduct", rows)
}

type itemKey struct{ item, dimension string }

// itemised are the record ids of all that can be sold, by item, and variants by their dimension too.
func (o Options) itemised() map[itemKey]int64 {
	items := make(map[itemKey]int64, len(o.products))
	for id, p := range o.products {
		items[itemKey{p.ItemID, p.dimension}] = id
	}
	return items
}
