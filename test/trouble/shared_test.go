package trouble

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// moving is an event of a customer who also gets a second home.
func moving(t testing.TB, c harness.Customer) worker.Message {
	m := c.Message(t)
	var data map[string]any
	require.NoError(t, json.Unmarshal(m.Body, &data))
	data["addresses"] = append(data["addresses"].([]any), map[string]any{"purpose": "delivery", "street": "9 Pier Road", "city": "Seattle", "state": "WA", "zip": "98101", "country": "USA"})
	var err error
	m.Body, err = json.Marshal(data)
	require.NoError(t, err)
	return m
}

// Two sources are bound to one account, and only one of them has the say about its e-mail address: their events have no natural
// key in common, and still change one account.
func TestTwoSourcesOfOneAccountAddWhatBothSayOnce(t *testing.T) {
	o := harness.Options{Slots: 1, Env: map[string]string{"SIGNALBOX_CUSTOMERS_AUTHORITY_EMAIL": otherShop + "," + harness.Source}}
	var crm harness.Customer
	bubble(t, o, func(f *fleet) {
		shop := jane("e1", time.Now(), "Redmond")
		f.Publish(shop)
		f.Settle(patience)
		crm = shop
		crm.Event, crm.Source, crm.ID, crm.At = "e2", otherShop, "77", time.Now()
		f.Publish(crm)
		f.Settle(patience)

		f.CSU.Configure(func(o *csu.Options) { o.Latency = time.Second })
		shop.Event, shop.Email, shop.At = "e3", "jane.other@example.com", time.Now() // which will be withheld
		crm.Event, crm.At = "e4", time.Now()
		f.Send(moving(f.T, shop), moving(f.T, crm))
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		got := f.CSU.Customers()
		require.Len(f.T, got, 1)
		require.Equal(f.T, crm.Email, got[0].Email())
		require.Len(f.T, got[0].Addresses(), 2, "%v", got[0].Addresses())
	})
}
