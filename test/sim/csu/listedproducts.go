package csu

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// listedRow is a Product as ReadChangedProducts and Search give it.
type listedRow struct {
	RecordID             int64          `json:"RecordId"`
	ProductNumber        string         `json:"ProductNumber"`
	ProductName          string         `json:"ProductName"`
	Name                 string         `json:"Name"`
	SearchName           string         `json:"SearchName"`
	Description          string         `json:"Description"`
	ItemID               string         `json:"ItemId"`
	IsMasterProduct      bool           `json:"IsMasterProduct"`
	IsKit                bool           `json:"IsKit"`
	HasLinkedProducts    bool           `json:"HasLinkedProducts"`
	DefaultUnitOfMeasure string         `json:"DefaultUnitOfMeasure"`
	UnitsOfMeasureSymbol []string       `json:"UnitsOfMeasureSymbol"`
	Locale               string         `json:"Locale"`
	BasePrice            json.Number    `json:"BasePrice"`
	Price                json.Number    `json:"Price"`
	AdjustedPrice        json.Number    `json:"AdjustedPrice"`
	RetailContext        map[string]any `json:"RetailContext"`
	PrimaryCategoryID    int64          `json:"PrimaryCategoryId"`
	CategoryIDs          []int64        `json:"CategoryIds"`
	ProductProperties    []propertyRows `json:"ProductProperties"`
	ProductSchema        []string       `json:"ProductSchema"`

	CompositionInformation    map[string]any   `json:"CompositionInformation"`
	ChangeTrackingInformation map[string]any   `json:"ChangeTrackingInformation"`
	Image                     mediaRows        `json:"Image"`
	LinkedProducts            []map[string]any `json:"LinkedProducts"`
	RelatedProducts           []map[string]any `json:"RelatedProducts"`
	Rules                     map[string]any   `json:"Rules"`
	ExtensionProperties       []any            `json:"ExtensionProperties"`
}

type mediaRows struct {
	Items []mediaRow `json:"Items"`
}

type mediaRow struct {
	URL     string `json:"Url"`
	AltText string `json:"AltText"`
}

type propertyRows struct {
	TranslationLanguage  string        `json:"TranslationLanguage"`
	TranslatedProperties []propertyRow `json:"TranslatedProperties"`
}

type propertyRow struct {
	KeyName             string `json:"KeyName"`
	FriendlyName        string `json:"FriendlyName"`
	ValueString         string `json:"ValueString"`
	UnitText            string `json:"UnitText"`
	PropertyTypeValue   int    `json:"PropertyTypeValue"`
	IsDimensionProperty bool   `json:"IsDimensionProperty"`
}

type variantRow struct {
	ItemID                   string         `json:"ItemId"`
	MasterProductID          int64          `json:"MasterProductId"`
	InventoryDimensionID     string         `json:"InventoryDimensionId"`
	AdjustedPrice            json.Number    `json:"AdjustedPrice"`
	BasePrice                json.Number    `json:"BasePrice"`
	Price                    json.Number    `json:"Price"`
	Color                    string         `json:"Color"`
	Style                    string         `json:"Style"`
	Size                     string         `json:"Size"`
	Configuration            string         `json:"Configuration"`
	ColorID                  string         `json:"ColorId"`
	StyleID                  string         `json:"StyleId"`
	SizeID                   string         `json:"SizeId"`
	ConfigID                 string         `json:"ConfigId"`
	VariantID                string         `json:"VariantId"`
	Images                   []mediaRows    `json:"Images"`
	DistinctProductVariantID int64          `json:"DistinctProductVariantId"`
	ProductNumber            string         `json:"ProductNumber"`
	PropertiesAsList         []propertyRows `json:"PropertiesAsList"`
}

const attributeText = 5 // of AttributeDataType

// noDate and endOfTime are how "none" and "without end" travel.
var (
	noDate    = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	endOfTime = time.Date(2154, 12, 31, 0, 0, 0, 0, time.UTC)
)

// listing makes rows of products for one call; the caller holds the lock.
type listing struct {
	call     *call
	context  map[string]any
	bare     bool // no attributes
	unpriced bool // prices are not computed
}

