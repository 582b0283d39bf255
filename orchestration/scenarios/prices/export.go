package prices

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// knowProducts says in the state whether any product of the channel is known.
func (p prices) knowProducts(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	return true, r.State.KnowProducts(ctx, p.Memory, productsOf(r))
}

// askForProducts has them published first: nobody knows of which products to ask for prices.
func askForProducts(r *run) {
	if r.State.Unknown {
		r.FollowPart(products.PublishType, products.Publish{Catalog: r.In.Catalog}, "products for", r.In.Feed())
	}
}

func (p prices) awaitProducts(ctx context.Context, r *run) (bool, error) {
	return true, r.State.AwaitProducts(ctx, p.Memory, productsOf(r), r.Event.Origin.Enqueued)
}

// readPage reads the prices of some products.
func (p prices) readPage(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	if err := r.State.Keep(ctx, p.Memory, feedOf(r)); err != nil {
		return false, err
	}
	ids, err := r.State.NextProducts(ctx, p.Memory, productsOf(r), r.In.Products)
	if err != nil {
		return false, err
	}
	q := csuclient.PriceQuery{Products: feed.Numbers(ids), Catalog: r.In.Catalog, Affiliations: feed.Numbers(r.In.Affiliations), Discounts: true}
	if r.In.On != nil {
		q.At = *r.In.On
	}
	priced, err := p.Pricing(r.Channel).ActivePrices(ctx, q)
	if err != nil {
		return false, err
	}
	var records []feed.Record
	for _, price := range priced {
		records = append(records, recordOf(r, strconv.FormatInt(price.ProductID, 10), &price))
	}
	for _, id := range q.Missing(priced) {
		records = append(records, recordOf(r, strconv.FormatInt(id, 10), nil))
	}
	if r.State.Page, err = feed.Compare(ctx, p.Memory, feedOf(r), records, nil); err != nil {
		return false, err
	}
	if r.In.Full || !all(r) {
		r.State.Page.Resend()
	}
	return true, r.State.Page.Doubt(ctx, p.Memory, feedOf(r))
}

// recordOf is what is told of a product; nil: the CSU gives it no price.
func recordOf(r *run, product string, p *csuclient.Price) feed.Record {
	data, err := json.Marshal(r.In.price(product, p))
	if err != nil {
		panic(err) // text and numbers
	}
	return feed.Record{ID: product + r.In.Apart(), Data: data}
}

// price is what is said of a product; nil: the CSU gives it no price.
func (e Export) price(product string, p *csuclient.Price) Price {
	told := Price{ID: product, Affiliations: e.affiliations()}
	if e.On != nil {
		on := e.On.UTC() // one moment is one price, however it is written
		told.On = &on
	}
	if e.Catalog != 0 {
		told.Catalog = strconv.FormatInt(e.Catalog, 10)
	}
	if p != nil {
		told.Priced, told.ItemID, told.Currency, told.Covers = true, p.ItemID, p.Currency, &Covers{Quantity: 1, Unit: p.Unit, Discounts: "simple"}
		told.Base, told.Agreement, told.Adjusted, told.Price, told.Discount = amount(p.Base), amount(p.Agreement), amount(p.Adjusted), amount(p.Contextual), amount(p.Discount)
	}
	return told
}

func amount(d decimal.Decimal) string { return d.String() }

func productOf(id string) string {
	product, _, _ := strings.Cut(id, "/")
	return product
}

// findMissing finds prices of products that are not sold any more.
func (p prices) findMissing(ctx context.Context, r *run) (bool, error) {
	if err := r.State.Keep(ctx, p.Memory, feedOf(r)); err != nil {
		return false, err
	}
	sold, err := feed.Sold(ctx, p.Memory, productsOf(r))
	if err != nil {
		return false, err
	}
	missing, err := r.State.NextMissing(ctx, p.Memory, feedOf(r), func(id string, e feed.Entry) bool {
		return !sold[productOf(id)] && !e.Told(recordOf(r, productOf(id), nil))
	})
	if err != nil {
		return false, err
	}
	var gone []feed.Record
	for _, id := range missing {
		gone = append(gone, recordOf(r, productOf(id), nil))
	}
	r.State.Page = feed.Page{Changed: gone}
	r.State.Gone += len(gone)
	return true, r.State.Page.Doubt(ctx, p.Memory, feedOf(r))
}

func tellPage(r *run) {
	r.State.Tell(r, r.Channel, feed.As{Type: PriceType, Kind: "price", Apart: r.In.Apart(), Again: r.In.Sinks, Replay: r.Event.Replay})
}

func (p prices) keepLast(ctx context.Context, r *run) error {
	return r.State.Keep(ctx, p.Memory, feedOf(r))
}

func tellSummary(r *run) { r.State.TellSummary(r, r.Channel, feedOf(r), all(r), r.In.Full, r.In.Sinks) }
