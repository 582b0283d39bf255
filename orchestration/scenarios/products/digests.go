package products

import (
	"context"

	"github.com/signalbox/signalbox/orchestration/feed"
)

// Digests gives the digests that products have now, by id; what is not sold has none.
func Digests(ctx context.Context, c Catalogue, catalog int64, ids []string) (map[string]string, error) {
	listed, err := c.FullProducts(ctx, catalog, feed.Numbers(ids))
	if err != nil {
		return nil, err
	}
	all, err := c.Categories(ctx, false)
	if err != nil {
		return nil, err
	}
	out, tree := make(map[string]string, len(listed)), treeOf(all)
	for _, l := range listed {
		made := record(l, tree)
		data, err := fitting(made)
		if err != nil {
			return nil, err
		}
		out[made.ID] = feed.Digest(data)
	}
	return out, nil
}
