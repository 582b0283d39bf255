package csu

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// DefaultOrderSync is how long it takes headquarters to have an order when Options do not say.
const DefaultOrderSync = time.Minute

// The values of SalesTransactionType, SalesStatus and SearchLocation that are used here.
const (
	pendingSalesOrder = 27
	statusCreated     = 1
	statusConfirmed   = 5
	statusCanceled    = 7
	searchLocal       = 1
	searchRemote      = 2
)

const longestReference = 50 // of a ChannelReferenceId; the rest is cut off

// SalesOrder is an order as a read shows it, member names as in the metadata. Numbers are json.Number.
type SalesOrder map[string]any

// ID is the key, the transaction id that the client chose.
func (o SalesOrder) ID() string { return str(o, "Id") }

// SalesID is headquarters' number; empty until it has the order.
func (o SalesOrder) SalesID() string { return str(o, "SalesId") }

// ChannelReferenceID is what the order is known by outside.
func (o SalesOrder) ChannelReferenceID() string { return str(o, "ChannelReferenceId") }

// Lines lists the order's lines.
func (o SalesOrder) Lines() []map[string]any { return entries(o, "SalesLines") }

// orders are those of the channel database, and which of them headquarters does not have yet.
type orders struct {
	byID      map[string]*order
	pending   []*order // the one that goes to headquarters next first
	canceling []*order // whose cancellation has been asked for
	lastSales int
}

type order struct {
	members  map[string]any
	since    time.Time // when the time to its way to headquarters began
	oun      string    // of the channel it was made in
	refused  bool      // headquarters' jobs cannot make an order of it
	canceled time.Time // when its cancellation was asked for; zero: never
}

func newOrders() orders { return orders{byID: map[string]*order{}} }

func (o *order) id() string { return str(o.members, "Id") }

func (o *order) lines() []map[string]any { return entries(o.members, "SalesLines") }

// add keeps an order and sends it on its way to headquarters.
func (db *orders) add(o *order) {
	db.byID[o.id()] = o
	db.pending = append(db.pending, o)
}

// refuse takes an order off its way: headquarters cannot make one of it until RetryOrders.
func (db *orders) refuse(o *order) {
	o.refused = true
	db.pending = slices.DeleteFunc(db.pending, func(p *order) bool { return p == o })
}

func (o *order) view() SalesOrder { return SalesOrder(clone(o.members)) }

// uploadOrder answers POST SalesOrders. The real service neither computes nor checks an amount of what is uploaded; how it
// takes a repeat is not documented (inferred).
func (c *call) uploadOrder() (reply, *apiError) {
	object, err := c.object()
	if err != nil {
		return reply{}, err
	}
	body, err := orderMembers.take("SalesOrder", object)
	if err == nil {
		err = orderLineMembers.takeAll("SalesLines", body["SalesLines"])
	}
	if err == nil {
		err = tenderLineMembers.takeAll("TenderLines", body["TenderLines"])
	}
	if err == nil {
		err = aggregate(c.validateOrder(body))
	}
	if err != nil {
		return reply{}, err
	}
	stored, effect, err := c.commitOrder(body)
	if err != nil {
		return reply{}, err
	}
	stored["@odata.context"] = c.origin() + "$metadata#SalesOrders/$entity"
	return reply{status: http.StatusCreated, header: map[string]string{"Location": c.origin() + "SalesOrders(" + quoteKey(stored.ID()) + ")"}, body: stored, effect: effect}, nil
}

// validateOrder is the least that a scale unit can do with an order.
func (c *call) validateOrder(body map[string]any) (wrong []validationResult) {
	const where = "SalesOrder"
	if str(body, "Id") == "" {
		wrong = append(wrong, failed(idRequired, where, "Id", "a value is required"))
	}
	if len(entries(body, "SalesLines")) == 0 {
		wrong = append(wrong, failed(idRequired, where, "SalesLines", "an order has at least one line"))
	}
	if currency := str(body, "CurrencyCode"); currency != "" && currency != c.channel.withDefaults().Currency {
		wrong = append(wrong, failed(idCurrency, where, "CurrencyCode", "the currency is not the channel's"))
	}
	return wrong
}

