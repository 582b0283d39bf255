package csu

import (
	"net/http"
	"time"
)

// cancelOrder answers SalesOrders/RequestCancellation: headquarters cancels the order later. The name of the parameter is inferred
// from that of its type; the numbers of the result are not documented.
func (c *call) cancelOrder() (reply, *apiError) {
	criteria, err := c.criteriaOf("salesOrdersLookupCriteria")
	if err != nil {
		return reply{}, err
	}
	lookups := entries(criteria, "SalesOrderLookups")
	if len(lookups) == 0 {
		return reply{}, invalid(idRequired, "SalesOrderLookups is required")
	}
	if !c.wait(PointCommit) {
		return reply{}, gone
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.generation != c.generation {
		return reply{}, gone
	}
	now := time.Now()
	s.landDue(now)
	var wanted []*order
	for _, l := range lookups {
		o, err := s.cancelable(str(l, "SalesId"), str(l, "TransactionId"))
		if err != nil {
			return reply{}, err
		}
		wanted = append(wanted, o)
	}
	effect := int64(0)
	for _, o := range wanted {
		o.canceled = now
		s.store.orders.canceling = append(s.store.orders.canceling, o)
		effect = s.recordOrder(c, o)
	}
	return reply{status: http.StatusOK, effect: effect, body: map[string]any{
		"@odata.context":                     c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.OrderCancellationResult",
		"DocumentOperationCommitResultValue": 1, "DocumentOperationCommitResultCodeValue": 0, "ExtensionProperties": []any{},
	}}, nil
}

// cancelable finds an order that may be cancelled: headquarters has it and has not begun to deliver.
func (s *Simulator) cancelable(salesID, id string) (*order, *apiError) {
	var o *order
	for _, candidate := range s.store.orders.byID {
		if id != "" && candidate.id() == id || salesID != "" && str(candidate.members, "SalesId") == salesID {
			o = candidate
		}
	}
	if o == nil {
		return nil, invalid(idOrderNotFound, "there is no such order")
	}
	if !o.canceled.IsZero() {
		return nil, invalid(idCancelAsked, "the cancellation has been asked for")
	}
	if status := num(o.members, "StatusValue"); status != statusConfirmed {
		return nil, invalid(idCancelNotValid, "an order in this state is not cancelled")
	}
	for _, l := range o.lines() {
		if dec(l, "Quantity").IsNegative() {
			return nil, invalid(idCancelTarget, "a return is not cancelled")
		}
	}
	return o, nil
}
