package csu

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// AdminHandler serves what the Go methods do as JSON over HTTP. It asks for no credentials: keep its port to yourself.
func (s *Simulator) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	show := func(pattern string, value func() any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { misbehave.Answer(w, http.StatusOK, value()) })
	}
	show("GET /ledger", func() any { return s.Ledger() })
	show("GET /customers", func() any { return s.Customers() })
	show("GET /carts", func() any { return s.Carts() })
	show("GET /orders", func() any { return s.SalesOrders() })
	show("GET /orders/refused", func() any { return s.RefusedOrders() })
	mux.HandleFunc("POST /orders/retry", func(w http.ResponseWriter, r *http.Request) {
		misbehave.Answer(w, http.StatusOK, map[string]int{"retried": s.RetryOrders(r.URL.Query()["id"]...)})
	})
	mux.HandleFunc("POST /orders/status", func(w http.ResponseWriter, r *http.Request) {
		var change struct {
			ID     string `json:"id"`
			Status int    `json:"status"`
		}
		if misbehave.Change(w, r, &change, func() error {
			if !s.SetOrderStatus(change.ID, change.Status) {
				return fmt.Errorf("headquarters has no order %q", change.ID)
			}
			return nil
		}) {
			misbehave.Answer(w, http.StatusOK, change)
		}
	})
	show("GET /duplicates", func() any { return s.DuplicateEmails() })
	show("GET /stats", func() any { return s.Stats() })
	show("GET /settings", func() any { return s.settings() })
	show("GET /headquarters", func() any { return s.Headquarters() })
	mux.HandleFunc("POST /headquarters/convert", func(w http.ResponseWriter, r *http.Request) {
		misbehave.Answer(w, http.StatusOK, map[string]int{"converted": s.Convert(r.URL.Query()["account"]...)})
	})
	show("POST /tokens/revoke", func() any { return map[string]int{"revoked": s.RevokeTokens()} })
	show("POST /reset", func() any { s.Reset(); return map[string]bool{"reset": true} })
	s.faults.Serve(mux)
	s.serveCatalogue(mux)
	s.servePrices(mux)
	s.serveStock(mux)
	s.serveStores(mux)
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		var change settings
		if misbehave.Change(w, r, &change, func() error { return s.change(change) }) {
			misbehave.Answer(w, http.StatusOK, s.settings())
		}
	})
	return mux
}

// settings are the options that can be changed over HTTP; what is absent stays.
type settings struct {
	TokenLifetime *misbehave.Duration `json:"tokenLifetime,omitempty"`
	SearchLag     *misbehave.Duration `json:"searchLag,omitempty"`
	Latency       *misbehave.Duration `json:"latency,omitempty"`
	CommitDelay   *misbehave.Duration `json:"commitDelay,omitempty"`
	ErrorShape    *string             `json:"errorShape,omitempty"` // "commerce" or "odata"
	SearchMode    *string             `json:"searchMode,omitempty"` // "exact" or "substring"
	RefuseScheme  *string             `json:"refuseScheme,omitempty"`

	AsyncCustomers    *bool               `json:"asyncCustomers,omitempty"`
	HQDown            *bool               `json:"hqDown,omitempty"`
	Conversion        *misbehave.Duration `json:"conversion,omitempty"`
	MergeConverted    *bool               `json:"mergeConverted,omitempty"`
	RedirectConverted *bool               `json:"redirectConverted,omitempty"`
	AsyncEdit         *bool               `json:"asyncEdit,omitempty"`
	StrictAddresses   *bool               `json:"strictAddresses,omitempty"`
	OrderSync         *misbehave.Duration `json:"orderSync,omitempty"`
	RepeatedUploads   *bool               `json:"repeatedUploads,omitempty"`

	Anonymous              *bool               `json:"anonymous,omitempty"`
	LabRoles               *bool               `json:"labRoles,omitempty"`
	OwnCartIDs             *bool               `json:"ownCartIDs,omitempty"`
	CartIdle               *misbehave.Duration `json:"cartIdle,omitempty"`
	KeyedPrices            *bool               `json:"keyedPrices,omitempty"`
	OrderNumberIsReference *bool               `json:"orderNumberIsReference,omitempty"`
	OrdersInRealTime       *bool               `json:"ordersInRealTime,omitempty"`
	NoMixedReturns         *bool               `json:"noMixedReturns,omitempty"`
	SessionLife            *misbehave.Duration `json:"sessionLife,omitempty"`
	OneSession             *bool               `json:"oneSession,omitempty"`
	Unnumbered             *bool               `json:"unnumbered,omitempty"`
	QuantityOutput         *string             `json:"quantityOutput,omitempty"` // "as-is", "less-buffer" or "withheld"
	InventoryLimit         *int                `json:"inventoryLimit,omitempty"`
}

