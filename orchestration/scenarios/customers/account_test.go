package customers

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// unit is a scale unit whose search shows only some of its accounts yet.
type unit struct {
	accounts map[string]string // e-mail address by account
	shows    []string
	tables   // none, unless a test says
}

func (u unit) FindCustomersByEmail(_ context.Context, email pii.Email) (hits []csuclient.GlobalCustomer, _ error) {
	for _, a := range u.shows {
		if pii.NewEmail(u.accounts[a]).Same(email) {
			hits = append(hits, csuclient.GlobalCustomer{AccountNumber: a, Email: email, IsAsync: csuclient.Provisional(a)})
		}
	}
	return hits, nil
}

func (unit) FindCustomersByParty(context.Context, string) ([]csuclient.GlobalCustomer, error) {
	return nil, nil
}

func (u unit) ReadCustomer(_ context.Context, account string) (csuclient.Customer, error) {
	email, ok := u.accounts[account]
	if !ok {
		return csuclient.Customer{}, csuclient.ErrNotFound
	}
	return csuclient.Customer{AccountNumber: account, Email: pii.NewEmail(email), IsAsync: csuclient.Provisional(account)}, nil
}

func (unit) CreateCustomer(context.Context, csuclient.Customer) (csuclient.Account, error) {
	return csuclient.Account{}, nil
}

func (unit) UpdateCustomer(context.Context, string, csuclient.CustomerChanges) error { return nil }

func with(u Accounts) customers {
	return customers{Parts{Accounts: func(orchestration.Channel) Accounts { return u }, PromoteAfter: time.Minute}}
}

func scenario(u Accounts) (customers, *run) {
	return with(u), &run{In: Changed{ID: "42", Email: pii.NewEmail("ana@example.com")}, Hints: []string{""}}
}

func TestAnAccountIsFoundByWhatWasLearnedOnlyWhileItHasTheAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		unit  unit
		hint  string
		found string
	}{
		"learned, and not shown yet":           {unit{accounts: map[string]string{"000007": "ana@example.com"}}, "000007", "000007"},
		"learned, but it has another address":  {unit{accounts: map[string]string{"000007": "bo@example.com"}}, "000007", ""},
		"learned, but it is there no more":     {unit{}, "000007", ""},
		"not learned, and not shown":           {unit{accounts: map[string]string{"000007": "ana@example.com"}}, "", ""},
		"of two that are shown, the lower one": {unit{accounts: map[string]string{"000007": "ana@example.com", "000008": "ana@example.com"}, shows: []string{"000007", "000008"}}, "", "000007"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := scenario(tc.unit)
			r.Hints[0] = tc.hint
			found, err := c.findAccount(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, tc.found != "", found)
			require.Equal(t, tc.found, r.State.Account)
		})
	}
}

// A run that made the account, told so and died before that was recorded is done again: what it says under the same id must not
// change, and must be true of the account that is bound now.
func TestARunThatMadeTheAccountStillSaysSoWhenItIsDoneAgain(t *testing.T) {
	t.Parallel()
	u := unit{accounts: map[string]string{"000007": "ana@example.com", "000008": "ana@example.com"}}
	made := learned{Account: "000007", Created: true, Provisional: true}
	for name, tc := range map[string]struct {
		binding, hint string
		is            learned
	}{
		"another source has found it meanwhile": {hint: "000007", is: made},
		"and another account has its address":   {hint: "000008", is: learned{Account: "000008"}},
		"it is bound":                           {binding: "000007", is: made},
		"it was promoted meanwhile":             {binding: "000009", is: learned{Account: "000009"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := scenario(u)
			r.State, r.Hints[0], r.Binding = made, tc.hint, tc.binding
			found, err := c.findAccount(t.Context(), r)
			require.NoError(t, err)
			require.True(t, found)
			r.State.read = csuclient.Customer{}
			require.Equal(t, tc.is, r.State)
		})
	}
}

// H3: looked at once more after a create that followed a taint.
func TestOfAnAccountJustMadeAndOneThatLandedLateTheLowerIsKept(t *testing.T) {
	t.Parallel()
	u := unit{accounts: map[string]string{"000007": "ana@example.com", "000008": "ana@example.com"}, shows: []string{"000007"}}
	c, r := scenario(u)
	r.State = learned{Account: "000008", Created: true}
	found, err := c.findAccount(t.Context(), r)
	require.NoError(t, err)
	require.True(t, found)
	r.State.read = csuclient.Customer{}
	require.Equal(t, learned{Account: "000007"}, r.State, "not made by this run: it must be updated")

	r.State = learned{Account: "000006", Created: true}
	_, err = c.findAccount(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, learned{Account: "000006", Created: true}, r.State)
}

// H4 i.
func TestAnAddressOfAnotherAccountIsRefusedEvenWhileTheSearchDoesNotShowIt(t *testing.T) {
	t.Parallel()
	accounts := map[string]string{"000007": "old@example.com", "000008": "ana@example.com"}
	for name, tc := range map[string]struct {
		unit unit
		hint string
		free bool
	}{
		"the search shows it":                        {unit{accounts: accounts, shows: []string{"000007", "000008"}}, "", false},
		"it was made lately":                         {unit{accounts: accounts}, "000008", false},
		"nobody has it":                              {unit{accounts: map[string]string{"000007": "old@example.com"}}, "", true},
		"who had it has another one by now":          {unit{accounts: map[string]string{"000007": "old@example.com", "000008": "new@example.com"}}, "000008", true},
		"the search shows what was true a while ago": {unit{accounts: map[string]string{"000007": "old@example.com", "000008": "new@example.com"}, shows: []string{"000008"}}, "", true},
		"this very account was learned for it":       {unit{accounts: map[string]string{"000007": "old@example.com"}}, "000007", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := scenario(tc.unit)
			r.State.Account, r.Hints[0] = "000007", tc.hint
			_, err := c.sameAlready(t.Context(), r)
			if tc.free {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.MappingConflict, fault.As(err).Reason)
		})
	}
}
