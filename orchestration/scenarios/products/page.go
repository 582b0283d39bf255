package products

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// page is what is told next.
type page struct {
	feed.Page
	listings []listing // to be reported: of what is told as published, or as deleted
}

// fill makes the page in hand of products as the CSU lists them. What was told like that before is not told again, unless everything is asked for.
func (p products) fill(ctx context.Context, r *run, listed []csuclient.ListedProduct) error {
	r.State.page = page{}
	if len(listed) == 0 {
		return nil
	}
	all, err := p.Catalogue(r.Channel).Categories(ctx, false)
	if err != nil {
		return err
	}
	records, as, tree := make([]feed.Record, len(listed)), make(map[string]listing, len(listed)), treeOf(all)
	for i, l := range listed {
		made := record(l, tree)
		data, err := fitting(made)
		if err != nil {
			return err
		}
		records[i] = feed.Record{ID: made.ID, Data: data, Note: made.sells()}
		as[made.ID] = listing{l.ID, l.Locale, r.In.Catalog}
	}
	var in page
	if in.Page, err = feed.Compare(ctx, p.Memory, feedOf(r), records, nil); err != nil {
		return err
	}
	if r.In.Full || r.In.chosen() {
		in.Resend()
	}
	if err := in.Doubt(ctx, p.Memory, feedOf(r)); err != nil {
		return err
	}
	for _, t := range slices.Concat(in.Changed, in.Again) {
		in.listings = append(in.listings, as[t.ID])
	}
	r.State.page = in
	return nil
}

// mostBytes is how large a record may be: a message of the standard tier takes 256 KiB with its properties.
const mostBytes = 200 << 10

// fitting encodes a record. One that is too large for a message leaves out what can be asked for elsewhere, and says so.
func fitting(p Product) (json.RawMessage, error) {
	leave := []struct {
		name string
		out  func()
	}{
		{"related", func() { p.Related = nil }}, {"attributes", func() { p.Attributes = nil }}, {"images", func() { p.Images = nil }},
		{"variants", func() { p.Variants = nil }}, {"description", func() { p.Description = "" }},
	}
	for {
		data, err := json.Marshal(p)
		switch {
		case err != nil:
			return nil, fault.Wrap(fault.Permanent, "encode a product", err)
		case len(data) <= mostBytes || len(leave) == 0:
			return data, nil
		}
		leave[0].out()
		p.LeftOut, leave = append(p.LeftOut, leave[0].name), leave[1:]
	}
}

// tellPage stages the page's records, and what is to be kept once they are in the broker.
func (p products) tellPage(r *run) {
	in := r.State.page
	r.State.Told, r.State.page = in.Pending(), page{}
	r.State.Unchanged += len(in.Same)
	r.State.Told.Add(in.Same...) // seen, all the same
	tell := func(to orchestration.Channel, records []feed.Record) {
		for _, t := range records {
			r.TellOf(ref(r, t.ID), to, ProductType, t.Data, feed.Digest(t.Data), strconv.Itoa(r.State.Again), r.Event.Replay)
		}
		r.State.Told.Add(records...)
		r.State.Products += len(records)
	}
	tell(r.Channel, in.Changed) // everybody, whoever asked
	tell(feed.Only(r.Channel, r.In.Sinks), in.Again)
	r.State.Resent += len(in.Again)
	p.tellGone(r, in.Gone)
	r.State.Deleted = slices.DeleteFunc(r.State.Deleted, func(l listing) bool { return slices.Contains(in.listings, l) }) // it is sold again
	if p.ReportListings {
		followReport(r, csuclient.ListingPublish, in.listings)
	}
}

// tellGone stages tombstones.
func (p products) tellGone(r *run, gone []string) {
	for _, id := range gone {
		r.TellOf(ref(r, id), r.Channel, DeletedType, Deleted{ID: id}, r.Event.Replay)
	}
	r.State.Told.Drop(gone...)
	r.State.Gone += len(gone)
}

func ref(r *run, id string) mapping.Ref {
	return mapping.Ref{Kind: "product", Scope: r.Channel.Scope(), Source: feed.Source(r.Channel, Apart(r.In.Catalog)), ID: id}
}
