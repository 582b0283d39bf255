package products

import (
	"context"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/feed"
)

const (
	// listingsAtOnce is how many listings one look for deletions pages through.
	listingsAtOnce = 250
	// mostDeletions is how many listings one run reports as deleted; the next run finds the others.
	mostDeletions = 1000
	// lookedUpAtOnce is how many records one look finds missing at most.
	lookedUpAtOnce = 50
)

func (p products) wantsDeletions(r *run) bool {
	return !r.In.chosen() && p.ReportListings && (r.In.Deletions == nil || *r.In.Deletions)
}

// readDeletions reads the next page of what is listed and not sold. Nothing is reported before the last page is read: that would move the pages.
func (p products) readDeletions(ctx context.Context, r *run) (bool, error) {
	if err := p.keepTold(ctx, r); err != nil {
		return false, err
	}
	listings, more, err := p.Catalogue(r.Channel).DeletedListings(ctx, r.In.Catalog, r.State.Skip, listingsAtOnce)
	if err != nil {
		return false, err
	}
	in := page{}
	for _, l := range listings {
		in.listings = append(in.listings, listing{l.Product, l.Language, l.Catalog})
		if !slices.ContainsFunc(r.State.Deleted, func(was listing) bool { return was.Product == l.Product }) { // in another language, a page before
			in.Gone = append(in.Gone, id(l.Product))
		}
	}
	if in.Gone, err = p.notSold(ctx, r, in.Gone); err != nil {
		return false, err
	}
	if err := in.Doubt(ctx, p.Memory, feedOf(r)); err != nil {
		return false, err
	}
	r.State.page = in
	r.State.Skip += listingsAtOnce
	r.State.Done = !more || len(r.State.Deleted)+len(in.listings) > mostDeletions
	return true, nil
}

// tellDeletions stages the tombstones of the page. After the last one the list to come begins at its start.
func (p products) tellDeletions(r *run) {
	in := r.State.page
	r.State.Told, r.State.page = in.Pending(), page{}
	r.State.Deleted = append(r.State.Deleted, in.listings...)
	p.tellGone(r, in.Gone)
	if r.State.Done {
		r.State.Skip = 0
	}
}

// notSold leaves out what is sold: one listing of a product may be gone, such as that in a language, while the product is not.
func (p products) notSold(ctx context.Context, r *run, ids []string) ([]string, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	sold, err := p.Catalogue(r.Channel).FullProducts(ctx, r.In.Catalog, feed.Numbers(ids))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(one string) bool {
		return slices.ContainsFunc(sold, func(s csuclient.ListedProduct) bool { return id(s.ID) == one })
	}), nil
}

// wholeCatalogue says whether the session had every product: what was told before and was not in it is not sold any more.
func wholeCatalogue(r *run) bool {
	return !r.In.chosen() && (r.In.Full || r.State.Session.Initial)
}

// findMissing walks through what was told for what this run has not seen.
func (p products) findMissing(ctx context.Context, r *run) (bool, error) {
	if err := p.keepTold(ctx, r); err != nil {
		return false, err
	}
	var missing []string
	at := r.State.Bucket
	for at < feed.Buckets && len(missing) < lookedUpAtOnce {
		entries, next, err := p.Memory.Walk(ctx, feedOf(r), at, lookedUpAtOnce)
		if err != nil {
			return false, feed.Failed(err)
		}
		for id, e := range entries {
			if e.Mark != mark(r) {
				missing = append(missing, id)
			}
		}
		at = next
	}
	gone, err := p.notSold(ctx, r, missing)
	if err != nil {
		return false, err
	}
	r.State.page = page{Page: feed.Page{Gone: gone}}
	if err := r.State.page.Doubt(ctx, p.Memory, feedOf(r)); err != nil {
		return false, err
	}
	r.State.Bucket, r.State.Done = at, at >= feed.Buckets
	return true, nil
}
