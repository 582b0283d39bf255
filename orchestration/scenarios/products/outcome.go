package products

import (
	_ "embed" // the schemas

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// What sinks are told.
const (
	ProductType = "signalbox.product.v1"         // a product as it is now
	DeletedType = "signalbox.product.deleted.v1" // it is not sold any more
)

//go:embed product.schema.json
var productSchema []byte

//go:embed deleted.schema.json
var deletedSchema []byte

// tells are the types of what sinks are told.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: ProductType, Kind: "product", Order: orchestration.State, Schema: productSchema},
		{Name: DeletedType, Kind: "product", Order: orchestration.State, Schema: deletedSchema}, feed.Tells()}
}

// Deleted is a tombstone.
type Deleted struct {
	ID string `json:"id"`
}

// tellSummary tells of a run that had anything to tell, or read everything.
func tellSummary(r *run) {
	f, whole := feedOf(r), wholeCatalogue(r)
	s := feed.Summary{Feed: f.Name, Whole: whole, Told: r.State.Products + r.State.Gone, Gone: r.State.Gone, Unchanged: r.State.Unchanged}
	s.Tell(r, r.Channel, f, whole, r.In.Sinks, r.State.Resent)
}
