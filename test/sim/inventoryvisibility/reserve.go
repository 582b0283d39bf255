package inventoryvisibility

import (
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/shopspring/decimal"
)

// Reservation is one that was made.
type Reservation struct {
	ID            string          `json:"id"` // the client's
	ReservationID string          `json:"reservationId"`
	Product       string          `json:"product"`
	Location      string          `json:"location"`
	Quantity      decimal.Decimal `json:"quantity"`
	Left          decimal.Decimal `json:"left"` // not freed

	row key
}

// Reservations lists those that were made, in order.
func (s *Simulator) Reservations() []Reservation {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Reservation, len(s.history))
	for i, r := range s.history {
		out[i] = *r
	}
	return out
}

type reserveDoc struct {
	ID             string            `json:"id"`
	Organization   string            `json:"organizationId"`
	Product        string            `json:"productId"`
	DataSource     string            `json:"dimensionDataSource"`
	Dimensions     map[string]string `json:"dimensions"`
	QuantitySource string            `json:"quantityDataSource"`
	Modifier       string            `json:"modifier"`
	Quantity       decimal.Decimal   `json:"quantity"`
	Check          *bool             `json:"ifCheckAvailForReserv"`
}

type unreserveDoc struct {
	ID            string            `json:"id"`
	Organization  string            `json:"organizationId"`
	ReservationID string            `json:"reservationId"`
	DataSource    string            `json:"dimensionDataSource"`
	Dimensions    map[string]string `json:"dimensions"`
	Offset        decimal.Decimal   `json:"OffsetQty"`
}

type resultDoc struct {
	ReservationID string           `json:"reservationId,omitempty"`
	Invalid       *decimal.Decimal `json:"totalInvalidOffsetQtyByReservId,omitempty"`
	ID            string           `json:"id"`
	Status        string           `json:"processingStatus"`
	Message       string           `json:"message"`
	Code          int              `json:"statusCode"`
}

// bulk does each record of a list (the shape of the answer is inferred).
func bulk[T any](c *call, do func(T) resultDoc) reply {
	var wishes []T
	if json.Unmarshal(c.body, &wishes) != nil || len(wishes) == 0 || len(wishes) > 512 {
		return refuse(http.StatusBadRequest, "that is no list of 1 to 512 records")
	}
	out := make([]resultDoc, len(wishes))
	for i, w := range wishes {
		out[i] = do(w)
	}
	return reply{status: http.StatusOK, body: out}
}

func one[T any](c *call, do func(T) resultDoc) reply {
	var wish T
	if json.Unmarshal(c.body, &wish) != nil {
		return refuse(http.StatusBadRequest, "that is no record")
	}
	got := do(wish)
	return reply{status: got.Code, body: got}
}

func failed(id, why string) resultDoc {
	return resultDoc{ID: id, Status: "fail", Message: why, Code: http.StatusBadRequest}
}

func (s *Simulator) reserve(w reserveDoc) resultDoc {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, again := s.kept[w.ID]; again {
		return resultDoc{ReservationID: was.ReservationID, ID: w.ID, Status: "success", Code: http.StatusOK}
	}
	k := keyOf(w.Organization, w.Product, w.Dimensions)
	row, there := s.rows[k]
	switch {
	case w.ID == "" || w.Product == "" || w.QuantitySource == "" || w.Modifier == "" || k.site == "" || k.location == "" || !w.Quantity.IsPositive():
		return failed(w.ID, "the record lacks something")
	case !there:
		return failed(w.ID, "there is nothing of it there")
	case (w.Check == nil || *w.Check) && row.available().LessThan(w.Quantity):
		return failed(w.ID, "there is not enough")
	}
	row.soft = row.soft.Add(w.Quantity)
	made := &Reservation{ID: w.ID, ReservationID: rand.Text(), Product: w.Product, Location: row.Location, Quantity: w.Quantity, Left: w.Quantity, row: k}
	s.kept[w.ID], s.history = made, append(s.history, made)
	return resultDoc{ReservationID: made.ReservationID, ID: w.ID, Status: "success", Code: http.StatusOK}
}

func (s *Simulator) unreserve(w unreserveDoc) resultDoc {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.history {
		if r.ReservationID != w.ReservationID {
			continue
		}
		if keyOf(w.Organization, r.Product, w.Dimensions) != r.row {
			return failed(w.ID, "the dimensions are not those of the reservation")
		}
		freed := decimal.Min(w.Offset, r.Left)
		r.Left = r.Left.Sub(freed)
		if row, there := s.rows[r.row]; there {
			row.soft = row.soft.Sub(freed)
		}
		over := w.Offset.Sub(freed)
		out := resultDoc{ReservationID: r.ReservationID, Invalid: &over, ID: w.ID, Status: "success", Code: http.StatusOK}
		if over.IsPositive() {
			out.Status = "partialSuccess"
		}
		return out
	}
	return failed(w.ID, "there is no such reservation")
}
