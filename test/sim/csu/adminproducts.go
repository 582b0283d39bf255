package csu

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// publishingState is what publishers have open, and reported.
type publishingState struct {
	Sessions int               `json:"sessions"`
	Listings []Listing         `json:"listings"`
	Channels []publishedStatus `json:"channels"`
}

type publishedStatus struct {
	OUN     string `json:"oun"`
	Status  int    `json:"status"`
	Message string `json:"message,omitempty"`
}

func (s *Simulator) publishingState() publishingState {
	out := publishingState{Sessions: s.Sessions(), Listings: s.Listings()}
	for _, ch := range s.options().Channels {
		status, message := s.PublishStatus(ch.OUN)
		out.Channels = append(out.Channels, publishedStatus{ch.OUN, status, message})
	}
	return out
}

// serveCatalogue is the part of the admin port that changes what is sold.
func (s *Simulator) serveCatalogue(mux *http.ServeMux) {
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, _ *http.Request) { misbehave.Answer(w, http.StatusOK, s.Products()) })
	mux.HandleFunc("POST /products", func(w http.ResponseWriter, r *http.Request) {
		var put struct {
			Products []Product `json:"products"`
		}
		if misbehave.Change(w, r, &put, func() error { return s.putChecked(put.Products) }) {
			misbehave.Answer(w, http.StatusOK, map[string]int{"put": len(put.Products)})
		}
	})
	mux.HandleFunc("DELETE /products", func(w http.ResponseWriter, r *http.Request) {
		var ids []int64
		for _, text := range r.URL.Query()["id"] {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				misbehave.Refuse(w, http.StatusBadRequest, errors.New("id is no whole number"))
				return
			}
			ids = append(ids, id)
		}
		misbehave.Answer(w, http.StatusOK, map[string]int{"removed": s.RemoveProducts(ids...)})
	})
	mux.HandleFunc("GET /publishing", func(w http.ResponseWriter, _ *http.Request) { misbehave.Answer(w, http.StatusOK, s.publishingState()) })
	mux.HandleFunc("POST /publishing/forget", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetChanges()
		misbehave.Answer(w, http.StatusOK, map[string]bool{"forgotten": true})
	})
	mux.HandleFunc("POST /publishing/end", func(w http.ResponseWriter, _ *http.Request) {
		misbehave.Answer(w, http.StatusOK, map[string]int{"ended": s.EndSessions()})
	})
	mux.HandleFunc("POST /publishing/status", func(w http.ResponseWriter, r *http.Request) {
		var to publishedStatus
		if misbehave.Change(w, r, &to, func() error { return s.SetPublishStatus(to.OUN, to.Status, to.Message) }) {
			misbehave.Answer(w, http.StatusOK, to)
		}
	})
}

// servePrices is the part of the admin port that changes prices.
func (s *Simulator) servePrices(mux *http.ServeMux) {
	mux.HandleFunc("POST /prices", func(w http.ResponseWriter, r *http.Request) {
		var to struct {
			Product int64       `json:"product"`
			Price   json.Number `json:"price"`
		}
		if misbehave.Change(w, r, &to, func() error {
			if price, ok := toDecimal(to.Price); !ok || price.IsNegative() {
				return errors.New("a price is needed")
			}
			if !s.SetPrice(to.Product, to.Price) {
				return misbehave.ErrNotThere
			}
			return nil
		}) {
			misbehave.Answer(w, http.StatusOK, to)
		}
	})
	mux.HandleFunc("GET /prices/rules", func(w http.ResponseWriter, _ *http.Request) { misbehave.Answer(w, http.StatusOK, s.PriceRules()) })
	mux.HandleFunc("POST /prices/rules", func(w http.ResponseWriter, r *http.Request) {
		var rule PriceRule
		if misbehave.Change(w, r, &rule, func() error { return s.PutPriceRules(rule) }) {
			misbehave.Answer(w, http.StatusOK, rule)
		}
	})
	mux.HandleFunc("DELETE /prices/rules", func(w http.ResponseWriter, r *http.Request) {
		misbehave.Answer(w, http.StatusOK, map[string]int{"removed": s.RemovePriceRules(r.URL.Query()["id"]...)})
	})
}

// serveStock is the part of the admin port that changes stock.
func (s *Simulator) serveStock(mux *http.ServeMux) {
	mux.HandleFunc("GET /stock", func(w http.ResponseWriter, _ *http.Request) {
		misbehave.Answer(w, http.StatusOK, append([]Stock{}, s.options().Stock...))
	})
	mux.HandleFunc("POST /stock", func(w http.ResponseWriter, r *http.Request) {
		var to Stock
		if misbehave.Change(w, r, &to, func() error {
			if err := to.check(); err != nil {
				return err
			}
			s.PutStock(to)
			return nil
		}) {
			misbehave.Answer(w, http.StatusOK, to)
		}
	})
}

// serveStores is the part of the admin port that opens and closes stores.
func (s *Simulator) serveStores(mux *http.ServeMux) {
	mux.HandleFunc("GET /stores", func(w http.ResponseWriter, _ *http.Request) {
		misbehave.Answer(w, http.StatusOK, append([]Store{}, s.options().Stores...))
	})
	mux.HandleFunc("POST /stores", func(w http.ResponseWriter, r *http.Request) {
		var put struct {
			Stores []Store `json:"stores"`
		}
		if misbehave.Change(w, r, &put, func() error {
			for i, st := range put.Stores {
				if st.Number == "" || st.Warehouse == "" {
					return fmt.Errorf("store %d needs number and warehouse", i)
				}
			}
			s.PutStores(put.Stores...)
			return nil
		}) {
			misbehave.Answer(w, http.StatusOK, map[string]int{"put": len(put.Stores)})
		}
	})
	mux.HandleFunc("DELETE /stores", func(w http.ResponseWriter, r *http.Request) {
		misbehave.Answer(w, http.StatusOK, map[string]int{"removed": s.RemoveStores(r.URL.Query()["number"]...)})
	})
}

func (s *Simulator) putChecked(products []Product) error {
	for i, p := range products {
		if p.RecordID <= 0 || p.ItemID == "" || p.Unit == "" || p.Price == "" {
			return fmt.Errorf("product %d needs recordId, itemId, unit and price", i)
		}
	}
	s.PutProducts(products...)
	return nil
}
