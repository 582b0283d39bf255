package csuclient

import (
	"cmp"
	"time"
)

// ListedProduct is a product as the catalogue of a channel lists it. Prices are not in it: ActivePrices gives exact ones.
type ListedProduct struct {
	ID          int64
	Number      string // product number, as people know it
	ItemID      string
	Name        string
	SearchName  string
	Description string
	Locale      string // language of the texts above
	Unit        string // of sale
	Units       []string
	Master      bool // its variants are sold, not itself
	Kit         bool
	Category    int64 // the primary one; 0: none
	Categories  []int64
	Variants    []Variant
	Properties  map[string][]Property // attributes, by language
	Images      []Image
	Linked      []int64 // products that are sold with it
	Related     []int64 // products that are shown beside it

	Active     bool      // is sold now
	Blocked    bool      // somebody has blocked it
	ActiveFrom time.Time // zero: always
	BlockedBy  time.Time // not sold from then on; zero: without end
	Modified   time.Time
}

// Variant is what is sold of a master. A dimension that the master does not have is empty.
type Variant struct {
	ID        int64 // a product of its own, for prices, inventory and orders
	Number    string
	ItemID    string
	Dimension string // inventory dimension id
	Color     string
	Size      string
	Style     string
	Config    string
	Images    []Image
}

// Property is an attribute of a product in one language.
type Property struct {
	Key   string // the same in every language
	Name  string
	Value string
	Unit  string
}

// Image is where a picture is.
type Image struct {
	URL string `json:"Url"`
	Alt string `json:"AltText"`
}

type wireListed struct {
	RecordID             int64  `json:"RecordId"`
	ProductNumber        string `json:"ProductNumber"`
	ProductName          string `json:"ProductName"`
	Name                 string `json:"Name"`
	SearchName           string `json:"SearchName"`
	Description          string `json:"Description"`
	ItemID               string `json:"ItemId"`
	IsMasterProduct      bool   `json:"IsMasterProduct"`
	IsKit                bool   `json:"IsKit"`
	DefaultUnitOfMeasure string `json:"DefaultUnitOfMeasure"`
	UnitsOfMeasureSymbol []string
	Locale               string
	PrimaryCategoryID    int64   `json:"PrimaryCategoryId"`
	CategoryIDs          []int64 `json:"CategoryIds"`
	ProductProperties    []wireProperties
	Image                wireImages
	LinkedProducts       []struct {
		ID int64 `json:"LinkedProductRecordId"`
	}
	RelatedProducts []struct {
		ID       int64 `json:"RelatedProductRecordId"`
		Excluded bool  `json:"IsExcludedRelation"`
	}
	CompositionInformation struct {
		VariantInformation struct {
			Variants []wireVariant
		}
	}
	ChangeTrackingInformation struct {
		ModifiedDateTime time.Time
	}
	Rules struct {
		IsActiveInSalesProcess bool
		IsBlocked              bool
		DateToActivate         time.Time
		DateToBlock            time.Time
	}
}

type wireImages struct {
	Items []Image
}

type wireProperties struct {
	TranslationLanguage  string
	TranslatedProperties []struct {
		KeyName      string
		FriendlyName string
		ValueString  string
		UnitText     string
	}
}

type wireVariant struct {
	ItemID        string `json:"ItemId"`
	DimensionID   string `json:"InventoryDimensionId"`
	Color         string
	ColorID       string `json:"ColorId"`
	Size          string
	SizeID        string `json:"SizeId"`
	Style         string
	StyleID       string `json:"StyleId"`
	Configuration string
	ConfigID      string `json:"ConfigId"`
	ProductID     int64  `json:"DistinctProductVariantId"`
	ProductNumber string
	Images        []wireImages
}

func (w wireListed) product() ListedProduct {
	p := ListedProduct{
		ID: w.RecordID, Number: w.ProductNumber, ItemID: w.ItemID, Name: cmp.Or(w.ProductName, w.Name), SearchName: w.SearchName, Description: w.Description,
		Locale: w.Locale, Unit: w.DefaultUnitOfMeasure, Units: w.UnitsOfMeasureSymbol, Master: w.IsMasterProduct, Kit: w.IsKit,
		Category: w.PrimaryCategoryID, Categories: w.CategoryIDs, Images: w.Image.Items,
		Active: w.Rules.IsActiveInSalesProcess, Blocked: w.Rules.IsBlocked, ActiveFrom: someTime(w.Rules.DateToActivate), BlockedBy: someTime(w.Rules.DateToBlock),
		Modified: someTime(w.ChangeTrackingInformation.ModifiedDateTime),
	}
	for _, v := range w.CompositionInformation.VariantInformation.Variants {
		p.Variants = append(p.Variants, v.variant())
	}
	for _, in := range w.ProductProperties {
		if p.Properties == nil {
			p.Properties = map[string][]Property{}
		}
		for _, t := range in.TranslatedProperties {
			p.Properties[in.TranslationLanguage] = append(p.Properties[in.TranslationLanguage], Property{t.KeyName, t.FriendlyName, t.ValueString, t.UnitText})
		}
	}
	for _, l := range w.LinkedProducts {
		p.Linked = append(p.Linked, l.ID)
	}
	for _, r := range w.RelatedProducts {
		if !r.Excluded {
			p.Related = append(p.Related, r.ID)
		}
	}
	return p
}

func (w wireVariant) variant() Variant {
	v := Variant{ID: w.ProductID, Number: w.ProductNumber, ItemID: w.ItemID, Dimension: w.DimensionID, Color: cmp.Or(w.Color, w.ColorID),
		Size: cmp.Or(w.Size, w.SizeID), Style: cmp.Or(w.Style, w.StyleID), Config: cmp.Or(w.Configuration, w.ConfigID)}
	for _, i := range w.Images {
		v.Images = append(v.Images, i.Items...)
	}
	return v
}

// someTime is zero for the moments by which the CSU says "none" and "without end".
func someTime(t time.Time) time.Time {
	if t.Year() <= 1900 || t.Year() >= 2154 {
		return time.Time{}
	}
	return t.UTC()
}
