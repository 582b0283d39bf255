package csu

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const anOrder = `{"Id":"web-1","ChannelReferenceId":"R-1","CustomerId":"000001","CurrencyCode":"USD","TransactionTypeValue":27,"TotalAmount":12.50,
	"SalesLines":[{"LineNumber":1,"ProductId":22565423118,"Quantity":2,"Price":6.25,"NetAmount":12.50,"ShippingAddress":{"City":"Houston"}}],
	"TenderLines":[{"TenderTypeId":"3","Amount":12.50,"Authorization":"<blob>","CardToken":"<blob>","IsPreProcessed":true}]}`

func (c *client) upload(body string) answerOf { return c.do("POST", "SalesOrders", body) }

func (c *client) byReference(reference string, location int) answerOf {
	return c.do("POST", "SalesOrders/GetOrderByChannelReferenceLookupCriteria",
		`{"channelReferenceLookupCriteria":{"ChannelReferenceId":"`+reference+`","SearchLocationValue":`+string(rune('0'+location))+`}}`)
}

func TestAnUploadedOrderIsFoundByItsReferenceAtOnceAndByHeadquartersLater(t *testing.T) {
	inBubble(t, Options{OrderSync: 5 * time.Second}, func(t *testing.T, c *client) {
		require.Equal(t, []any{404, "SalesOrderNotFound"}, []any{c.byReference("R-1", 3).status, c.byReference("R-1", 3).errorID()})
		made := c.upload(anOrder)
		require.Equal(t, 201, made.status, made.raw)
		require.True(t, strings.HasSuffix(made.header.Get("Location"), "/Commerce/SalesOrders('web-1')") || strings.HasSuffix(made.header.Get("Location"), "/Commerce/SalesOrders(%27web-1%27)"), made.header.Get("Location"))
		got := c.byReference("R-1", 1)
		require.Equal(t, 200, got.status, got.raw)
		o := SalesOrder(got.body)
		require.Equal(t, []any{"web-1", "", "R-1", 1}, []any{o.ID(), o.SalesID(), o.ChannelReferenceID(), len(o.Lines())})
		require.Equal(t, json.Number("12.50"), got.body["TotalAmount"], "as it came")
		require.Equal(t, 404, c.byReference("R-1", 2).status, "headquarters does not have it yet")
		<-time.After(6 * time.Second)
		require.Equal(t, "SO-000001", SalesOrder(c.byReference("R-1", 2).body).SalesID())
		ledger := c.sim.Ledger()
		require.Len(t, ledger, 1)
		require.Equal(t, []any{OpUploadOrder, "000001", "web-1", 201}, []any{ledger[0].Operation, ledger[0].Account, ledger[0].Order, ledger[0].Status})
	})
}

func TestARepeatedUploadIsRefusedOrAnsweredWithWhatIsStoredAndNeverDoubled(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		require.Equal(t, 201, c.upload(anOrder).status)
		again := c.upload(strings.Replace(anOrder, "12.50", "99", 1))
		require.Equal(t, []any{400, "DuplicateObject"}, []any{again.status, again.errorID()})
		c.sim.Configure(func(o *Options) { o.RepeatedUploads = true })
		again = c.upload(strings.Replace(anOrder, "12.50", "99", 1))
		require.Equal(t, 201, again.status)
		require.Equal(t, json.Number("12.50"), again.body["TotalAmount"])
		require.Len(t, c.sim.SalesOrders(), 1)
		require.Len(t, c.sim.Ledger(), 1)
	})
}

func TestAnOrderThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for body, want := range map[string]string{
		`{"ChannelReferenceId":"R","SalesLines":[{"Quantity":1}]}`:               "AggregateValidationError",
		`{"Id":"1","SalesLines":[]}`:                                             "AggregateValidationError",
		`{"Id":"1","CurrencyCode":"EUR","SalesLines":[{"Quantity":1}]}`:          "AggregateValidationError",
		`{"Id":"1","SalesLines":[{"Quantity":"two"}]}`:                           "Microsoft_Dynamics_RetailServer_ODataModelError",
		`{"Id":"1","SalesLines":[{"Quantity":1}],"TenderLines":[{"Amount":{}}]}`: "Microsoft_Dynamics_RetailServer_ODataModelError",
	} {
		got := c.upload(body)
		require.Equal(t, []any{400, want}, []any{got.status, got.errorID()}, body)
	}
	require.Empty(t, c.sim.SalesOrders())
	require.Equal(t, 400, c.byReference("", 1).status)
}

func TestWhileHeadquartersIsDownNoOrderLands(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		c.sim.SetHeadquarters(false)
		require.Equal(t, 201, c.upload(anOrder).status, "the channel database takes it")
		<-time.After(30 * time.Minute)
		require.Equal(t, "HeadquarterCommunicationFailure", c.byReference("R-1", 2).errorID())
		require.Empty(t, c.sim.SalesOrders()[0].SalesID())
		c.sim.SetHeadquarters(true)
		<-time.After(2 * time.Second)
		require.NotEmpty(t, c.sim.SalesOrders()[0].SalesID())
	})
}

func TestAnOrderIsCommittedThoughItsAnswerIsLost(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		_, err := c.sim.Inject(Fault{Kind: CommitThenDrop, Operation: OpUploadOrder, Next: 1})
		require.NoError(t, err)
		require.Error(t, c.upload(anOrder).err)
		require.Equal(t, "web-1", SalesOrder(c.byReference("R-1", 1).body).ID())
	})
}
