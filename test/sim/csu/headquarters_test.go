package csu

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// inBubble runs a test in virtual time, with headquarters as the options say.
func inBubble(t *testing.T, opts Options, test func(t *testing.T, c *client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, overPipe(t, opts)) })
}

// provisional creates a customer that must get a provisional account.
func (c *client) provisional(body string) string {
	c.t.Helper()
	made := c.create(body)
	require.Equal(c.t, 201, made.status, made.raw)
	require.Equal(c.t, true, made.body["IsAsyncCustomer"])
	account := str(made.body, "AccountNumber")
	require.NoError(c.t, uuid.Validate(account))
	return account
}

func TestWhileHeadquartersIsDownANewCustomerIsProvisionalAndNothingSaysSo(t *testing.T) {
	inBubble(t, Options{HQDown: true, SearchLag: 3 * time.Second}, func(t *testing.T, c *client) {
		account := c.provisional(`{"FirstName":"Ana","Email":"ana@example.test","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston"}]}`)
		got := c.read(account)
		require.Equal(t, []any{nil, "000000001", true}, []any{got["PartyNumber"], got["NewCustomerPartyNumber"], got["IsAsyncCustomer"]})
		require.Equal(t, true, got.Addresses()[0]["IsAsyncAddress"])
		require.Empty(t, c.found("Email", "ana@example.test"))
		<-time.After(4 * time.Second)
		row := entries(c.search("Email", "ana@example.test").body, "value")[0]
		require.Equal(t, []any{account, true}, []any{row["AccountNumber"], row["IsAsyncCustomer"]})
		<-time.After(48 * time.Hour)
		require.Equal(t, []string{account}, c.sim.Headquarters().Provisional, "nothing is converted while headquarters is down")
	})
}

func TestAProvisionalAccountIsReplacedOnceHeadquartersIsBack(t *testing.T) {
	inBubble(t, Options{HQDown: true, SearchLag: 3 * time.Second, Conversion: time.Minute}, func(t *testing.T, c *client) {
		account := c.provisional(`{"FirstName":"Ana","Email":"ana@example.test","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston"}]}`)
		before := c.read(account)
		<-time.After(30 * time.Minute)
		c.sim.SetHeadquarters(true)
		<-time.After(59 * time.Second)
		require.Equal(t, 200, c.do("GET", "Customers('"+account+"')", "").status)
		<-time.After(2 * time.Second)

		gone := c.do("GET", "Customers('"+account+"')", "")
		require.Equal(t, []any{404, "CustomerNotFound"}, []any{gone.status, gone.errorID()})
		require.Equal(t, "CustomerNotFound", c.patch(account, `{"FirstName":"Anna"}`).errorID())
		require.Equal(t, []string{account}, c.found("Email", "ana@example.test"), "the index lags: it still shows who cannot be read any more")
		<-time.After(3 * time.Second)
		require.Equal(t, []string{"000001"}, c.found("Email", "ana@example.test"))
		require.Equal(t, []string{"000001"}, c.found("Default", "000000001"), "the party number stays")

		after := c.read("000001")
		require.Equal(t, []any{"000000001", "000000001", false}, []any{after["PartyNumber"], after["NewCustomerPartyNumber"], after["IsAsyncCustomer"]})
		require.Equal(t, false, after.Addresses()[0]["IsAsyncAddress"])
		require.NotEqual(t, num(before, "RecordId"), num(after, "RecordId"))
		require.NotEqual(t, num(before.Addresses()[0], "RecordId"), num(after.Addresses()[0], "RecordId"))
		require.Equal(t, "Houston", after.Addresses()[0]["City"])

		done := c.sim.Headquarters()
		require.Empty(t, done.Provisional)
		require.Equal(t, []Conversion{{Time: done.Conversions[0].Time, Provisional: account, Account: "000001"}}, done.Conversions)
	})
}

func TestThePermanentAccountsUpdateFailsWhileHeadquartersIsDown(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		c.create(ana)
		c.sim.SetHeadquarters(false)
		got := c.patch("000001", `{"FirstName":"Anna"}`)
		require.Equal(t, []any{500, "HeadquarterCommunicationFailure"}, []any{got.status, got.errorID()})
		require.Equal(t, "Ana", c.read("000001")["FirstName"])
		require.Len(t, c.sim.Ledger(), 1)
		c.sim.SetHeadquarters(true)
		require.Equal(t, 204, c.patch("000001", `{"FirstName":"Anna"}`).status)
	})
}

