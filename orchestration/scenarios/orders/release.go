package orders

import (
	"context"
	_ "embed" // the schema

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration"
)

// ReleaseType is what we tell ourselves of soft reservations that are not needed any more (release.schema.json): the order is a dead letter, or
// headquarters has it, and reserves for itself.
const ReleaseType = "signalbox.order.release.v1"

//go:embed release.schema.json
var releaseSchema []byte

// Release asks for reservations to be freed.
type Release struct {
	ID    string  `json:"id"` // the order, as its source numbers it
	Lines []Freed `json:"lines"`
}

// Freed is a reservation to be freed.
type Freed struct {
	Held
	Quantity decimal.Decimal `json:"quantity"`
}

func (l Release) entity() (kind, id string) { return kindOrder, l.ID }

// idsIn are the places of items and reservations in a list of them: their numbers are no cards, though some look like it.
func idsIn(list string) map[string]int {
	return map[string]int{list + "/*/product": orchestration.AnyNumber, list + "/*/reservation": orchestration.AnyNumber}
}

type releaseRun = orchestration.Run[Release, struct{}]

func (o orders) releasing() orchestration.Pipeline[Release, struct{}] {
	return orchestration.Pipeline[Release, struct{}]{
		Name: "orders-release", PartOf: "orders", Handles: ReleaseType, Version: 1, Order: orchestration.Fact, Schema: releaseSchema, Internal: true,
		Certify: orchestration.Certification{Elsewhere: "test/orders"}, // it takes an Inventory Visibility
		Entity:  Release.entity, Numbers: idsIn("/lines"),
		Steps: []orchestration.Step[Release, struct{}]{{Name: "release-stock", Sure: orchestration.Repeatable, Act: o.release}},
	}
}

// release frees them. One whose id is not known, because its answer was lost, is asked for once more under its key: then the service tells the id, or
// there is nothing to free. To free a reservation twice frees nothing more.
func (o orders) release(ctx context.Context, r *releaseRun) error {
	if o.Reserving == nil {
		return errNotConfigured
	}
	lines, err := o.learned(ctx, r.In.Lines)
	if err != nil || len(lines) == 0 {
		return err
	}
	releases := make([]inventoryvisibility.Release, len(lines))
	for i, l := range lines {
		releases[i] = inventoryvisibility.Release{ID: r.EventToken("release " + l.Key), Organization: l.Organization, ReservationID: l.Reservation, Place: l.place(),
			Dimensions: l.Dimensions, DataSource: o.Reserving.Layout.DataSource, Quantity: l.Quantity}
	}
	return o.Reserving.Service.Unreserve(ctx, releases)
}

// learned gives those that are reserved, with their ids.
func (o orders) learned(ctx context.Context, lines []Freed) (known []Freed, err error) {
	var unknown []Freed
	var wishes []inventoryvisibility.Reservation
	for _, l := range lines {
		if l.Reservation != "" {
			known = append(known, l)
			continue
		}
		unknown, wishes = append(unknown, l), append(wishes, o.Reserving.wish(l.Held, l.Quantity))
	}
	if len(wishes) == 0 {
		return known, nil
	}
	got, err := o.Reserving.Service.Reserve(ctx, wishes)
	if err != nil {
		return nil, err
	}
	for i, l := range unknown {
		if l.Reservation = got[i].ReservationID; l.Reservation != "" {
			known = append(known, l)
		}
	}
	return known, nil
}
