package feed

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Walked is the state of a run that reads something of every product that is known, page by page.
type Walked struct {
	Bucket  int     `json:"bucket,omitempty"`  // how far the products were walked
	After   string  `json:"after,omitempty"`   // and in that bucket, where it has many variants: up to this id
	Skip    int     `json:"skip,omitempty"`    // or how far the list of those that were asked for
	Done    bool    `json:"done,omitempty"`    // to the end
	Missing int     `json:"missing,omitempty"` // the bucket up to which the feed was walked for what is gone
	Unknown bool    `json:"unknown,omitempty"` // the products had not been published at first
	Pending Pending `json:"pending,omitzero"`
	Page    Page    `json:"-"` // in hand

	Told      int `json:"told"`
	Resent    int `json:"resent,omitempty"` // of these, how many were as they were told before
	Gone      int `json:"gone"`
	Unchanged int `json:"unchanged"`
}

const (
	productsAtOnce = 50  // how many products a page has at least
	idsAtOnce      = 200 // how many ids it has at most, variants being many: what was told of them is carried from one page to the next
)

// KnowProducts notes whether the products are known: all of them were published once, to the end.
func (w *Walked) KnowProducts(ctx context.Context, m Memory, products Feed) error {
	at, err := m.Cursor(ctx, products)
	w.Unknown = at == ""
	return Failed(err)
}

// The waits between two looks for products.
const (
	firstLook = 10 * time.Second
	mostLook  = 10 * time.Minute
)

// AwaitProducts waits until they are known: whoever went on with those that are known so far would tell of a part as if it were all.
func (w *Walked) AwaitProducts(ctx context.Context, m Memory, products Feed, since time.Time) error {
	at, err := m.Cursor(ctx, products)
	if err != nil {
		return Failed(err)
	}
	if at == "" {
		return &fault.Error{Kind: fault.Dependency, Class: "not_found", Wait: min(max(time.Since(since)/2, firstLook), mostLook),
			Detail: "the products of the channel have not been published to the end yet; that was asked for (signalbox.products.publish.v1), so see what became of it"}
	}
	return nil
}

// NextProducts gives the ids to read next, in order: of those that were asked for, or else of all that are sold.
func (w *Walked) NextProducts(ctx context.Context, m Memory, products Feed, asked []string) ([]string, error) {
	if len(asked) > 0 {
		some := asked[min(w.Skip, len(asked)):]
		some = slices.Clone(some[:min(productsAtOnce, len(some))])
		w.Skip += len(some)
		w.Done = w.Skip >= len(asked)
		return some, nil
	}
	entries, next, err := m.Walk(ctx, products, w.Bucket, productsAtOnce)
	if err != nil {
		return nil, Failed(err)
	}
	ids := w.take(entries, next)
	w.Done = w.Bucket >= Buckets
	return ids, nil
}

// missingAtOnce is how many records a page has at least that are gone.
const missingAtOnce = 200

// NextMissing gives the ids of a feed that gone says of that they are to be told as gone, in order: some at a time, until all were walked through
// (MissingFound).
func (w *Walked) NextMissing(ctx context.Context, m Memory, f Feed, gone func(id string, e Entry) bool) (ids []string, err error) {
	for !w.MissingFound() && len(ids) < missingAtOnce {
		entries, next, err := m.Walk(ctx, f, w.Missing, missingAtOnce)
		if err != nil {
			return nil, Failed(err)
		}
		for id, e := range entries {
			if gone(id, e) {
				ids = append(ids, id)
			}
		}
		w.Missing = next
	}
	slices.Sort(ids)
	return ids, nil
}

// MissingFound says that the whole feed was walked through for what is gone.
func (w *Walked) MissingFound() bool { return w.Missing >= Buckets }

// take gives the ids that are sold of entries, which end before the bucket next, and notes where to go on: as many whole buckets as fit into a page, or
// a part of one.
func (w *Walked) take(entries map[string]Entry, next int) (ids []string) {
	buckets := map[int]map[string]Entry{}
	for id, e := range entries {
		b := Bucket(id)
		if buckets[b] == nil {
			buckets[b] = map[string]Entry{}
		}
		buckets[b][id] = e
	}
	for _, b := range slices.Sorted(maps.Keys(buckets)) {
		some := slices.Sorted(maps.Keys(sold(buckets[b])))
		if b == w.Bucket {
			some = slices.DeleteFunc(some, func(id string) bool { return id <= w.After })
		}
		if len(ids) > 0 && len(ids)+len(some) > idsAtOnce {
			next = b
			break
		}
		if len(some) > idsAtOnce {
			w.Bucket, w.After = b, some[idsAtOnce-1]
			return some[:idsAtOnce]
		}
		ids = append(ids, some...)
	}
	w.Bucket, w.After = next, ""
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Sold gives every id that is sold, of a feed of products.
func Sold(ctx context.Context, m Memory, products Feed) (map[string]bool, error) {
	all := map[string]bool{}
	for at := 0; at < Buckets; {
		entries, next, err := m.Walk(ctx, products, at, Buckets)
		if err != nil {
			return nil, Failed(err)
		}
		maps.Copy(all, sold(entries))
		at = next
	}
	return all, nil
}

func sold(products map[string]Entry) map[string]bool {
	ids := make(map[string]bool, len(products))
	for id, e := range products {
		if e.Note == "" {
			ids[id] = true
			continue
		}
		for variant := range strings.SplitSeq(e.Note, ",") {
			ids[variant] = true
		}
	}
	return ids
}

// Keep remembers what the page before told: it is in the broker.
func (w *Walked) Keep(ctx context.Context, m Memory, f Feed) error {
	return w.Pending.Keep(ctx, m, f, "")
}

// RecordIDs are the places where exports are asked for records by id: those may have as many digits as a card (Pipeline.Numbers).
func RecordIDs() map[string]int {
	return map[string]int{"/products/*": orchestration.AnyNumber, "/affiliations/*": orchestration.AnyNumber, "/catalog": orchestration.AnyNumber, "/records/*": orchestration.AnyNumber}
}

// Numbers are ids as the CSU takes them; what is no number is left out.
func Numbers(ids []string) []int64 {
	out := make([]int64, 0, len(ids))
	for _, text := range ids {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}