// commitOrder stores an order, or finds that its id is taken.
func (c *call) commitOrder(body map[string]any) (SalesOrder, int64, *apiError) {
	if !c.wait(PointCommit) {
		return nil, 0, gone
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.generation != c.generation {
		return nil, 0, gone
	}
	now := time.Now()
	s.landDue(now)
	if old, taken := s.store.orders.byID[str(body, "Id")]; taken {
		if s.opts.RepeatedUploads {
			return old.view(), 0, nil
		}
		return nil, 0, invalid(idDuplicateObject, "an object with this key exists")
	}
	body["SalesId"] = ""
	body["StatusValue"] = number(statusCreated)
	if reference, sent := body["ChannelReferenceId"].(string); sent {
		body["ChannelReferenceId"] = cut(reference, longestReference)
	}
	if body["TransactionTypeValue"] == nil {
		body["TransactionTypeValue"] = number(pendingSalesOrder)
	}
	for i, line := range entries(body, "SalesLines") {
		line["LineId"] = cmp.Or(str(line, "LineId"), fmt.Sprintf("%032x", i+1))
	}
	o := &order{members: body, since: now, oun: c.oun}
	s.store.orders.add(o)
	if _, refused := c.fault(HQRefuses); refused {
		s.store.orders.refuse(o)
	}
	return o.view(), s.recordOrder(c, o), nil
}

// orderByReference answers GetOrderByChannelReferenceLookupCriteria. What the newest does with several of one reference is not
// documented; here the newest is found.
func (c *call) orderByReference() (reply, *apiError) {
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	criteria, ok := body["channelReferenceLookupCriteria"].(map[string]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "channelReferenceLookupCriteria is missing")
	}
	reference := str(criteria, "ChannelReferenceId")
	if reference == "" {
		return reply{}, invalid(idRequired, "ChannelReferenceId is required")
	}
	remote := num(criteria, "SearchLocationValue") == searchRemote
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	c.sim.landDue(time.Now())
	if remote && c.headquartersAway() {
		return reply{}, headquartersUnreachable()
	}
	var found *order
	for _, o := range c.sim.store.orders.byID {
		if str(o.members, "ChannelReferenceId") != reference || remote && str(o.members, "SalesId") == "" {
			continue
		}
		if found == nil || o.since.After(found.since) {
			found = o
		}
	}
	if found == nil {
		return reply{}, &apiError{http.StatusNotFound, typeValidation, idOrderNotFound, "there is no such order", nil}
	}
	view := found.view()
	view["@odata.context"] = c.origin() + "$metadata#SalesOrders/$entity"
	return reply{status: http.StatusOK, body: view}, nil
}

// landDue does what headquarters' jobs have done with orders by now; like convertDue, whoever looks at the store calls it first.
func (s *Simulator) landDue(now time.Time) {
	db := &s.store.orders
	for !s.opts.HQDown && len(db.pending) > 0 && !db.pending[0].since.Add(s.opts.OrderSync).After(now) {
		if next := db.pending[0]; s.unfit(next) != "" {
			db.refuse(next)
		} else {
			s.land(next)
		}
	}
	db.canceling = slices.DeleteFunc(db.canceling, func(o *order) bool {
		due := !s.opts.HQDown && !o.canceled.Add(s.opts.OrderSync).After(now)
		if due {
			o.members["StatusValue"] = number(statusCanceled)
		}
		return due
	})
}

// CatchUp does at once what headquarters' jobs are about to do with orders: it has all of them, and has cancelled what it was asked to.
func (s *Simulator) CatchUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.landDue(time.Now().Add(s.opts.OrderSync))
}

// land lets headquarters make a sales order of an order: it gets its number, and each line the id that headquarters knows it by.
func (s *Simulator) land(o *order) {
	db := &s.store.orders
	db.lastSales++
	o.refused, db.pending = false, slices.DeleteFunc(db.pending, func(p *order) bool { return p == o })
	o.members["SalesId"], o.members["StatusValue"] = fmt.Sprintf("SO-%06d", db.lastSales), number(statusConfirmed)
	for i, line := range o.lines() {
		line["InventoryTransactionId"] = fmt.Sprintf("%06d-%d", db.lastSales, i+1)
	}
}

// RefusedOrders lists the ids of orders that headquarters could not make sales orders of.
func (s *Simulator) RefusedOrders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.landDue(time.Now())
	out := []string{}
	for id, o := range s.store.orders.byID {
		if o.refused {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// RetryOrders sends refused orders, those named or all, to headquarters once more. It says how many.
func (s *Simulator) RetryOrders(ids ...string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.store.orders.byID)) {
		if o := s.store.orders.byID[id]; o.refused && (len(ids) == 0 || slices.Contains(ids, id)) {
			o.refused, o.since = false, time.Now()
			s.store.orders.pending = append(s.store.orders.pending, o)
			n++
		}
	}
	return n
}

// SetOrderStatus lets headquarters go on with an order: a SalesStatus such as 3 (delivered) or 4 (invoiced). It says whether
// there is such an order there.
func (s *Simulator) SetOrderStatus(id string, status int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.landDue(time.Now())
	o, known := s.store.orders.byID[id]
	if !known || str(o.members, "SalesId") == "" {
		return false
	}
	o.members["StatusValue"] = number(int64(status))
	return true
}

// SalesOrders lists all orders by their ids, as a read would show them.
func (s *Simulator) SalesOrders() []SalesOrder {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.landDue(time.Now())
	out := make([]SalesOrder, 0, len(s.store.orders.byID))
	for _, id := range slices.Sorted(maps.Keys(s.store.orders.byID)) {
		out = append(out, s.store.orders.byID[id].view())
	}
	return out
}