var (
	shapeNames  = []string{ShapeCommerce: "commerce", ShapeOData: "odata"}
	modeNames   = []string{SearchExact: "exact", SearchSubstring: "substring"}
	outputNames = []string{QuantityAsIs: "as-is", QuantityLessBuffer: "less-buffer", QuantityWithheld: "withheld"}
)

func (s *Simulator) settings() settings {
	o := s.options()
	return settings{
		(*misbehave.Duration)(&o.TokenLifetime), (*misbehave.Duration)(&o.SearchLag), (*misbehave.Duration)(&o.Latency), (*misbehave.Duration)(&o.CommitDelay),
		&shapeNames[o.ErrorShape], &modeNames[o.SearchMode], &o.RefuseScheme,
		&o.AsyncCustomers, &o.HQDown, (*misbehave.Duration)(&o.Conversion), &o.MergeConverted, &o.RedirectConverted, &o.AsyncEdit, &o.StrictAddresses,
		(*misbehave.Duration)(&o.OrderSync), &o.RepeatedUploads,
		&o.Anonymous, &o.LabRoles, &o.OwnCartIDs, (*misbehave.Duration)(&o.CartIdle), &o.KeyedPrices, &o.OrderNumberIsReference,
		&o.OrdersInRealTime, &o.NoMixedReturns, (*misbehave.Duration)(&o.SessionLife), &o.OneSession, &o.Unnumbered,
		&outputNames[o.QuantityOutput], &o.InventoryLimit,
	}
}

// change applies them all, or none if one of them cannot be.
func (s *Simulator) change(c settings) error {
	if err := c.check(); err != nil {
		return err
	}
	s.Configure(c.apply)
	return nil
}

func (c settings) check() error {
	for _, d := range []*misbehave.Duration{c.TokenLifetime, c.SearchLag, c.Latency, c.CommitDelay, c.Conversion, c.OrderSync, c.CartIdle, c.SessionLife} {
		if d != nil && *d < 0 {
			return fmt.Errorf("a duration is not negative")
		}
	}
	if c.InventoryLimit != nil && *c.InventoryLimit < 1 {
		return fmt.Errorf("a limit is positive")
	}
	for _, choice := range []struct {
		sent  *string
		known []string
	}{{c.ErrorShape, shapeNames}, {c.SearchMode, modeNames}, {c.QuantityOutput, outputNames}, {c.RefuseScheme, []string{"", "bearer", "id_token"}}} {
		if choice.sent != nil && slices.Index(choice.known, *choice.sent) < 0 {
			return fmt.Errorf("%q is none of %q", *choice.sent, choice.known)
		}
	}
	return nil
}

func (c settings) apply(o *Options) {
	set := func(to *time.Duration, from *misbehave.Duration) {
		if from != nil {
			*to = time.Duration(*from)
		}
	}
	turn := func(to, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	set(&o.TokenLifetime, c.TokenLifetime)
	set(&o.SearchLag, c.SearchLag)
	set(&o.OrderSync, c.OrderSync)
	turn(&o.RepeatedUploads, c.RepeatedUploads)
	turn(&o.Anonymous, c.Anonymous)
	turn(&o.LabRoles, c.LabRoles)
	turn(&o.OwnCartIDs, c.OwnCartIDs)
	set(&o.CartIdle, c.CartIdle)
	turn(&o.KeyedPrices, c.KeyedPrices)
	turn(&o.OrderNumberIsReference, c.OrderNumberIsReference)
	turn(&o.OrdersInRealTime, c.OrdersInRealTime)
	turn(&o.NoMixedReturns, c.NoMixedReturns)
	set(&o.SessionLife, c.SessionLife)
	turn(&o.OneSession, c.OneSession)
	turn(&o.Unnumbered, c.Unnumbered)
	if c.QuantityOutput != nil {
		o.QuantityOutput = QuantityOutput(slices.Index(outputNames, *c.QuantityOutput))
	}
	if c.InventoryLimit != nil {
		o.InventoryLimit = *c.InventoryLimit
	}
	set(&o.Latency, c.Latency)
	set(&o.CommitDelay, c.CommitDelay)
	set(&o.Conversion, c.Conversion)
	turn(&o.AsyncCustomers, c.AsyncCustomers)
	turn(&o.HQDown, c.HQDown)
	turn(&o.MergeConverted, c.MergeConverted)
	turn(&o.RedirectConverted, c.RedirectConverted)
	turn(&o.AsyncEdit, c.AsyncEdit)
	turn(&o.StrictAddresses, c.StrictAddresses)
	if c.ErrorShape != nil {
		o.ErrorShape = ErrorShape(slices.Index(shapeNames, *c.ErrorShape))
	}
	if c.SearchMode != nil {
		o.SearchMode = SearchMode(slices.Index(modeNames, *c.SearchMode))
	}
	if c.RefuseScheme != nil {
		o.RefuseScheme = *c.RefuseScheme
	}
}
