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

func TestTheChannelGivesWhatTheEventLeavesOut(t *testing.T) {
	t.Parallel()
	c := Changed{ID: "1", LastName: pii.New("Contoso"), Addresses: []Address{{Purpose: "invoice"}, {}}}.customer(
		orchestration.Channel{Language: "de-at", Currency: "EUR", Group: "10"})
	require.Equal(t, []string{"de-at", "EUR", "10"}, []string{c.Language, c.CurrencyCode, c.CustomerGroup})
	require.Equal(t, csuclient.AddressInvoice, c.Addresses[0].Type)
	require.Equal(t, csuclient.AddressHome, c.Addresses[1].Type, "home when the event does not say")
}

func TestTheScenarioPassesTheEnginesChecks(t *testing.T) {
	t.Parallel()
	_, err := orchestration.NewChecker(Scenarios(Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
}
