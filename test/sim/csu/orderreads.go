package csu

import (
	"net/http"
	"slices"
	"time"
)

// orderByTransaction answers GetSalesOrderDetailsByTransactionId(transactionId='x',searchLocationValue=1).
func (c *call) orderByTransaction() (reply, *apiError) {
	return c.oneOrder(c.args["searchLocationValue"] == "2", func(o *order) bool { return o.id() == c.args["transactionId"] })
}

// orderBySalesID answers GetSalesOrderDetailsBySalesId(salesId='x'), by headquarters' own number.
func (c *call) orderBySalesID() (reply, *apiError) {
	return c.oneOrder(true, func(o *order) bool { return str(o.members, "SalesId") == c.args["salesId"] })
}

// getOrder answers GET SalesOrders('id').
func (c *call) getOrder() (reply, *apiError) {
	return c.oneOrder(false, func(o *order) bool { return o.id() == c.key })
}

// oneOrder finds an order of the channel database, or of headquarters, which knows those that have landed.
func (c *call) oneOrder(remote bool, is func(*order) bool) (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	c.sim.landDue(time.Now())
	if remote && c.headquartersAway() {
		return reply{}, headquartersUnreachable()
	}
	for _, o := range c.sim.store.orders.byID {
		if is(o) && (!remote || str(o.members, "SalesId") != "") {
			view := o.view()
			view["@odata.context"] = c.origin() + "$metadata#SalesOrders/$entity"
			return reply{status: http.StatusOK, body: view}, nil
		}
	}
	return reply{}, orderNotFound()
}

func orderNotFound() *apiError {
	return &apiError{http.StatusNotFound, typeValidation, idOrderNotFound, "there is no such order", nil}
}

// orderHistory answers Customers('acc')/GetOrderHistory: the customer's orders, newest first, as channel database and headquarters
// have them together; when headquarters is away, the call fails.
func (c *call) orderHistory() (reply, *apiError) {
	if _, err := c.parameters(); err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	c.sim.landDue(time.Now())
	if c.headquartersAway() {
		c.sim.mu.Unlock()
		return reply{}, headquartersUnreachable()
	}
	var found []*order
	for _, o := range c.sim.store.orders.byID {
		if str(o.members, "CustomerId") == c.key {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *order) int { return b.since.Compare(a.since) })
	rows := make([]SalesOrder, len(found))
	for i, o := range found {
		rows[i] = o.view()
	}
	c.sim.mu.Unlock()
	return pageOf(c, "SalesOrder", rows)
}
