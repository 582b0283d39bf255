package csu

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Resource ids of prices.
const (
	idPricesElsewhere = runtimeID + "CrossStoreGetActivePriceNotSupportedInOnlineChannel"
	idAmbiguous       = runtimeID + "AmbiguousParameters"
)

type priceRow struct {
	ProductID               int64            `json:"ProductId"`
	ListingID               int64            `json:"ListingId"`
	ItemID                  string           `json:"ItemId"`
	InventoryDimensionID    string           `json:"InventoryDimensionId"`
	BasePrice               json.Number      `json:"BasePrice"`
	TradeAgreementPrice     json.Number      `json:"TradeAgreementPrice"`
	AdjustedPrice           json.Number      `json:"AdjustedPrice"`
	CustomerContextualPrice json.Number      `json:"CustomerContextualPrice"`
	DiscountAmount          json.Number      `json:"DiscountAmount"`
	MinVariantPrice         json.Number      `json:"MinVariantPrice,omitempty"`
	MaxVariantPrice         json.Number      `json:"MaxVariantPrice,omitempty"`
	CurrencyCode            string           `json:"CurrencyCode"`
	UnitOfMeasure           string           `json:"UnitOfMeasure"`
	ValidFrom               time.Time        `json:"ValidFrom"`
	ProductLookupID         int64            `json:"ProductLookupId"`
	ChannelID               int64            `json:"ChannelId"`
	CatalogID               int64            `json:"CatalogId"`
	DiscountLines           []map[string]any `json:"DiscountLines"`
	ExtensionProperties     []any            `json:"ExtensionProperties"`
}

// pricing is a call of GetActivePrices.
type pricing struct {
	asker
	options Options
	channel Channel
	catalog int64
	ranges  bool // of a master's variants
}

// activePrices answers Products/GetActivePrices, in the order asked for. A product that is unknown, not in the assortment, or not sold at the date, is left out without a
// word.
func (c *call) activePrices() (reply, *apiError) {
	body, err := c.parameters("projectDomain", "productIds", "activeDate", "customerId", "affiliationLoyaltyTiers", "includeSimpleDiscountsInContextualPrice",
		"includeVariantPriceRange", "includeAttainablePricesAndDiscounts", "priceLookupContext")
	if err != nil {
		return reply{}, err
	}
	p, ids, err := c.pricing(body)
	if err != nil {
		return reply{}, err
	}
	rows := []priceRow{}
	for _, id := range ids[:min(len(ids), mostIDs)] {
		if product, sold := p.options.sold(id, c.oun); sold && product.soldAt(p.at) {
			rows = append(rows, p.row(product))
		}
	}
	return pageOf(c, "ProductPrice", rows)
}

// pricing checks what a call asks for.
func (c *call) pricing(body map[string]any) (p pricing, ids []int64, err *apiError) {
	if body["priceLookupContext"] != nil {
		if len(body) > 1 {
			return p, nil, invalid(idAmbiguous, "prices are asked for in two ways")
		}
		return p, nil, badRequest(idNotHere, "the simulator does not serve priceLookupContext")
	}
	domain, ok := body["projectDomain"].(map[string]any)
	if !ok {
		return p, nil, badRequest(idMissingArgument, "projectDomain is missing")
	}
	if err := strictMembers("projectDomain", domain, "ChannelId", "CatalogId"); err != nil {
		return p, nil, err
	}
	p = pricing{options: c.sim.options(), channel: c.channel.withDefaults(), catalog: num(domain, "CatalogId"), ranges: yes(body, "includeVariantPriceRange")}
	if num(domain, "ChannelId") != channelID(p.options, c.channel) {
		return p, nil, invalid(idPricesElsewhere, "the channel is not the one of the operating unit")
	}
	if err := c.knownCatalog(p.options, p.catalog); err != nil {
		return p, nil, err
	}
	if body["productIds"] == nil {
		return p, nil, badRequest(idMissingArgument, "productIds is missing")
	}
	if ids, err = numbersOf(body, "productIds"); err != nil {
		return p, nil, err
	}
	p.asker, err = askerOf(body)
	return p, ids, err
}

