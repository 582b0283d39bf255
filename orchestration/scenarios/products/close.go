package products

import (
	"context"
	_ "embed" // the schema

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
)

// CloseType is what we tell ourselves of a session whose run has become a dead letter (close.schema.json).
const CloseType = "signalbox.products.close.v1"

// CloseName is the scenario that handles it.
const CloseName = "products-close"

//go:embed close.schema.json
var closeSchema []byte

// Close asks for the end of a session.
type Close struct {
	Session csuclient.Session `json:"session"`
}

type closeRun = orchestration.Run[Close, struct{}]

// close ends the session. A replay of its run finds it gone, and begins another one.
func (p products) close() orchestration.Pipeline[Close, struct{}] {
	return orchestration.Pipeline[Close, struct{}]{
		Name: CloseName, PartOf: PublishName, Handles: CloseType, Version: 1, Order: orchestration.Fact, Schema: closeSchema, Internal: true, Lane: orchestration.LaneBulk,
		Certify:  orchestration.Certification{Elsewhere: "test/feeds"}, // its run must become a dead letter with a session open
		EntityOf: func(_ orchestration.Event, in Close) (kind, id string) { return "product-session", in.Session.ID },
		Steps: []orchestration.Step[Close, struct{}]{{Name: "end-session", Sure: orchestration.Repeatable, Act: func(ctx context.Context, r *closeRun) error {
			return p.Catalogue(r.Channel).EndChangedProducts(ctx, r.In.Session)
		}}},
	}
}

// abandon ends the session of a run that ends as a dead letter.
func abandon(r *run) {
	if r.State.Session.ID != "" {
		r.Follow(CloseType, Close{r.State.Session}, 0, r.State.Session.ID)
	}
}
