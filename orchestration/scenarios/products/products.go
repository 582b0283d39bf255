// Package products publishes a channel's catalogue to its sinks: what changed since the last time, or everything.
//
// The CSU's publishing framework is read as it is meant: a session is begun with the synchronization token, read in pages below 100 and ended. Each
// page's records are in the broker before the next page is read, and the token is saved only after the last page's are. So a process
// that dies on any page misses nothing; what it tells again has the same id and the same data.
//
// Promises. A record is told when it differs from what was told last, or when everything was asked for. A product that is not sold any
// more is told once, as deleted. A session that the CSU has lost is begun again, with the token from before. A session is ended
// whatever becomes of the run; only one that was begun by a process that died at that very moment is left to end by itself.
//
// Source: Microsoft's description of the publishing framework for headless commerce; the metadata of Retail Server 9.23.
package products

import (
	"context"
	_ "embed" // the schema
	"fmt"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// Catalogue is what the scenarios need of the CSU, for one operating unit.
type Catalogue interface {
	BeginChangedProducts(ctx context.Context, catalog int64, token string) (csuclient.Session, error)
	ChangedProducts(ctx context.Context, catalog int64, token string, s csuclient.Session, skip, top int) ([]csuclient.ListedProduct, error)
	EndChangedProducts(ctx context.Context, s csuclient.Session) error
	FullProducts(ctx context.Context, catalog int64, ids []int64) ([]csuclient.ListedProduct, error)
	DeletedListings(ctx context.Context, catalog int64, skip, top int) (listings []csuclient.Listing, more bool, err error)
	ReportListings(ctx context.Context, statuses []csuclient.ListingStatus) error
	PublishStatus(ctx context.Context) (int, error)
	SetPublishStatus(ctx context.Context, status int, message string) error
	Categories(ctx context.Context, fresh bool) ([]csuclient.Category, error)
}

// Parts is what the scenarios are made from.
type Parts struct {
	Catalogue func(orchestration.Channel) Catalogue
	Memory    feed.Memory
	PageSize  int // products in one page, below 100
	// ReportListings says whether the CSU is told what is published. It tells of deletions only what it was told of.
	ReportListings bool
}

// PublishType asks for the catalogue (publish.schema.json).
const PublishType = "signalbox.products.publish.v1"

// PublishName is the scenario that handles it.
const PublishName = "products"

//go:embed publish.schema.json
var publishSchema []byte

// Publish is what is asked for.
type Publish struct {
	Full      bool     `json:"full,omitempty"`      // everything, whether it changed or not
	Catalog   int64    `json:"catalog,omitempty"`   // 0: the channel's own
	Deletions *bool    `json:"deletions,omitempty"` // whether the CSU is asked for what is not sold any more; absent: yes
	Products  []string `json:"products,omitempty"`  // only these, as they are now; absent: what changed
	Sinks     []string `json:"sinks,omitempty"`     // who is told of what did not change, where that is told, too; absent: every sink of the channel
}

func (p Publish) chosen() bool { return len(p.Products) > 0 }

// progress is what a run learns.
type progress struct {
	Token   string            `json:"token,omitempty"`   // that the session was begun with
	Was     string            `json:"was,omitempty"`     // the cursor before
	Session csuclient.Session `json:"session,omitzero"`  // ended once its id is empty
	Skip    int               `json:"skip,omitempty"`    // how far the list in hand was read
	Again   int               `json:"again,omitempty"`   // sessions that were lost
	Done    bool              `json:"done,omitempty"`    // the list in hand is read to its end
	Bucket  int               `json:"bucket,omitempty"`  // how far the memory was walked
	Deleted []listing         `json:"deleted,omitempty"` // to be reported as deleted
	Told    feed.Pending      `json:"told,omitzero"`     // of the page before: to be kept

	Products  int `json:"products"`         // told
	Resent    int `json:"resent,omitempty"` // of these, how many were as they were told before
	Unchanged int `json:"unchanged"`        // left out, since they are as they were told
	Gone      int `json:"gone"`             // told as deleted

	page page // in hand, never saved
}

type (
	run  = orchestration.Run[Publish, progress]
	step = orchestration.Step[Publish, progress]
)

type products struct{ Parts }

// Scenarios makes them.
func Scenarios(p Parts) []orchestration.Scenario {
	all := products{p}
	return []orchestration.Scenario{all.publish(), all.report(), all.close()}
}

func (p products) publish() orchestration.Pipeline[Publish, progress] {
	return orchestration.Pipeline[Publish, progress]{
		Name: PublishName, Handles: PublishType, Version: 1, Order: orchestration.Fact, Schema: publishSchema, Ours: true, Certify: certification(), Lane: orchestration.LaneBulk,
		Numbers: feed.RecordIDs(),
		Entity:  Publish.entity, Rejected: abandon, Tells: tells(),
		Steps: []step{
			{Name: "read-chosen", When: chosen, Look: p.readChosen, Note: p.tellPage, More: unfinished},
			{Name: "begin-session", When: changes, Sure: orchestration.Repeatable, Act: p.begin},
			{Name: "read-deletions", When: p.wantsDeletions, Look: p.readDeletions, Note: p.tellDeletions, More: unfinished},
			{Name: "read-pages", When: changes, Look: p.readPage, Note: p.tellPage, More: unfinished},
			{Name: "find-missing", When: wholeCatalogue, Look: p.findMissing, Note: p.tellDeletions, More: unfinished},
			{Name: "save-token", Look: p.isSaved, Act: p.saveToken, Note: reportDeletions},
			{Name: "end-session", When: changes, Sure: orchestration.Repeatable, Act: p.end},
			{Name: "publish-channel", When: changes, Look: p.isPublished, Act: p.publishChannel, Note: tellSummary},
		},
	}
}

func (p Publish) entity() (kind, id string) { return "product-feed", fmt.Sprint(p.Catalog) }

func chosen(r *run) bool  { return r.In.chosen() }
func changes(r *run) bool { return !r.In.chosen() }

func unfinished(r *run) bool { return !r.State.Done }

// feedOf is the feed of the run.
func feedOf(r *run) feed.Feed {
	return feed.Feed{Channel: r.Channel.Name, Name: FeedName(r.In.Catalog)}
}

// FeedName is that of a catalogue's products.
func FeedName(catalog int64) string { return fmt.Sprint("products/", catalog) }

// Apart is what tells the products of a catalogue from the channel's own in the source of their events.
func Apart(catalog int64) string {
	if catalog == 0 {
		return ""
	}
	return fmt.Sprint("/catalog/", catalog)
}

// mark is of the run: what it has seen has it. A replay has another: what it saw before it failed may have gone since.
func mark(r *run) string { return r.EventToken("mark" + r.Event.Replay)[:8] }

// keepTold keeps what was told of the page before: it is in the broker.
func (p products) keepTold(ctx context.Context, r *run) error {
	return r.State.Told.Keep(ctx, p.Memory, feedOf(r), mark(r))
}
