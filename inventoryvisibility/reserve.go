package inventoryvisibility

import (
	"context"
	"errors"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// recordsAtOnce is how many records a bulk request takes (documented).
const recordsAtOnce = 512

// Reservation is a wish to reserve some of a product at a place. Its id is the client's: a repeat under the same id is the same reservation
// (documented of on-hand changes, inferred of reservations).
type Reservation struct {
	ID           string
	Organization string
	Product      string
	Place        Place
	Dimensions   map[string]string // further ones, such as colorId
	DataSource   string            // whose names of dimensions are used; empty: the base dimensions

	Quantity       decimal.Decimal
	QuantitySource string // data source of the measure that is raised, such as iv
	Modifier       string // that measure, such as softReservOrdered
	Check          bool   // refuse it when there is not enough
}

// Reserved is what became of a wish.
type Reserved struct {
	ID            string
	ReservationID string // the service's, for Unreserve; empty: it was not reserved
}

// Release is a wish to free what was reserved.
type Release struct {
	ID            string // the client's
	Organization  string
	ReservationID string
	Place         Place
	Dimensions    map[string]string
	DataSource    string
	Quantity      decimal.Decimal
}

type wireReservation struct {
	ID             string            `json:"id"`
	Organization   string            `json:"organizationId"`
	Product        string            `json:"productId"`
	DataSource     string            `json:"dimensionDataSource,omitempty"`
	Dimensions     map[string]string `json:"dimensions"`
	QuantitySource string            `json:"quantityDataSource"`
	Modifier       string            `json:"modifier"`
	Quantity       quantity          `json:"quantity"`
	Check          bool              `json:"ifCheckAvailForReserv"`
}

type wireRelease struct {
	ID            string            `json:"id"`
	Organization  string            `json:"organizationId"`
	ReservationID string            `json:"reservationId"`
	DataSource    string            `json:"dimensionDataSource,omitempty"`
	Dimensions    map[string]string `json:"dimensions"`
	Quantity      quantity          `json:"OffsetQty"`
}

// quantity goes over the wire as a number.
type quantity struct{ decimal.Decimal }

// MarshalJSON writes the number.
func (q quantity) MarshalJSON() ([]byte, error) { return []byte(q.String()), nil }

type wireResult struct {
	ID            string `json:"id"`
	ReservationID string `json:"reservationId"`
	Status        string `json:"processingStatus"`
}

// The values of processingStatus that are documented.
const (
	statusSuccess = "success"
	statusPartial = "partialSuccess" // of a reversal: less was reserved than is to be freed
)

// Reserve reserves as much as it can, and says of each wish what became of it. One that is refused is no error: there is not enough, or the service does
// not know the product there; its answer does not say which by a code that is documented.
func (c *Client) Reserve(ctx context.Context, wishes []Reservation) ([]Reserved, error) {
	out := make([]Reserved, 0, len(wishes))
	for some := range slices.Chunk(wishes, recordsAtOnce) {
		body := make([]wireReservation, len(some))
		for i, w := range some {
			body[i] = wireReservation{w.ID, w.Organization, w.Product, w.DataSource, at(w.Place, w.Dimensions), w.QuantitySource, w.Modifier, quantity{w.Quantity}, w.Check}
		}
		var got []wireResult
		err := c.do(ctx, call{name: "InventoryVisibility.Reserve", write: true, path: "/reserve/bulk", body: body, into: &got})
		if errors.Is(err, errPlanned) {
			got = make([]wireResult, len(some))
			for i, w := range some {
				got[i] = wireResult{w.ID, "(planned)", statusSuccess}
			}
		} else if err != nil {
			return nil, err
		}
		for i, w := range some {
			r, there := resultOf(got, i, w.ID, len(some))
			if !there {
				return nil, incomplete("InventoryVisibility.Reserve")
			}
			done := Reserved{ID: w.ID}
			if r.Status == statusSuccess {
				done.ReservationID = r.ReservationID
			}
			out = append(out, done)
		}
	}
	return out, nil
}

// Unreserve frees what was reserved. To free it once more frees nothing: the service frees no more than is left of a reservation (documented).
func (c *Client) Unreserve(ctx context.Context, releases []Release) error {
	for some := range slices.Chunk(releases, recordsAtOnce) {
		body := make([]wireRelease, len(some))
		for i, r := range some {
			body[i] = wireRelease{r.ID, r.Organization, r.ReservationID, r.DataSource, at(r.Place, r.Dimensions), quantity{r.Quantity}}
		}
		var got []wireResult
		err := c.do(ctx, call{name: "InventoryVisibility.Unreserve", write: true, path: "/unreserve/bulk", body: body, into: &got})
		if errors.Is(err, errPlanned) {
			continue
		}
		if err != nil {
			return err
		}
		for i, r := range some {
			switch is, there := resultOf(got, i, r.ID, len(some)); {
			case !there:
				return incomplete("InventoryVisibility.Unreserve")
			case is.Status != statusSuccess && is.Status != statusPartial:
				f := fault.New(fault.Permanent, fault.CsuRejected, "Inventory Visibility did not free a reservation; look for it there, and free it by hand")
				f.Operation, f.Class = "InventoryVisibility.Unreserve", "invalid"
				return f
			}
		}
	}
	return nil
}

// resultOf finds the record that answers a wish: by its id, else by its place.
func resultOf(got []wireResult, i int, id string, want int) (wireResult, bool) {
	if at := slices.IndexFunc(got, func(r wireResult) bool { return r.ID == id }); at >= 0 {
		return got[at], true
	}
	if len(got) != want {
		return wireResult{}, false
	}
	return got[i], true
}

func incomplete(operation string) *fault.Error {
	f := fault.New(fault.Ambiguous, "", "Inventory Visibility did not say what became of each record")
	f.Operation, f.Class = operation, "server_error"
	return f
}

// at are the dimensions of a place, and further ones.
func at(p Place, more map[string]string) map[string]string {
	all := map[string]string{dimensionSite: p.Site, dimensionLocation: p.Location}
	for k, v := range more {
		all[k] = v
	}
	return all
}
