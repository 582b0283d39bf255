package products

import (
	"context"
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// ReportType is what we tell ourselves of listings once their records are in the broker (report.schema.json).
const ReportType = "signalbox.products.report.v1"

// ReportName is the scenario that handles it.
const ReportName = "products-report"

//go:embed report.schema.json
var reportSchema []byte

// Report is what became of listings.
type Report struct {
	Action   csuclient.ListingAction `json:"action"`
	Listings []listing               `json:"listings"`
}

// listing is a product in one language of a catalogue.
type listing struct {
	Product  int64  `json:"p"`
	Language string `json:"l"`
	Catalog  int64  `json:"c"`
}

type reportRun = orchestration.Run[Report, struct{}]

// report tells the CSU, which tells of deletions only what it was told is published. Saying it again changes nothing.
func (p products) report() orchestration.Pipeline[Report, struct{}] {
	return orchestration.Pipeline[Report, struct{}]{
		Name: ReportName, PartOf: PublishName, Handles: ReportType, Version: 1, Order: orchestration.Fact, Schema: reportSchema, Internal: true,
		Lane: orchestration.LaneBulk, Numbers: map[string]int{"/listings/*/p": orchestration.AnyNumber},
		EntityOf: func(ev orchestration.Event, _ Report) (kind, id string) { return "product-report", ev.ID },
		Steps: []orchestration.Step[Report, struct{}]{{Name: "report-listings", Sure: orchestration.Repeatable, Act: func(ctx context.Context, r *reportRun) error {
			left, err := p.stillSo(ctx, r)
			if err != nil || len(left) == 0 {
				return err
			}
			statuses := make([]csuclient.ListingStatus, len(left))
			for i, l := range left {
				statuses[i] = csuclient.ListingStatus{Listing: csuclient.Listing{Product: l.Product, Language: l.Language, Catalog: l.Catalog},
					Action: r.In.Action, State: csuclient.ListingDone, At: r.Event.Time}
			}
			return p.Catalogue(r.Channel).ReportListings(ctx, statuses)
		}}},
	}
}

// followReport stages the report of listings. It goes behind their records, so it is handled once they are in the broker.
func followReport(r *run, action csuclient.ListingAction, of []listing) {
	const atOnce = 100
	for some := range slices.Chunk(of, atOnce) {
		r.FollowPart(ReportType, Report{action, some}, fmt.Sprint(action, r.State.Again), digestOf(some), r.Event.Replay) // a page that is read again may be another
	}
}

func digestOf(some []listing) string {
	data, err := json.Marshal(some)
	if err != nil {
		panic(err) // text and numbers
	}
	return feed.Digest(data)
}

// reportDeletions stages the report of all that was told as deleted. It stays in the state: a run that dies before the report is in the broker
// comes here again.
func reportDeletions(r *run) { followReport(r, csuclient.ListingDelete, r.State.Deleted) }

// stillSo leaves out deletions of listings that are sold by now: reports are in no order, and the CSU keeps no track of what it was told last is
// deleted, so it would never say when that is deleted again.
func (p products) stillSo(ctx context.Context, r *reportRun) ([]listing, error) {
	if r.In.Action != csuclient.ListingDelete {
		return r.In.Listings, nil
	}
	byCatalog := map[int64][]int64{}
	for _, l := range r.In.Listings {
		byCatalog[l.Catalog] = append(byCatalog[l.Catalog], l.Product)
	}
	left := slices.Clone(r.In.Listings)
	for catalog, ids := range byCatalog {
		sold, err := p.Catalogue(r.Channel).FullProducts(ctx, catalog, ids)
		if err != nil {
			return nil, err
		}
		left = slices.DeleteFunc(left, func(l listing) bool {
			return l.Catalog == catalog && slices.ContainsFunc(sold, func(s csuclient.ListedProduct) bool { return s.ID == l.Product && s.Locale == l.Language })
		})
	}
	return left, nil
}
