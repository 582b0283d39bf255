package csuclient

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// NumberedProduct is a product as far as it says which one it is.
type NumberedProduct struct {
	ID     int64
	Number string // product number: one product's, master's or variant's in all of D365; empty where the CSU is too old to say it here
	ItemID string // that variants share with their master; often, but not always, what is also the number
	Master bool   // its variants are sold, not itself
}

// ProductsOfItems gives the channel's products of those item ids: a stand-alone product, or a master without its variants. It takes a call for
// each fifty. What is not in the assortment is left out; a CSU may also answer ErrNotFound for all of a call.
//
// It is Products/GetByLookupClauses, which the metadata of 10.0.13 has. That a clause may have an item alone is from ProductLookupClause's
// constructor; Microsoft's guide to product requests recommends this look-up over Products/Search, which costs the CSU more.
func (ch *Channel) ProductsOfItems(ctx context.Context, items []string) ([]NumberedProduct, error) {
	var all []NumberedProduct
	if slices.Contains(items, "") {
		return nil, opProductsOfItems.bug("no item id")
	}
	for some := range slices.Chunk(items, productsAtOnce) {
		unit, err := ch.OrgUnit(ctx)
		if err != nil {
			return nil, err
		}
		clauses := make([]wireClause, len(some))
		for i, item := range some {
			clauses[i] = wireClause{item}
		}
		// An item may have more rows than one, if the CSU gives its variants, too.
		rows, err := list[wireSimple](ctx, ch, call{op: opProductsOfItems, method: http.MethodPost, path: "Products/GetByLookupClauses",
			query: fmt.Sprintf("&$top=%d", tablePage), body: map[string]any{"channelId": unit.ChannelID, "productLookupClauses": clauses}})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all = append(all, NumberedProduct{r.RecordID, r.ProductNumber, r.ItemID, r.ProductTypeValue == typeMaster || r.ProductTypeValue == typeKitMaster})
		}
	}
	return all, nil
}

// SearchProducts gives a page of what a search by keyword finds in the channel, in the CSU's order. It is fuzzy: what it looks at, and how, is
// not documented, so a caller compares what it gets. A page that is not full is the last.
//
// It is Products/SearchByCriteria, which Microsoft's samples page by $top and $skip.
func (ch *Channel) SearchProducts(ctx context.Context, keyword string, skip, top int) ([]NumberedProduct, error) {
	if keyword == "" || skip < 0 || top < 1 || top > tablePage {
		return nil, opProductsKeyword.bug("nothing to search for, or no page that may be asked for")
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := list[wireSimple](ctx, ch, call{op: opProductsKeyword, method: http.MethodPost, path: "Products/SearchByCriteria",
		query: fmt.Sprintf("&$top=%d&$skip=%d", top, skip),
		body:  map[string]any{"searchCriteria": map[string]any{"SearchCondition": keyword, "Context": wireDomain{unit.ChannelID, 0}}}})
	if err != nil {
		return nil, err
	}
	all := make([]NumberedProduct, len(rows))
	for i, r := range rows {
		all[i] = NumberedProduct{r.RecordID, r.ProductNumber, r.ItemID, r.IsMasterProduct}
	}
	return all, nil
}

// NumbersOf gives products by their ids, and the variants of masters, with the numbers that whole products say in every version. What is not in
// the assortment is left out. It takes a call for each fifty, and more where the answers are too large.
func (ch *Channel) NumbersOf(ctx context.Context, ids []int64) ([]NumberedProduct, error) {
	whole, err := ch.wholeProducts(ctx, 0, ids, false)
	if err != nil {
		return nil, err
	}
	var all []NumberedProduct
	for _, p := range whole {
		all = append(all, NumberedProduct{p.ID, p.Number, p.ItemID, p.Master})
		for _, v := range p.Variants {
			if v.ID != 0 { // else it cannot be named
				all = append(all, NumberedProduct{ID: v.ID, Number: v.Number, ItemID: v.ItemID})
			}
		}
	}
	return all, nil
}

// wireClause looks an item up.
type wireClause struct {
	ItemID string `json:"ItemId"`
}

// wireSimple is what SimpleProduct and ProductSearchResult say of which product they are; the type is the former's, IsMasterProduct the latter's.
type wireSimple struct {
	RecordID         int64  `json:"RecordId"`
	ItemID           string `json:"ItemId"`
	ProductNumber    string
	ProductTypeValue int
	IsMasterProduct  bool
}

// Of ProductType.
const (
	typeKitMaster = 1
	typeMaster    = 3
)
