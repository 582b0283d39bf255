package inventory

import (
	"context"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// knowProducts says in the state whether any product of the channel is known.
func (i inventory) knowProducts(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	return true, r.State.KnowProducts(ctx, i.Memory, productsOf(r))
}

// askForProducts has them published first: nobody knows of which products to ask.
func askForProducts(r *run) {
	if r.State.Unknown {
		r.FollowPart(products.PublishType, products.Publish{}, "products for", r.In.Feed())
	}
}

func (i inventory) awaitProducts(ctx context.Context, r *run) (bool, error) {
	return true, r.State.AwaitProducts(ctx, i.Memory, productsOf(r), r.Event.Origin.Enqueued)
}

// readPage reads the stock of some products.
func (i inventory) readPage(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	if err := r.State.Keep(ctx, i.Memory, feedOf(r)); err != nil {
		return false, err
	}
	ids, err := r.State.NextProducts(ctx, i.Memory, productsOf(r), r.In.asked())
	if err != nil {
		return false, err
	}
	records, err := i.read(ctx, r, ids)
	if err != nil {
		return false, err
	}
	resend, minor := r.In.Full || !all(r), r.In.Thresholds.minor
	if resend { // who is told of a small change has it, so everybody is: one digest is remembered for all
		minor = nil
	}
	in, err := feed.Compare(ctx, i.Memory, feedOf(r), records, minor)
	if err != nil {
		return false, err
	}
	if resend {
		in.Resend()
	}
	if r.In.complete() {
		var gone []feed.Record
		if gone, in.Seen, err = i.left(ctx, r, ids, records); err != nil {
			return false, err
		}
		in.Changed = append(in.Changed, gone...)
		r.State.Gone += len(gone)
	}
	r.State.Page = in
	return true, r.State.Page.Doubt(ctx, i.Memory, feedOf(r))
}

// left compares the warehouses that have a product with those that were told to have it. What is to be remembered of the products comes with that:
// an entry without data, under the product's own id, that lists its warehouses.
func (i inventory) left(ctx context.Context, r *run, ids []string, records []feed.Record) (gone, seen []feed.Record, err error) {
	now := map[string][]string{}
	for _, rec := range records {
		product, warehouse, _ := strings.Cut(rec.ID, "/")
		now[product] = append(now[product], warehouse)
	}
	was, err := i.Memory.Recall(ctx, feedOf(r), ids)
	if err != nil {
		return nil, nil, feed.Failed(err)
	}
	for _, product := range ids {
		if sum := total + r.In.Apart(); !r.In.Totals && slices.Contains(strings.Split(was[product].Note, ","), sum) {
			now[product] = append(now[product], sum) // it was not asked for, and stays as it was told
		}
		slices.Sort(now[product])
		list := strings.Join(now[product], ",")
		if was[product].Note == list && was[product].Doubt == "" {
			continue
		}
		meanwhile := now[product] // and those of before: who dies now has told of none of them, or of all
		for warehouse := range strings.SplitSeq(was[product].Note, ",") {
			if was[product].Note != "" && !slices.Contains(now[product], warehouse) {
				gone = append(gone, noStock(product+"/"+warehouse, r.In.Apart()))
				meanwhile = append(meanwhile, warehouse)
			}
		}
		seen = append(seen, feed.Record{ID: product, Note: list, Meanwhile: strings.Join(meanwhile, ",")})
	}
	return gone, seen, nil
}

// findMissing finds stock of products that are not sold any more.
func (i inventory) findMissing(ctx context.Context, r *run) (bool, error) {
	if err := r.State.Keep(ctx, i.Memory, feedOf(r)); err != nil {
		return false, err
	}
	sold, err := feed.Sold(ctx, i.Memory, productsOf(r))
	if err != nil {
		return false, err
	}
	missing, err := r.State.NextMissing(ctx, i.Memory, feedOf(r), func(id string, e feed.Entry) bool {
		product, _, isStock := strings.Cut(id, "/")
		return !sold[product] && (!isStock || !e.Told(noStock(id, r.In.Apart())))
	})
	if err != nil {
		return false, err
	}
	in := feed.Page{}
	for _, id := range missing {
		if strings.Contains(id, "/") {
			in.Changed = append(in.Changed, noStock(id, r.In.Apart()))
		} else {
			in.Gone = append(in.Gone, id) // it lists warehouses, and is told to nobody
		}
	}
	r.State.Page = in
	r.State.Gone += len(in.Changed)
	return true, r.State.Page.Doubt(ctx, i.Memory, feedOf(r))
}

// tellPage tells of the page in hand. Quantities in another unit are told apart.
func tellPage(r *run) {
	r.State.Tell(r, r.Channel, feed.As{Type: StockType, Kind: "stock", Apart: r.In.Apart(), Again: r.In.Sinks, Replay: r.Event.Replay})
}

func (i inventory) keepLast(ctx context.Context, r *run) error {
	return r.State.Keep(ctx, i.Memory, feedOf(r))
}

func tellSummary(r *run) { r.State.TellSummary(r, r.Channel, feedOf(r), all(r), r.In.Full, r.In.Sinks) }
