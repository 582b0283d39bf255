package csu

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// mostIDs are looked at in one request; the rest is cut off (inferred: no document gives the number).
const mostIDs = 100

var productsSought = strings.Fields(`Ids CategoryIds IncludeProductsFromDescendantCategories SearchCondition SkipVariantExpansion IncludeAttributes Barcodes
	ItemIds Refinement CustomerAccountNumber RecommendationListId DownloadProductData Context Language IsOnline DataLevelValue`)

// searchProducts answers Products/Search with whole products. A variant's id finds its master (inferred).
func (c *call) searchProducts() (reply, *apiError) {
	criteria, err := c.criteriaOf("productSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	context, err := c.contextOf(criteria, productsSought)
	if err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	found, err := c.productsBy(criteria)
	if err != nil {
		return reply{}, err
	}
	rows, l := []listedRow{}, listing{call: c, context: context, bare: !yes(criteria, "IncludeAttributes")}
	for _, p := range found {
		rows = append(rows, l.row(p))
	}
	return pageOf(c, "Product", rows)
}

type resultRow struct {
	RecordID             int64       `json:"RecordId"`
	ItemID               string      `json:"ItemId"`
	Name                 string      `json:"Name"`
	ProductNumber        string      `json:"ProductNumber,omitempty"`
	Description          string      `json:"Description"`
	BasePrice            json.Number `json:"BasePrice"`
	Price                json.Number `json:"Price"`
	PrimaryImageURL      string      `json:"PrimaryImageUrl"`
	IsMasterProduct      bool        `json:"IsMasterProduct"`
	DefaultUnitOfMeasure string      `json:"DefaultUnitOfMeasure"`
}

// searchByCriteria answers Products/SearchByCriteria.
func (c *call) searchByCriteria() (reply, *apiError) {
	criteria, err := c.criteriaOf("searchCriteria")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.contextOf(criteria, productsSought); err != nil {
		return reply{}, err
	}
	return c.results(criteria)
}

// searchByCategory answers Products/SearchByCategory.
func (c *call) searchByCategory() (reply, *apiError) {
	sent := map[string]any{}
	for _, name := range []string{"channelId", "catalogId", "categoryId"} {
		sent[name] = json.Number(c.args[name])
	}
	if err := needNumbers(sent, "channelId", "catalogId", "categoryId"); err != nil {
		return reply{}, err
	}
	context := map[string]any{"ChannelId": sent["channelId"], "CatalogId": sent["catalogId"]}
	criteria := map[string]any{"Context": context, "CategoryIds": []any{sent["categoryId"]}}
	if _, err := c.contextOf(criteria, productsSought); err != nil {
		return reply{}, err
	}
	return c.results(criteria)
}

func (c *call) results(criteria map[string]any) (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	found, err := c.productsBy(criteria)
	if err != nil {
		return reply{}, err
	}
	rows := []resultRow{}
	for _, p := range found {
		row := resultRow{p.RecordID, p.ItemID, p.Name, p.number(), p.Description, p.Price, p.Price, "", len(p.Variants) > 0, p.Unit}
		if len(p.Images) > 0 {
			row.PrimaryImageURL = p.Images[0].URL
		}
		if c.sim.opts.Unnumbered {
			row.ProductNumber = ""
		}
		rows = append(rows, row)
	}
	return pageOf(c, "ProductSearchResult", rows)
}

// productsBy finds products by ids, categories and words, those that are given, for whoever holds the lock.
func (c *call) productsBy(criteria map[string]any) ([]Product, *apiError) {
	ids, err := numbersOf(criteria, "Ids")
	if err != nil {
		return nil, err
	}
	categories, err := numbersOf(criteria, "CategoryIds")
	if err != nil {
		return nil, err
	}
	words := fold(str(criteria, "SearchCondition"))
	if len(ids) == 0 && len(categories) == 0 && words == "" {
		return nil, invalid(idInvalidRequest, "nothing is searched for")
	}
	o := c.sim.opts
	if yes(criteria, "IncludeProductsFromDescendantCategories") {
		for _, k := range slices.Clone(categories) {
			categories = append(categories, o.within(k)...)
		}
	}
	var found []Product
	for _, p := range o.searched(ids, c.oun) {
		inCategory := len(categories) == 0 || slices.ContainsFunc(p.Categories, func(k int64) bool { return slices.Contains(categories, k) })
		if inCategory && (words == "" || strings.Contains(fold(p.Name+" "+p.SearchName+" "+p.number()), words)) {
			found = append(found, p)
		}
	}
	return found, nil
}

// searched are the products of ids in their order, or all if there are none, of those in the channel's assortment.
func (o Options) searched(ids []int64, oun string) (out []Product) {
	if len(ids) == 0 {
		for _, p := range o.Products {
			ids = append(ids, p.RecordID)
		}
	} else {
		ids = ids[:min(len(ids), mostIDs)]
	}
	seen := map[int64]bool{}
	for _, id := range ids {
		id = cmp.Or(o.masters[id], id)
		if p, sold := o.sold(id, oun); sold && !seen[id] {
			seen[id] = true
			out = append(out, p)
		}
	}
	return out
}

// numbersOf is a list of whole numbers, empty if it is not given.
func numbersOf(object map[string]any, name string) ([]int64, *apiError) {
	list, ok := object[name].([]any)
	if !ok && object[name] != nil {
		return nil, badRequest(idModelError, name+" is no list")
	}
	var out []int64
	for _, entry := range list {
		n, _ := entry.(json.Number)
		id, bad := n.Int64()
		if bad != nil {
			return nil, badRequest(idModelError, name+" is a list of whole numbers")
		}
		out = append(out, id)
	}
	return out, nil
}