func (l listing) row(p Product) listedRow {
	c, ch := l.call, l.call.channel.withDefaults()
	row := listedRow{
		RecordID: p.RecordID, ProductNumber: p.number(), ProductName: p.Name, Name: p.Name, SearchName: cmp.Or(p.SearchName, p.Name), Description: p.Description,
		ItemID: p.ItemID, IsMasterProduct: len(p.Variants) > 0, IsKit: p.Kit, HasLinkedProducts: len(p.Linked) > 0,
		DefaultUnitOfMeasure: p.Unit, UnitsOfMeasureSymbol: p.Units, Locale: ch.Language, RetailContext: l.context,
		BasePrice: cmp.Or(p.Price, "0"), Price: l.price(p.Price), AdjustedPrice: l.price(p.Price),
		CategoryIDs: append([]int64{}, p.Categories...), ProductProperties: []propertyRows{}, ProductSchema: []string{},
		CompositionInformation: l.composition(p), Image: media(p.Images), LinkedProducts: []map[string]any{}, RelatedProducts: []map[string]any{},
		ChangeTrackingInformation: map[string]any{"ModifiedDateTime": c.sim.changes.last[p.RecordID].at.UTC(), "ChangeActionValue": actionPublish, "RequestedActionValue": actionPublish},
		Rules:                     p.rules(), ExtensionProperties: []any{},
	}
	if len(p.Units) == 0 {
		row.UnitsOfMeasureSymbol = []string{p.Unit}
	}
	if len(p.Categories) > 0 {
		row.PrimaryCategoryID = p.Categories[0]
	}
	for _, a := range p.Attributes {
		row.ProductSchema = append(row.ProductSchema, a.Key)
	}
	if !l.bare {
		row.ProductProperties = p.properties(ch.Language)
	}
	for _, id := range p.Linked {
		row.LinkedProducts = append(row.LinkedProducts, map[string]any{"ProductRecordId": p.RecordID, "LinkedProductRecordId": id, "Quantity": 1})
	}
	for _, id := range p.Related {
		row.RelatedProducts = append(row.RelatedProducts, map[string]any{"ProductRecordId": p.RecordID, "RelatedProductRecordId": id, "CatalogId": 0,
			"RelationName": "Related", "IsExcludedRelation": false, "IsDirectRelation": true})
	}
	return row
}

// price is zero where the client wants none computed.
func (l listing) price(n json.Number) json.Number {
	if l.unpriced {
		return "0"
	}
	return cmp.Or(n, "0")
}

// composition is empty but for a master.
func (l listing) composition(p Product) map[string]any {
	if len(p.Variants) == 0 {
		return nil
	}
	rows := []variantRow{}
	for _, v := range p.Variants {
		price := cmp.Or(v.Price, p.Price)
		rows = append(rows, variantRow{
			ItemID: cmp.Or(v.ItemID, p.ItemID), MasterProductID: p.RecordID, InventoryDimensionID: v.dimensionID(), BasePrice: cmp.Or(price, "0"),
			Price: l.price(price), AdjustedPrice: l.price(price), Color: v.Color, Style: v.Style, Size: v.Size, Configuration: v.Config,
			ColorID: v.Color, StyleID: v.Style, SizeID: v.Size, ConfigID: v.Config, VariantID: fmt.Sprintf("V%d", v.RecordID),
			Images: []mediaRows{media(v.Images)}, DistinctProductVariantID: v.RecordID, ProductNumber: v.number(p), PropertiesAsList: []propertyRows{},
		})
	}
	return map[string]any{"VariantInformation": map[string]any{"ActiveVariantProductId": 0, "Variants": rows, "Dimensions": []any{},
		"ItemId": p.ItemID, "MasterProductId": p.RecordID}}
}

// properties are the attributes in the channel's language and in every other that one of them has.
func (p Product) properties(language string) []propertyRows {
	if len(p.Attributes) == 0 {
		return []propertyRows{}
	}
	in := map[string]string{language: ""}
	for _, a := range p.Attributes {
		maps.Copy(in, a.Names)
		maps.Copy(in, a.Values)
	}
	out := []propertyRows{}
	for _, language := range languagesOf(in) {
		translated := propertyRows{TranslationLanguage: language}
		for _, a := range p.Attributes {
			value, own := a.Values[language]
			if !own {
				value = a.Values[""]
			}
			translated.TranslatedProperties = append(translated.TranslatedProperties,
				propertyRow{a.Key, cmp.Or(a.Names[language], a.Key), value, a.Unit, cmp.Or(a.Type, attributeText), false})
		}
		out = append(out, translated)
	}
	return out
}

func (p Product) rules() map[string]any {
	activates, blocks, blocking := cmp.Or(p.Activates, noDate), cmp.Or(p.Blocks, endOfTime), noDate
	if p.Blocked {
		blocking = activates
	}
	now := time.Now()
	return map[string]any{"ProductId": p.RecordID, "IsBlocked": p.Blocked, "DateOfBlocking": blocking.UTC(), "DateToActivate": activates.UTC(), "DateToBlock": blocks.UTC(),
		"IsActiveInSalesProcess": !p.Blocked && !now.Before(activates) && now.Before(blocks), "HasLinkedProducts": len(p.Linked) > 0, "IsSerialized": false,
		"DefaultUnitOfMeasure": p.Unit, "PriceKeyingRequirementValue": 0, "QuantityKeyingRequirementValue": 0, "MustKeyInComment": false,
		"CanQuantityBecomeNegative": false, "MustScaleItem": false, "CanPriceBeZero": false}
}

func media(images []Image) mediaRows {
	out := mediaRows{Items: []mediaRow{}}
	for _, i := range images {
		out.Items = append(out.Items, mediaRow{i.URL, i.Alt})
	}
	return out
}

// languagesOf sorts the languages of translations; "" is none.
func languagesOf(texts map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(texts)), func(language string) bool { return language == "" })
}
