package inventory

import (
	"context"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration/feed"
)

// asked are the products that were asked for; none: all.
func (e Export) asked() []string {
	out := slices.Clone(e.Products)
	for _, id := range e.Records {
		product, _, _ := strings.Cut(id, "/")
		out = append(out, product)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// read reads the stock of some products, or of it the records that were asked for by id: then what is not there is told to be none.
func (i inventory) read(ctx context.Context, r *run, ids []string) ([]feed.Record, error) {
	q := r.In.query(ids)
	found, err := i.Stock(r.Channel).Availability(ctx, q)
	if err != nil || len(r.In.Records) == 0 {
		return recordsOf(r, found), err
	}
	missing := r.In.lacking(ids, recordsOf(r, found))
	told, err := i.Memory.Recall(ctx, feedOf(r), missing)
	if err != nil {
		return nil, feed.Failed(err)
	}
	for id := range told { // it may be of a warehouse that is asked by its name
		if warehouse := noStockOf(id, r.In.Apart()).Warehouse; warehouse != "" {
			q.Warehouses = append(q.Warehouses, warehouse)
		}
	}
	if slices.Sort(q.Warehouses); len(q.Warehouses) > 0 {
		q.Warehouses = slices.Compact(q.Warehouses)
		more, err := i.Stock(r.Channel).Availability(ctx, q)
		if err != nil {
			return nil, err
		}
		found.Rows = append(found.Rows, more.Rows...)
	}
	records := recordsOf(r, found)
	records = slices.DeleteFunc(records, func(one feed.Record) bool { return !slices.Contains(r.In.Records, one.ID) })
	for _, id := range r.In.lacking(ids, records) {
		records = append(records, noStock(id, r.In.Apart()))
	}
	return records, nil
}

// lacking are the records that were asked for, of some products, and are not among those.
func (e Export) lacking(ids []string, records []feed.Record) (out []string) {
	for _, id := range e.Records {
		product, _, _ := strings.Cut(id, "/")
		if slices.Contains(ids, product) && !slices.ContainsFunc(records, func(r feed.Record) bool { return r.ID == id }) {
			out = append(out, id)
		}
	}
	return out
}
