package customers

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
)

func TestOnlyWhatDiffersIsUpdatedAndWhatIsNotMentionedStays(t *testing.T) {
	t.Parallel()
	is := csuclient.Customer{FirstName: pii.New("Ana"), LastName: pii.New("Contoso"), Email: pii.NewEmail("Ana@example.com"),
		ReceiptEmail: pii.NewEmail("ana@example.com"), Phone: pii.New("+14255550100"), Language: "en-us"}
	want := csuclient.Customer{Type: csuclient.Person, FirstName: pii.New("Anna"), Email: pii.NewEmail("ana@example.com"), ReceiptEmail: pii.NewEmail("ana@example.com")}
	got := changes(is, want)
	require.NotNil(t, got.FirstName)
	require.Equal(t, "Anna", got.FirstName.Reveal())
	got.FirstName = nil
	require.True(t, got.IsEmpty(), "letter case of an e-mail address is no change, and absent members are left alone")
}

func TestWhatIsLearnedHoldsNothingOfTheEvent(t *testing.T) {
	t.Parallel()
	email := pii.NewEmail("ana@example.com")
	l := learned{Account: "000001", Created: true, changes: csuclient.CustomerChanges{Email: &email}}
	b, err := json.Marshal(l)
	require.NoError(t, err)
	require.JSONEq(t, `{"account":"000001","created":true}`, string(b))
}

func TestAnEventNeedsANameAndAtMostOnePrimaryAddress(t *testing.T) {
	t.Parallel()
	require.Error(t, Changed{ID: "1"}.check())
	require.NoError(t, Changed{ID: "1", Organization: pii.New("Contoso")}.check())
	require.Error(t, Changed{ID: "1", LastName: pii.New("Contoso"), Addresses: []Address{{Primary: true}, {Primary: true}}}.check())
}

func TestTheChannelGivesANewCustomerWhatTheEventLeavesOut(t *testing.T) {
	t.Parallel()
	ch := orchestration.Channel{Language: "de-at", Currency: "EUR", Group: "10"}
	c := fromChannel(Changed{ID: "1", LastName: pii.New("Contoso"), Addresses: []Address{{Purpose: "invoice"}, {}}}.customer(), ch)
	require.Equal(t, []string{"de-at", "EUR", "10"}, []string{c.Language, c.CurrencyCode, c.CustomerGroup})
	require.Equal(t, "fr-fr", fromChannel(Changed{Language: "fr-fr"}.customer(), ch).Language)
	require.Equal(t, csuclient.AddressInvoice, c.Addresses[0].Type)
	require.Equal(t, csuclient.AddressHome, c.Addresses[1].Type, "home when the event does not say")
}

func TestAnAccountKeepsItsLanguageWhenTheEventDoesNotSayOne(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]*string{"": nil, "fr-FR": nil, "de-at": new("de-at")} {
		c, r := scenario(unit{})
		r.Channel.Language, r.State.Account = "en-us", "000007"
		r.In.Language = said
		r.State.read = csuclient.Customer{AccountNumber: "000007", Email: r.In.Email, ReceiptEmail: r.In.Email, Language: "fr-fr"}
		_, err := c.sameAlready(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, want, r.State.changes.Language, said)
	}
}

func TestTheScenarioPassesTheEnginesChecks(t *testing.T) {
	t.Parallel()
	_, err := orchestration.NewChecker(Scenarios(Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
}
