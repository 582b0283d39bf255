package csu

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (c *client) cancel(salesID string) answerOf {
	return c.do("POST", "SalesOrders/RequestCancellation", `{"salesOrdersLookupCriteria":{"SalesOrderLookups":[
		{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.SalesOrderLookupBySalesId","SalesId":"`+salesID+`"}]}}`)
}

func TestAnOrderIsCancelledLaterAndAskedForOnce(t *testing.T) {
	inBubble(t, Options{OrderSync: 10 * time.Second}, func(t *testing.T, c *client) {
		require.Equal(t, 201, c.upload(anOrder).status)
		requireRefused(t, 400, "SalesOrderNotFound", c.cancel("SO-000001"))
		early := c.do("POST", "SalesOrders/RequestCancellation", `{"salesOrdersLookupCriteria":{"SalesOrderLookups":[{"TransactionId":"web-1"}]}}`)
		requireRefused(t, 400, "SalesOrderNotValidForCancellationRequest", early)
		<-time.After(11 * time.Second)
		c.sim.SetHeadquarters(false)
		a := c.cancel("SO-000001")
		require.Equal(t, 200, a.status, a.raw)
		requireRefused(t, 400, "AsynchronousOrderCancellationWorkflowAlreadyExists", c.cancel("SO-000001"))
		<-time.After(time.Minute)
		require.EqualValues(t, "5", c.sim.SalesOrders()[0]["StatusValue"], "headquarters is away")
		c.sim.SetHeadquarters(true)
		<-time.After(11 * time.Second)
		require.EqualValues(t, "7", c.byReference("R-1", 1).body["StatusValue"])
		requireRefused(t, 400, "AsynchronousOrderCancellationWorkflowAlreadyExists", c.cancel("SO-000001"))
	})
}

func TestAnOrderThatIsOnItsWayIsNotCancelled(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		require.Equal(t, 201, c.upload(anOrder).status)
		require.False(t, c.sim.SetOrderStatus("web-1", 4), "it has not landed")
		<-time.After(2 * time.Second)
		require.True(t, c.sim.SetOrderStatus("web-1", 4))
		requireRefused(t, 400, "SalesOrderNotValidForCancellationRequest", c.cancel("SO-000001"))
	})
}

func TestAnOrderThatHeadquartersRefusesLandsWhenItIsTriedAgain(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		c.inject(Fault{Kind: HQRefuses, Next: 2})
		require.Equal(t, 201, c.upload(anOrder).status)
		k := c.ship(c.newCart(first, 1))
		require.Equal(t, 200, c.pay(k, "1.00").status)
		<-time.After(time.Hour / 2)
		require.Len(t, c.sim.RefusedOrders(), 2)
		require.Equal(t, 404, c.byReference("R-1", 2).status)
		require.Equal(t, 1, c.sim.RetryOrders("web-1"))
		<-time.After(2 * time.Second)
		require.Equal(t, "SO-000001", SalesOrder(c.byReference("R-1", 2).body).SalesID())
		require.Equal(t, []string{k.ID()}, c.sim.RefusedOrders())
	})
}

func TestOrdersAreReadByWhoMay(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		require.Equal(t, 201, c.upload(anOrder).status)
		byTransaction, bySalesID := "SalesOrders/GetSalesOrderDetailsByTransactionId(transactionId='web-1',searchLocationValue=1)", "SalesOrders/GetSalesOrderDetailsBySalesId(salesId='SO-000001')"
		require.Equal(t, 403, c.do("GET", byTransaction, "").status, "as the documents say")
		c.sim.Configure(func(o *Options) { o.LabRoles = true })
		require.Equal(t, "R-1", c.do("GET", byTransaction, "").body["ChannelReferenceId"], "as the lab does")
		require.Equal(t, 404, c.do("GET", bySalesID, "").status)
		require.Equal(t, 403, c.do("GET", "SalesOrders('web-1')", "").status)
		<-time.After(2 * time.Second)
		require.Equal(t, "web-1", c.do("GET", bySalesID, "").body["Id"])
		history := c.do("POST", "Customers('000001')/GetOrderHistory?$top=10", `{}`)
		require.Len(t, entries(history.body, "value"), 1, history.raw)
		c.sim.SetHeadquarters(false)
		requireRefused(t, 500, "HeadquarterCommunicationFailure", c.do("POST", "Customers('000001')/GetOrderHistory", `{}`))
	})
}