func askerOf(body map[string]any) (a asker, err *apiError) {
	date, given := body["activeDate"].(string)
	if !given {
		return a, badRequest(idMissingArgument, "activeDate is missing")
	}
	at, bad := time.Parse(time.RFC3339, date)
	if bad != nil {
		return a, badRequest(idModelError, "activeDate is no moment")
	}
	for _, name := range []string{"includeSimpleDiscountsInContextualPrice", "includeVariantPriceRange", "includeAttainablePricesAndDiscounts"} {
		if !boolean.accepts(body[name]) {
			return a, badRequest(idModelError, name+" is no truth value")
		}
	}
	if !text.accepts(body["customerId"]) {
		return a, badRequest(idModelError, "customerId is no text")
	}
	a = asker{at: at, customer: str(body, "customerId"), discounts: yes(body, "includeSimpleDiscountsInContextualPrice")}
	for _, tier := range entries(body, "affiliationLoyaltyTiers") {
		if err := strictMembers("affiliationLoyaltyTiers", tier, "AffiliationId", "LoyaltyTierId", "AffiliationTypeValue", "ReasonCodeLines", "CustomerId", "ExtensionProperties"); err != nil {
			return a, err
		}
		a.affiliations = append(a.affiliations, num(tier, "AffiliationId"))
	}
	return a, nil
}

// soldAt says whether a product is sold at a moment.
func (p Product) soldAt(at time.Time) bool {
	return !at.Before(p.Activates) && (p.Blocks.IsZero() || at.Before(p.Blocks))
}

func (p pricing) of(product Product) prices {
	base, _ := toDecimal(product.Price)
	var rules []PriceRule
	for _, r := range p.options.PriceRules {
		if r.Product == product.RecordID || r.Product == p.options.masters[product.RecordID] {
			rules = append(rules, r)
		}
	}
	return p.prices(base, rules)
}

func (p pricing) row(product Product) priceRow {
	is := p.of(product)
	row := priceRow{
		ProductID: product.RecordID, ListingID: product.RecordID, ItemID: product.ItemID, InventoryDimensionID: product.dimension, BasePrice: wide(is.base),
		TradeAgreementPrice: wide(is.agreement), AdjustedPrice: wide(is.adjusted), CustomerContextualPrice: wide(is.contextual), DiscountAmount: wide(is.adjusted.Sub(is.contextual)),
		CurrencyCode: p.channel.Currency, UnitOfMeasure: product.Unit, ValidFrom: p.at.UTC(), ProductLookupID: product.RecordID, ChannelID: channelID(p.options, p.channel),
		CatalogID: p.catalog, DiscountLines: []map[string]any{}, ExtensionProperties: []any{},
	}
	if d := is.discount; d != nil {
		row.DiscountLines = append(row.DiscountLines, map[string]any{"OfferId": d.ID, "OfferName": d.ID, "Percentage": d.Percent, "DiscountLineTypeValue": 2, "PeriodicDiscountTypeValue": 2})
	}
	if p.ranges && len(product.Variants) > 0 {
		row.MinVariantPrice, row.MaxVariantPrice = p.between(product.Variants)
	}
	return row
}

// between gives the lowest and the highest price of variants.
func (p pricing) between(variants []Variant) (lowest, highest json.Number) {
	var all []decimal.Decimal
	for _, v := range variants {
		all = append(all, p.of(p.options.products[v.RecordID]).contextual)
	}
	return wide(decimal.Min(all[0], all[1:]...)), wide(decimal.Max(all[0], all[1:]...))
}

// wide shows all the digits that the real service shows: whoever reads them as floating point may get another amount.
func wide(d decimal.Decimal) json.Number { return json.Number(d.StringFixed(16)) }

// dimensionID is the inventory dimension of a variant.
func (v Variant) dimensionID() string {
	if v.Dimension != "" {
		return v.Dimension
	}
	return fmt.Sprintf("DIM%d", v.RecordID)
}
