package csuclient

import (
	"context"
	"net/http"

	"github.com/shopspring/decimal"
)

// Category is a node of the channel's navigation hierarchy.
type Category struct {
	ID     int64
	Parent int64 // 0: it is the root
	Name   string
	Order  decimal.Decimal   // among the children of its parent
	Names  map[string]string // by language
}

type wireCategory struct {
	RecordID         int64 `json:"RecordId"`
	ParentCategory   int64
	Name             string
	DisplayOrder     decimal.Decimal
	NameTranslations []struct {
		Language string
		Text     string
	}
}

// Categories lists the whole tree. Kept as TenderTypes.
func (ch *Channel) Categories(ctx context.Context, fresh bool) ([]Category, error) {
	return ch.client.categories.get(ctx, opCategories, ch.oun, fresh, func(ctx context.Context) ([]Category, error) {
		unit, err := ch.OrgUnit(ctx)
		if err != nil {
			return nil, err
		}
		return pagesBy(func(a, b Category) bool { return a.ID == b.ID }, func(skip int) ([]Category, error) {
			rows, err := list[wireCategory](ctx, ch, call{op: opCategories, method: http.MethodPost, path: "Categories/GetCategories", query: page(skip),
				body: map[string]int64{"channelId": unit.ChannelID}})
			out := make([]Category, len(rows))
			for i, row := range rows {
				out[i] = row.category()
			}
			return out, err
		})
	})
}

func (w wireCategory) category() Category {
	c := Category{ID: w.RecordID, Parent: w.ParentCategory, Name: w.Name, Order: w.DisplayOrder, Names: make(map[string]string, len(w.NameTranslations))}
	for _, t := range w.NameTranslations {
		c.Names[t.Language] = t.Text
	}
	return c
}
