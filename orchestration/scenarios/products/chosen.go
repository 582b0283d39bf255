package products

import (
	"context"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// readChosen reads some of the products that were asked for by id. What is not sold is told as deleted.
func (p products) readChosen(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	if err := p.keepTold(ctx, r); err != nil {
		return false, err
	}
	some := r.In.Products[min(r.State.Skip, len(r.In.Products)):]
	some = slices.Clone(some[:min(p.PageSize, len(some))])
	listed, err := p.Catalogue(r.Channel).FullProducts(ctx, r.In.Catalog, feed.Numbers(some))
	if err != nil {
		return false, err
	}
	if err := p.fill(ctx, r, listed); err != nil {
		return false, err
	}
	told, err := p.Memory.Recall(ctx, feedOf(r), some)
	if err != nil {
		return false, feed.Failed(err)
	}
	r.State.page.Gone = slices.DeleteFunc(some, func(one string) bool {
		_, byItself := told[one] // a product that has become a variant
		return slices.ContainsFunc(listed, func(l csuclient.ListedProduct) bool { return id(l.ID) == one || sellsOf(l, one) && !byItself })
	})
	if err := r.State.page.Doubt(ctx, p.Memory, feedOf(r)); err != nil {
		return false, err
	}
	r.State.Skip += p.PageSize
	r.State.Done = r.State.Skip >= len(r.In.Products)
	return true, nil
}

// sellsOf says whether it is one of the product's variants: those are told with their master.
func sellsOf(l csuclient.ListedProduct, one string) bool {
	return slices.ContainsFunc(l.Variants, func(v csuclient.Variant) bool { return id(v.ID) == one })
}
