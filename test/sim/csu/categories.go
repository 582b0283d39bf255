package csu

import "slices"

const firstCategory = 68719478000 // record id of the root; the others follow

// Category is a node of the channel's navigation hierarchy.
type Category struct {
	RecordID int64             `json:"recordId"`
	Parent   int64             `json:"parent,omitempty"` // 0: it is the root
	Name     string            `json:"name"`
	Names    map[string]string `json:"names,omitempty"` // by language
	Order    int               `json:"order,omitempty"`
}

// DefaultCategories are those of a simulator that was told none.
func DefaultCategories() []Category {
	return []Category{
		{RecordID: firstCategory, Name: "Contoso"},
		{RecordID: firstCategory + 1, Parent: firstCategory, Name: "Groceries", Names: map[string]string{"de-de": "Lebensmittel"}, Order: 1},
		{RecordID: firstCategory + 2, Parent: firstCategory + 1, Name: "Bread", Names: map[string]string{"de-de": "Brot"}, Order: 1},
		{RecordID: firstCategory + 3, Parent: firstCategory + 1, Name: "Drinks", Names: map[string]string{"de-de": "Getränke"}, Order: 2},
		{RecordID: firstCategory + 4, Parent: firstCategory, Name: "Household", Names: map[string]string{"de-de": "Haushalt"}, Order: 2},
	}
}

type categoryRow struct {
	RecordID         int64            `json:"RecordId"`
	Name             string           `json:"Name"`
	ParentCategory   int64            `json:"ParentCategory"`
	DisplayOrder     int              `json:"DisplayOrder"`
	Images           []any            `json:"Images"`
	NameTranslations []translationRow `json:"NameTranslations"`
}

type translationRow struct {
	Language string `json:"Language"`
	Text     string `json:"Text"`
}

func (c Category) row() categoryRow {
	row := categoryRow{c.RecordID, c.Name, c.Parent, c.Order, []any{}, []translationRow{}}
	for _, language := range languagesOf(c.Names) {
		row.NameTranslations = append(row.NameTranslations, translationRow{language, c.Names[language]})
	}
	return row
}

// getCategories answers Categories/GetCategories: the whole tree.
func (c *call) getCategories() (reply, *apiError) {
	return c.categories(func(Category, map[string]any) bool { return true }, "channelId")
}

// getChildren answers Categories/GetChildren.
func (c *call) getChildren() (reply, *apiError) {
	return c.categories(func(k Category, body map[string]any) bool {
		return k.Parent == num(body, "categoryId") && k.Parent != 0
	}, "channelId", "categoryId")
}

func (c *call) categories(wanted func(Category, map[string]any) bool, numbers ...string) (reply, *apiError) {
	body, err := c.parameters(numbers...)
	if err != nil {
		return reply{}, err
	}
	if err := needNumbers(body, numbers...); err != nil {
		return reply{}, err
	}
	o := c.sim.options()
	if err := c.ownChannel(o, num(body, "channelId")); err != nil {
		return reply{}, err
	}
	rows := []categoryRow{}
	for _, k := range o.Categories {
		if wanted(k, body) {
			rows = append(rows, k.row())
		}
	}
	return pageOf(c, "Category", rows)
}

// within lists a category and those below it.
func (o Options) within(root int64) []int64 {
	out := []int64{root}
	for i := 0; i < len(out); i++ {
		for _, k := range o.Categories {
			if k.Parent == out[i] && !slices.Contains(out, k.RecordID) {
				out = append(out, k.RecordID)
			}
		}
	}
	return out
}