func TestOneRequestsCallOfHeadquartersMayFailAlone(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		c.create(ana)
		c.inject(Fault{Kind: HQUnreachable, Next: 2})
		require.Equal(t, "HeadquarterCommunicationFailure", c.patch("000001", `{"FirstName":"Anna"}`).errorID())
		c.read("000001") // makes no call of headquarters, so it uses nothing up
		c.provisional(`{"Name":"Bo"}`)
		require.Equal(t, "000002", c.create(`{"Name":"Cy"}`).body["AccountNumber"])
	})
}

func TestAProvisionalAccountIsChangedOnlyWhereThatIsAllowed(t *testing.T) {
	inBubble(t, Options{AsyncCustomers: true, Conversion: time.Hour}, func(t *testing.T, c *client) {
		account := c.provisional(ana)
		got := c.patch(account, `{"FirstName":"Anna"}`)
		require.Equal(t, []any{400, "UpdateAsyncCustomerNotSupported"}, []any{got.status, got.errorID()})
		c.sim.Configure(func(o *Options) { o.AsyncEdit = true })
		require.Equal(t, 204, c.patch(account, `{"FirstName":"Anna","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Dallas"}]}`).status)
		require.Equal(t, true, c.read(account).Addresses()[0]["IsAsyncAddress"])
		require.Equal(t, 1, c.sim.Convert(account))
		now := c.read("000001")
		require.Equal(t, []any{"Anna", false}, []any{now["FirstName"], now.Addresses()[0]["IsAsyncAddress"]})
	})
}

func TestTheProvisionalNumberMayGoOnWorking(t *testing.T) {
	inBubble(t, Options{AsyncCustomers: true, RedirectConverted: true}, func(t *testing.T, c *client) {
		account := c.provisional(ana)
		c.sim.Convert()
		require.Equal(t, "000001", c.read(account).AccountNumber())
		require.Equal(t, 204, c.patch(account, `{"FirstName":"Anna"}`).status)
		require.Equal(t, "Anna", c.read("000001")["FirstName"])
	})
}

func TestHeadquartersMayMergeAProvisionalAccountIntoAnother(t *testing.T) {
	inBubble(t, Options{MergeConverted: true}, func(t *testing.T, c *client) {
		account := c.create(ana).body["AccountNumber"]
		c.sim.SetHeadquarters(false)
		provisional := c.provisional(`{"Name":"Ana","Email":"ANA@example.test"}`)
		other := c.provisional(`{"Name":"Bo","Email":"bo@example.test"}`)
		require.Equal(t, 2, c.sim.Convert())
		done := c.sim.Headquarters().Conversions
		require.Equal(t, []any{provisional, account, true}, []any{done[0].Provisional, done[0].Account, done[0].Merged})
		require.Equal(t, []any{other, "000002", false}, []any{done[1].Provisional, done[1].Account, done[1].Merged})
		require.Equal(t, []string{"000001"}, c.found("Email", "ana@example.test"))
		require.Empty(t, c.sim.DuplicateEmails())
	})
}

func TestConversionsThatWereDueHappenInTheirOrderWheneverSomebodyLooks(t *testing.T) {
	inBubble(t, Options{AsyncCustomers: true, Conversion: time.Minute}, func(t *testing.T, c *client) {
		var made []string
		for i := range 3 {
			made = append(made, c.provisional(fmt.Sprintf(`{"Name":"N%d"}`, i)))
			<-time.After(10 * time.Second)
		}
		<-time.After(35 * time.Second)
		c.sim.SetHeadquarters(false) // the first was due before
		<-time.After(time.Hour)
		require.Equal(t, made[1:], c.sim.Headquarters().Provisional)
		c.sim.SetHeadquarters(true)
		<-time.After(time.Minute)
		var order []string
		for _, done := range c.sim.Headquarters().Conversions {
			order = append(order, done.Provisional+" "+done.Account)
		}
		require.Equal(t, []string{made[0] + " 000001", made[1] + " 000002", made[2] + " 000003"}, order)
	})
}

func TestAccountsAreGivenByTheirNumbers(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	c.create(`{"Name":"Bo"}`)
	got := c.do("POST", "Customers/GetByAccountNumbers", `{"accountNumbers":["000002","000009","000002","000001"],"searchLocationValue":1}`)
	require.Equal(t, 200, got.status, got.raw)
	rows := entries(got.body, "value")
	require.Len(t, rows, 2)
	require.Equal(t, []any{"000002", "000001"}, []any{rows[0]["AccountNumber"], rows[1]["AccountNumber"]})
	require.Equal(t, 400, c.do("POST", "Customers/GetByAccountNumbers", `{"accountNumbers":["1"]}`).status)
	require.Equal(t, 400, c.do("POST", "Customers/GetByAccountNumbers", `{"searchLocationValue":1}`).status)
}
