package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Reservations is the part of Inventory Visibility that orders need. Errors are *fault.Error.
type Reservations interface {
	Reserve(ctx context.Context, wishes []inventoryvisibility.Reservation) ([]inventoryvisibility.Reserved, error)
	Unreserve(ctx context.Context, releases []inventoryvisibility.Release) error
}

// Reserving is how orders are reserved softly before they are placed.
type Reserving struct {
	Service Reservations
	Layout  inventoryvisibility.Layout
	Measure inventoryvisibility.Measure // that reservations raise
	At      string                      // the warehouse of lines that no store fetches or sends; empty: those are not reserved
	Off     bool                        // no more; what was reserved is still freed
	GoOn    bool                        // with what could be reserved, when that is not all
}

// Held is a soft reservation of a line.
type Held struct {
	Key          string            `json:"key"`                   // ours: a repeat under it is the same reservation
	Reservation  string            `json:"reservation,omitempty"` // the service's id; empty: there was not enough, or no answer
	Organization string            `json:"organization"`
	Site         string            `json:"site"`
	Location     string            `json:"location"`
	Product      string            `json:"product"` // item
	Dimensions   map[string]string `json:"dimensions,omitempty"`
}

// held are the reservations of an order, as its run remembers them: quantities are the event's, and not kept.
type held struct {
	Job   string     `json:"job,omitempty"`   // the replay job that the run was in when it reserved
	Round string     `json:"round,omitempty"` // part of the keys
	Lines []heldLine `json:"lines,omitempty"`
}

type heldLine struct {
	Line int `json:"line"` // counted from 0
	Held
}

// key is our id of a line's reservation. It is the event's own, so that what one event has freed is not taken for reserved by the next, and says what
// is reserved, because a person may have edited the event.
func (h Held) key(r *run, round string, line int, quantity decimal.Decimal) string {
	return r.EventToken(fmt.Sprintf("reserve %q %d %s of %q %v at %q", round, line, quantity, h.Product, h.Dimensions, h.place()))
}

func (o orders) reserving() bool { return o.Reserving != nil && !o.Reserving.Off }

func (o orders) reserves(*run) bool { return o.reserving() }

// placedAlready looks whether there is anything to reserve for: an order that is placed needs no reservation.
func (o orders) placedAlready(ctx context.Context, r *run) (bool, error) {
	if carts(r) {
		return o.checkedOut(ctx, r)
	}
	return o.find(ctx, r)
}

// reserve reserves each line at its warehouse. The service shows no reservation by its id, so nothing can be looked up; but it takes a repeat under
// the same id as the same, and gives the same answer (documented of on-hand changes, inferred of reservations), so the step is Repeatable.
func (o orders) reserve(ctx context.Context, r *run) (err error) {
	r.State.Stock, err = o.hold(ctx, r, "")
	return err
}

// hold reserves under the keys of a round.
func (o orders) hold(ctx context.Context, r *run, round string) (*held, error) {
	s := &held{Job: r.Event.Replay, Round: round}
	wishes, err := o.wishes(ctx, r, s)
	if err != nil || len(wishes) == 0 {
		return s, err
	}
	got, err := o.Reserving.Service.Reserve(ctx, wishes)
	if err != nil {
		return nil, err
	}
	for i := range s.Lines {
		s.Lines[i].Reservation = got[i].ReservationID
	}
	return s, nil
}

