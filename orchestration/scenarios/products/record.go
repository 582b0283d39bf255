package products

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/csuclient"
)

// Product is what sinks are told of a product (product.schema.json). Numbers of records are text, since they do not fit into the numbers of JavaScript.
// The same product gives the same bytes.
type Product struct {
	ID          string                 `json:"id"`
	Number      string                 `json:"number,omitempty"`
	ItemID      string                 `json:"itemId,omitempty"`
	Name        string                 `json:"name"`
	SearchName  string                 `json:"searchName,omitempty"`
	Description string                 `json:"description,omitempty"`
	Language    string                 `json:"language,omitempty"` // of the texts above
	Kind        string                 `json:"kind"`               // product, master or kit
	Unit        string                 `json:"unit,omitempty"`
	Units       []string               `json:"units,omitempty"`
	Categories  []Category             `json:"categories,omitempty"`
	Variants    []Variant              `json:"variants,omitempty"`
	Attributes  map[string][]Attribute `json:"attributes,omitempty"` // by language
	Images      []Image                `json:"images,omitempty"`
	Linked      []string               `json:"linked,omitempty"`
	Related     []string               `json:"related,omitempty"`
	Active      bool                   `json:"active"` // may be sold now
	ActiveFrom  string                 `json:"activeFrom,omitempty"`
	BlockedFrom string                 `json:"blockedFrom,omitempty"`
	LeftOut     []string               `json:"leftOut,omitempty"` // members that were too large for a message
}

// Category is where a product is found.
type Category struct {
	ID      string `json:"id"`
	Path    string `json:"path,omitempty"` // names from the root, with " / "
	Primary bool   `json:"primary,omitempty"`
}

// Variant is what is sold of a master.
type Variant struct {
	ID        string  `json:"id"`
	Number    string  `json:"number,omitempty"`
	ItemID    string  `json:"itemId,omitempty"`
	Dimension string  `json:"inventoryDimensionId,omitempty"`
	Color     string  `json:"color,omitempty"`
	Size      string  `json:"size,omitempty"`
	Style     string  `json:"style,omitempty"`
	Config    string  `json:"configuration,omitempty"`
	Images    []Image `json:"images,omitempty"`
}

// Image is where a picture is.
type Image struct {
	URL string `json:"url"`
	Alt string `json:"alt,omitempty"`
}

// Attribute is a property in one language.
type Attribute struct {
	Key   string `json:"key"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value"`
	Unit  string `json:"unit,omitempty"`
}

// record is what is told of a product.
func record(p csuclient.ListedProduct, tree tree) Product {
	out := Product{ID: id(p.ID), Number: p.Number, ItemID: p.ItemID, Name: cmp.Or(p.Name, p.SearchName), SearchName: p.SearchName, Description: p.Description,
		Language: p.Locale, Kind: kind(p), Unit: p.Unit, Units: sorted(p.Units), Categories: categories(p, tree), Images: images(p.Images),
		Linked: ids(p.Linked), Related: ids(p.Related), Active: p.Active && !p.Blocked, ActiveFrom: moment(p.ActiveFrom), BlockedFrom: moment(p.BlockedBy)}
	for _, v := range p.Variants {
		out.Variants = append(out.Variants, Variant{id(v.ID), v.Number, v.ItemID, v.Dimension, v.Color, v.Size, v.Style, v.Config, images(v.Images)})
	}
	slices.SortFunc(out.Variants, func(a, b Variant) int { return cmp.Compare(a.ID, b.ID) })
	for language, all := range p.Properties {
		if out.Attributes == nil {
			out.Attributes = map[string][]Attribute{}
		}
		out.Attributes[language] = attributes(all)
	}
	return out
}

func images(all []csuclient.Image) (out []Image) {
	for _, i := range all {
		out = append(out, Image(i))
	}
	return out
}

func kind(p csuclient.ListedProduct) string {
	switch {
	case p.Kit:
		return "kit"
	case p.Master:
		return "master"
	}
	return "product"
}

func attributes(all []csuclient.Property) []Attribute {
	out := make([]Attribute, len(all))
	for i, a := range all {
		out[i] = Attribute(a)
	}
	slices.SortFunc(out, func(a, b Attribute) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return out
}

func categories(p csuclient.ListedProduct, tree tree) []Category {
	all := slices.Clone(p.Categories)
	if p.Category != 0 && !slices.Contains(all, p.Category) {
		all = append(all, p.Category)
	}
	slices.Sort(all)
	var out []Category
	for _, c := range slices.Compact(all) {
		out = append(out, Category{id(c), tree.path(c), c == p.Category})
	}
	return out
}

// tree is the navigation hierarchy.
type tree map[int64]csuclient.Category

func treeOf(all []csuclient.Category) tree {
	t := make(tree, len(all))
	for _, c := range all {
		t[c.ID] = c
	}
	return t
}

// deepest is how many levels are followed: a hierarchy that goes in circles ends there.
const deepest = 20

// path names a category from the root on; empty for one that is not there.
func (t tree) path(id int64) string {
	var names []string
	for range deepest {
		c, ok := t[id]
		if !ok {
			break
		}
		names = append(names, c.Name)
		id = c.Parent
	}
	slices.Reverse(names)
	return strings.Join(names, " / ")
}

// sells are the ids that are sold of a product: its variants', or its own, which is told by leaving it out.
func (p Product) sells() string {
	var all []string
	for _, v := range p.Variants {
		all = append(all, v.ID)
	}
	return strings.Join(all, ",")
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func ids(all []int64) []string {
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	var out []string
	for _, n := range all {
		out = append(out, id(n))
	}
	return out
}

func sorted(all []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
