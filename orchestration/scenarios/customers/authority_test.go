package customers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// bound are the sources that are bound to the account.
type bound []string

func (b bound) Find(context.Context, mapping.Ref) (mapping.Target, error) {
	return mapping.Target{}, mapping.ErrNotBound
}

func (b bound) Sources(context.Context, mapping.Target) (refs []mapping.Ref, err error) {
	if len(b) == 0 {
		return nil, mapping.ErrNotBound
	}
	for _, s := range b {
		refs = append(refs, mapping.Ref{Source: s})
	}
	return refs, nil
}

func TestASourceOfLessAuthorityOnlyFillsWhatIsEmpty(t *testing.T) {
	t.Parallel()
	is := csuclient.Customer{FirstName: pii.New("Ana"), Email: pii.NewEmail("ana@example.com"),
		Addresses: []csuclient.Address{{RecordID: 7, Type: csuclient.AddressHome, City: pii.New("Redmond"), IsPrimary: true}}}
	said := func() csuclient.CustomerChanges {
		name, phone := pii.New("Anna"), pii.New("+14255550100")
		return csuclient.CustomerChanges{FirstName: &name, Phone: &phone, Addresses: []csuclient.Address{
			{RecordID: 7, Type: csuclient.AddressHome, City: pii.New("Seattle")}, {Type: csuclient.AddressHome, City: pii.New("Boston")},
			{Type: csuclient.AddressDelivery, City: pii.New("Austin"), IsPrimary: true}}}
	}
	for name, tc := range map[string]struct {
		authority []string
		source    string
		bound     bound
		whole     bool
	}{
		"nobody has authority over anybody":                {nil, "shop", bound{"crm", "shop"}, true},
		"the first of the list":                            {[]string{"crm", "shop"}, "crm", bound{"crm", "shop"}, true},
		"behind one that is bound to the account":          {[]string{"crm", "shop"}, "shop", bound{"crm", "shop"}, false},
		"not on the list, and one that is, is bound to it": {[]string{"crm"}, "shop", bound{"crm", "shop"}, false},
		"behind one that does not know the customer":       {[]string{"crm", "shop"}, "shop", bound{"shop"}, true},
		"before the only other one":                        {[]string{"crm", "shop", "web"}, "shop", bound{"web", "shop"}, true},
		"nobody is bound, after a wipe":                    {[]string{"crm", "shop"}, "shop", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := customers{Parts{Bindings: tc.bound}}
			r := &run{Event: orchestration.Event{Source: tc.source}, Channel: orchestration.Channel{Authority: tc.authority}}
			r.State.changes = said()
			require.NoError(t, c.yield(t.Context(), r, is))
			if tc.whole {
				require.Equal(t, said(), r.State.changes)
				require.False(t, r.State.Withheld)
				return
			}
			require.True(t, r.State.Withheld)
			require.Nil(t, r.State.changes.FirstName)
			require.Equal(t, "+14255550100", r.State.changes.Phone.Reveal())
			require.Len(t, r.State.changes.Addresses, 1, "an address of a purpose that the account has none of")
			require.Equal(t, "Austin", r.State.changes.Addresses[0].City.Reveal())
			require.False(t, r.State.changes.Addresses[0].IsPrimary)
		})
	}
}

func TestWhatIsNotWithheldIsNotSaidToBe(t *testing.T) {
	t.Parallel()
	c := customers{Parts{Bindings: bound{"crm"}}}
	r := &run{Event: orchestration.Event{Source: "shop"}, Channel: orchestration.Channel{Authority: []string{"crm"}}}
	phone := pii.New("+14255550100")
	r.State.changes.Phone = &phone
	require.NoError(t, c.yield(t.Context(), r, csuclient.Customer{}))
	require.False(t, r.State.Withheld)
	require.NotNil(t, r.State.changes.Phone)
}