// wishes are the lines that can be reserved: those of a known warehouse, in the product's own unit of sale. What other units are in the
// inventory's unit nobody here knows.
func (o orders) wishes(ctx context.Context, r *run, s *held) ([]inventoryvisibility.Reservation, error) {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(want.Lines))
	for i, l := range want.Lines {
		ids[i] = l.ProductID
	}
	products, err := o.csu(r.Channel).Products(ctx, ids)
	if err != nil {
		return nil, err
	}
	var wishes []inventoryvisibility.Reservation
	for i, l := range want.Lines {
		at := o.Reserving.Layout.At(r.Channel.LegalEntity, orElse(l.Warehouse, o.Reserving.At))
		p := products[l.ProductID]
		if orElse(l.Warehouse, o.Reserving.At) == "" || len(at) == 0 || !strings.EqualFold(l.Unit, p.Unit) {
			continue
		}
		h := Held{Organization: at[0].Organization, Site: at[0].Site, Location: at[0].Location, Product: l.ItemID, Dimensions: o.Reserving.Layout.Dimensions(variant(p))}
		h.Key = h.key(r, s.Round, i, l.Quantity)
		s.Lines = append(s.Lines, heldLine{i, h})
		wishes = append(wishes, o.Reserving.wish(h, l.Quantity))
	}
	return wishes, nil
}

func variant(p csuclient.Product) inventoryvisibility.Variant {
	d := p.Dimensions
	return inventoryvisibility.Variant{Color: d.Color, Size: d.Size, Style: d.Style, Config: d.Config}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (p Reserving) wish(h Held, quantity decimal.Decimal) inventoryvisibility.Reservation {
	return inventoryvisibility.Reservation{ID: h.Key, Organization: h.Organization, Product: h.Product, Place: h.place(), Dimensions: h.Dimensions, DataSource: p.Layout.DataSource,
		Quantity: quantity, QuantitySource: p.Measure.Source, Modifier: p.Measure.Name, Check: true}
}

func (h Held) place() inventoryvisibility.Place {
	return inventoryvisibility.Place{Site: h.Site, Location: h.Location}
}

// covered makes sure, right before the order is placed, that what is to be reserved is: a run that ended as a dead letter has freed it, so a replay
// reserves anew. It refuses an order that is short, unless it is to go on.
func (o orders) covered(ctx context.Context, r *run) error {
	if !o.reserving() || r.State.Stock == nil { // the order was there, or there is nothing to reserve
		return nil
	}
	if r.State.Stock.Job != r.Event.Replay {
		s, err := o.hold(ctx, r, r.Event.Replay)
		if err != nil {
			return err
		}
		r.State.Stock = s
	}
	lines := r.State.Stock.Lines
	short := slices.IndexFunc(lines, func(l heldLine) bool { return l.Reservation == "" })
	if short < 0 || o.Reserving.GoOn {
		return nil
	}
	l := lines[short]
	return wrong(fmt.Sprintf("/lines/%d/quantity", l.Line), fmt.Sprintf("cannot be reserved: Inventory Visibility has not enough of item %s at warehouse %s, or does not know it there; "+
		"replay the order when there is, or have orders.when_short be go_on", l.Product, l.Location))
}

// toFree are the reservations of a run.
func toFree(r *run) (all []Freed) {
	s := r.State.Stock
	if s == nil {
		return nil
	}
	for _, l := range s.Lines {
		if l.Reservation != "" && l.Line < len(r.In.Lines) {
			all = append(all, Freed{l.Held, r.In.Lines[l.Line].Quantity})
		}
	}
	return all
}

// free has the reservations of a run freed that ends as a dead letter. What it may have reserved in this replay is not remembered, as
// the step failed; it is found by its keys.
func (o orders) free(r *run) {
	lines := toFree(r)
	if s := r.State.Stock; s != nil && s.Job != r.Event.Replay {
		for _, l := range s.Lines {
			if l.Line < len(r.In.Lines) {
				quantity := r.In.Lines[l.Line].Quantity
				l.Key, l.Reservation = l.key(r, r.Event.Replay, l.Line, quantity), ""
				lines = append(lines, Freed{l.Held, quantity})
			}
		}
	}
	if len(lines) > 0 {
		r.Follow(ReleaseType, Release{r.In.ID, lines}, 0, "rejected", r.Event.Replay)
	}
}

// errNotConfigured is in the way of what was begun under another configuration.
var errNotConfigured = &fault.Error{Kind: fault.Blocked, Class: "other",
	Detail: "there are soft reservations to free, and Inventory Visibility is not configured any more; configure it (inventory.visibility.*) until they are freed, orders.reserve may be none"}
