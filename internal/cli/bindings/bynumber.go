package bindings

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
)

const (
	// keywordRows and keywordPages bound what a search for one number reads.
	keywordRows  = 50
	keywordPages = 4
)

// aboutProducts asks for products, with one call. The channel's own id comes first, once.
func (b *rebuilding) aboutProducts(ctx context.Context, r *row, ask func(context.Context, *csuclient.Channel) error) error {
	n, needs := b.numbersOf(r), 1
	if !n.began {
		needs++
	}
	err := b.CSU.Ask(ctx, r.channel, needs, ask)
	n.began = n.began || err == nil
	return err
}

func (b *rebuilding) numbersOf(r *row) *numbers {
	if b.numbers == nil {
		b.numbers = map[string]*numbers{}
	}
	if b.numbers[r.channel.Name] == nil {
		b.numbers[r.channel.Name] = newNumbers()
	}
	return b.numbers[r.channel.Name]
}

// byNumber looks products up by what their items may be, which one call does for many, and reads whole what does not say enough. Only a product
// that says it has the number is found: an item is often called as its product, but need not be.
func (b *rebuilding) byNumber(ctx context.Context, some []*row) error {
	n := b.numbersOf(some[0])
	var items []string
	for _, r := range some {
		for _, item := range itemsOf(r.ProductNumber) {
			if _, asked := n.items[item]; !asked && len(n.of[r.ProductNumber]) == 0 && !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
	}
	for few := range slices.Chunk(items, soughtAtOnce) {
		if err := b.items(ctx, some[0], few); err != nil {
			return err
		}
	}
	var unread []int64
	for _, r := range some {
		n.answer(r)
		for _, item := range itemsOf(r.ProductNumber) {
			if r.open() {
				unread = append(unread, n.unread(n.items[item])...)
			}
		}
	}
	slices.Sort(unread)
	err := b.readWhole(ctx, some[0], slices.Compact(unread))
	for _, r := range some {
		if r.open() {
			n.answer(r)
		}
	}
	return err
}

// items looks items up. What the CSU refuses as a whole, because one of them is not there, is looked up by halves.
func (b *rebuilding) items(ctx context.Context, r *row, items []string) error {
	var found []csuclient.NumberedProduct
	err := b.aboutProducts(ctx, r, func(ctx context.Context, csu *csuclient.Channel) (err error) {
		found, err = csu.ProductsOfItems(ctx, items)
		return err
	})
	missing := errors.Is(err, csuclient.ErrNotFound)
	if missing && len(items) > 1 {
		middle := len(items) / 2
		if err := b.items(ctx, r, items[:middle]); err != nil {
			return err
		}
		return b.items(ctx, r, items[middle:])
	}
	if err != nil && !missing {
		return err
	}
	n := b.numbersOf(r)
	for _, item := range items {
		n.items[item] = []csuclient.NumberedProduct{} // asked for
	}
	for _, p := range found {
		n.items[p.ItemID] = append(n.items[p.ItemID], p)
	}
	n.take(found)
	return nil
}

// readWhole reads products and their variants for their numbers.
func (b *rebuilding) readWhole(ctx context.Context, r *row, ids []int64) error {
	n := b.numbersOf(r)
	for few := range slices.Chunk(ids, soughtAtOnce) {
		err := b.aboutProducts(ctx, r, func(ctx context.Context, csu *csuclient.Channel) error {
			found, err := csu.NumbersOf(ctx, few)
			n.take(found)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range few {
			n.read[id] = true
		}
	}
	return nil
}

// byKeyword searches for a number that no item is called by. The search is fuzzy: what it finds must say that it has the number.
func (b *rebuilding) byKeyword(ctx context.Context, r *row) error {
	n := b.numbersOf(r)
	n.answer(r) // another row's search may have found it
	var like []csuclient.NumberedProduct
	all := false
	for page := 0; page < keywordPages && !all && r.open(); page++ {
		var found []csuclient.NumberedProduct
		err := b.aboutProducts(ctx, r, func(ctx context.Context, csu *csuclient.Channel) (err error) {
			found, err = csu.SearchProducts(ctx, r.ProductNumber, page*keywordRows, keywordRows)
			return err
		})
		if err != nil {
			return err
		}
		n.take(found)
		n.answer(r)
		like, all = append(like, found...), len(found) < keywordRows
	}
	if unread := n.unread(like); r.open() && len(unread) > 0 {
		if err := b.readWhole(ctx, r, unread[:min(len(unread), soughtAtOnce)]); err != nil {
			return err
		}
		n.answer(r)
		all = all && len(unread) <= soughtAtOnce
	}
	if !r.open() {
		return nil
	}
	silent := slices.ContainsFunc(like, func(p csuclient.NumberedProduct) bool { return p.Number == "" }) && len(n.of) == 0
	is, unsaid := n.unsaid(r.ProductNumber)
	switch {
	case unsaid && len(n.of) == 0:
		r.end(CannotLook, "", fmt.Sprintf("the CSU does not say what numbers its products have; the item of that name is product %d: give that as record_id if it is meant", is.ID))
	case silent:
		r.end(CannotLook, "", "the CSU does not say what numbers its products have; give the record_id")
	case !all:
		r.end(CannotLook, "", "the CSU finds too many products by that number to read them all; give the record_id")
	default:
		r.end(NotFound, "", "channel "+r.channel.Name+" has no product of that number in its assortment")
	}
	return nil
}
