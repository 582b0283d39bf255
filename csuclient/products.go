package csuclient

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/signalbox/signalbox/internal/jsontext"
)

const (
	productsAtOnce = 50      // ids asked for in one call; the most that a scale unit takes is not documented
	productsKept   = 100_000 // of all channels; then all are forgotten
)

// Product is what an order must say of a product.
type Product struct {
	ID     int64  `json:"RecordId"`
	ItemID string `json:"ItemId"`
	Name   string `json:"Name"`
	Unit   string `json:"DefaultUnitOfMeasure"`

	Dimensions Dimensions `json:"Dimensions"`
}

// Dimensions tell a variant apart from the others of its item; what an item does not come in is empty.
type Dimensions struct{ Color, Config, Size, Style string }

// UnmarshalJSON reads the CSU's list of them.
func (d *Dimensions) UnmarshalJSON(b []byte) error {
	var list []struct {
		Type  int `json:"DimensionTypeValue"`
		Value struct {
			ID    string `json:"DimensionId"`
			Value string
		} `json:"DimensionValue"`
	}
	if err := jsontext.Decode(b, &list); err != nil {
		return err
	}
	for _, one := range list {
		into := map[int]*string{1: &d.Color, 2: &d.Config, 3: &d.Size, 4: &d.Style}[one.Type] // ProductDimensionType
		if into != nil {
			*into = cmp.Or(one.Value.ID, one.Value.Value)
		}
	}
	return nil
}

// products are those that were read lately, by channel and id. It is for any number of goroutines.
type products struct {
	mu   sync.Mutex
	kept map[productKey]keptProduct
}

type productKey struct {
	oun string
	id  int64
}

type keptProduct struct {
	Product
	until time.Time
}

// Products gives the products of those ids which the channel has, by id. Each is kept for an hour.
func (ch *Channel) Products(ctx context.Context, ids []int64) (map[int64]Product, error) {
	found, missing := ch.client.products.get(ch.oun, ids)
	if len(missing) == 0 {
		return found, nil
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(missing, productsAtOnce) {
		read, err := list[Product](ctx, ch, call{op: opProductsByIDs, method: http.MethodPost, path: "Products/GetByIds",
			query: fmt.Sprintf("&$top=%d", len(some)), body: wireProducts{unit.ChannelID, some}})
		if err != nil {
			return nil, err
		}
		ch.client.products.put(ch.oun, read)
		for _, p := range read {
			found[p.ID] = p
		}
	}
	return found, nil
}

func (p *products) get(oun string, ids []int64) (found map[int64]Product, missing []int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	found = make(map[int64]Product, len(ids))
	for _, id := range ids {
		if k, ok := p.kept[productKey{oun, id}]; ok && now.Before(k.until) {
			found[id] = k.Product
			continue
		}
		missing = append(missing, id)
	}
	slices.Sort(missing)
	return found, slices.Compact(missing)
}

func (p *products) put(oun string, read []Product) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept)+len(read) > productsKept {
		p.kept = make(map[productKey]keptProduct)
	}
	for _, r := range read {
		p.kept[productKey{oun, r.ID}] = keptProduct{r, time.Now().Add(tableLife)}
	}
}
