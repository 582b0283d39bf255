package customers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

const crm, portal = "https://crm.example.com", "https://portal.example.com"

func TestWhoHasTheSayInWhat(t *testing.T) {
	t.Parallel()
	order := Authority{All: []string{crm, shop}, Phone: []string{shop}}
	for name, tc := range map[string]struct {
		authority Authority
		source    string
		others    []string
		withheld  []string
	}{
		"without an order everybody":                            {Authority{}, shop, []string{crm}, nil},
		"the highest, whoever else is there":                    {order, crm, []string{shop, portal}, []string{groupPhone}},
		"the second while the first knows the customer":         {order, shop, []string{crm}, []string{groupName, groupEmail, groupLanguage, groupAddresses}},
		"the second while the first does not know the customer": {order, shop, nil, nil},
		"one that is not in the order, below all that are":      {order, portal, []string{shop}, []string{groupName, groupEmail, groupPhone, groupLanguage, groupAddresses}},
		"one that is not in the order, among its equals":        {order, portal, []string{"https://other.example.com"}, nil},
		"an order for one group alone":                          {Authority{Phone: []string{crm}}, shop, []string{crm}, []string{groupPhone}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := scenario(unit{})
			c.Authority, c.Bindings = tc.authority, knows{sources: map[string][]string{"000001": append(tc.others, tc.source)}}
			r.Event.Source, r.State.Account = tc.source, "000001"
			is := csuclient.Customer{FirstName: pii.New("Ana"), Email: pii.NewEmail("ana@example.com"), Phone: pii.New("1"), Language: "en-us",
				Addresses: []csuclient.Address{address(7, home, "1 Mill Lane", true)}}
			want := csuclient.Customer{FirstName: pii.New("Anna"), Email: pii.NewEmail("anna@example.com"), Phone: pii.New("2"), Language: "de-at",
				Addresses: []csuclient.Address{address(0, home, "2 Park Avenue", true)}}
			all := changes(is, want)
			got, withheld, err := c.allowed(t.Context(), r, is, all)
			require.NoError(t, err)
			require.Equal(t, tc.withheld, withheld)
			require.Equal(t, len(withheld) == 5, got.IsEmpty())
			require.Equal(t, len(withheld) == 0, got.FirstName != nil && got.Phone != nil && got.Email != nil && got.Language != nil && got.Addresses != nil)
		})
	}
}

func TestWhatIsEmptyMayBeFilledByAnybody(t *testing.T) {
	t.Parallel()
	c, r := scenario(unit{})
	c.Authority, c.Bindings = Authority{All: []string{crm}}, knows{sources: map[string][]string{"000001": {crm}}}
	r.Event.Source, r.State.Account = shop, "000001"
	is := csuclient.Customer{LastName: pii.New("Contoso"), Addresses: []csuclient.Address{address(7, home, "1 Mill Lane", true)}}
	want := csuclient.Customer{FirstName: pii.New("Ana"), LastName: pii.New("Other"), Phone: pii.New("2"),
		Addresses: []csuclient.Address{address(0, delivery, "2 Park Avenue", true), address(0, home, "3 Market Square", false)}}
	got, withheld, err := c.allowed(t.Context(), r, is, changes(is, want))
	require.NoError(t, err)
	require.Equal(t, []string{groupName, groupAddresses}, withheld)
	require.Equal(t, []string{"Ana", "2"}, []string{got.FirstName.Reveal(), got.Phone.Reveal()})
	require.Nil(t, got.LastName)
	require.Equal(t, []csuclient.Address{address(0, delivery, "2 Park Avenue", false)}, got.Addresses, "of a new purpose, and without the primary mark")
}

func TestNobodyIsAskedWhoKnowsTheCustomerUnlessItMatters(t *testing.T) {
	t.Parallel()
	c, r := scenario(unit{}) // without bindings: asking would panic
	c.Authority = Authority{All: []string{crm, shop}}
	r.Event.Source = crm
	is := csuclient.Customer{FirstName: pii.New("Ana")}
	_, _, err := c.allowed(t.Context(), r, is, changes(is, csuclient.Customer{FirstName: pii.New("Anna")}))
	require.NoError(t, err, "the highest source")
	r.Event.Source = shop
	_, _, err = c.allowed(t.Context(), r, is, changes(is, csuclient.Customer{FirstName: pii.New("Ana"), Phone: pii.New("1")}))
	require.NoError(t, err, "a source that changes nothing that is there")
}
