package customers

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const (
	temporary = "11111111-2222-3333-4444-555555555555"
	another   = "99999999-2222-3333-4444-555555555555"
)

// showing is a scale unit whose searches show just these rows.
type showing struct {
	unit
	byEmail, byParty []csuclient.GlobalCustomer
}

func (s showing) FindCustomersByEmail(context.Context, pii.Email) ([]csuclient.GlobalCustomer, error) {
	return s.byEmail, nil
}

func (s showing) FindCustomersByParty(context.Context, string) ([]csuclient.GlobalCustomer, error) {
	return s.byParty, nil
}

// knows is what is bound, and what took whose place.
type knows struct {
	sources map[string][]string
	moved   map[string]string
}

func (k knows) Sources(_ context.Context, account mapping.Target) (refs []mapping.Ref, _ error) {
	for _, s := range k.sources[account.ID] {
		refs = append(refs, mapping.Ref{Source: s})
	}
	if refs == nil {
		return nil, mapping.ErrNotBound
	}
	return refs, nil
}

func (k knows) Resolve(_ context.Context, account mapping.Target) (mapping.Target, error) {
	if to := k.moved[account.ID]; to != "" {
		account.ID = to
	}
	return account, nil
}

func row(account, party string) csuclient.GlobalCustomer {
	return csuclient.GlobalCustomer{AccountNumber: account, PartyNumber: party, IsAsync: csuclient.Provisional(account)}
}

func rows(r ...csuclient.GlobalCustomer) []csuclient.GlobalCustomer { return r }

func TestThePermanentAccountIsKnownByItsPartyElseByTheAddressOnceTheSearchIsUpToDate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		party            string
		byEmail, byParty []csuclient.GlobalCustomer
		found            string
		reported         bool
	}{
		"nothing shows yet":                               {"p", nil, nil, "", false},
		"the search still shows the one that is gone":     {"", rows(row(temporary, "p")), nil, "", false},
		"and somebody else beside it":                     {"", rows(row("000001", "q"), row(temporary, "p")), nil, "", false},
		"the one of its party, whatever else shows":       {"p", rows(row("000001", "q"), row("000002", "p"), row(temporary, "p")), nil, "000002", false},
		"its address has changed, its party has not":      {"p", nil, rows(row("000003", "p")), "000003", false},
		"another provisional one is no successor":         {"", rows(row(another, "q")), nil, "", false},
		"not even of its party":                           {"p", rows(row(another, "p")), nil, "", false},
		"headquarters has merged it with another":         {"p", rows(row("000001", "q")), nil, "000001", false},
		"its party is not known":                          {"", rows(row("000001", "q")), nil, "000001", false},
		"of two the lower one, and a person should know":  {"", rows(row("000001", "q"), row("000002", "r")), nil, "000001", true},
		"somebody who had the address a while ago":        {"p", rows(row("000009", "q")), nil, "", false},
		"and beside somebody who has it":                  {"", rows(row("000001", "q"), row("000009", "r")), nil, "000001", false},
		"a provisional one beside it is not worth a word": {"", rows(row("000001", "q"), row(another, "r")), nil, "000001", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			has := map[string]string{"000001": "ana@example.com", "000002": "ana@example.com", "000009": "new@example.com"}
			c := with(showing{unit: unit{accounts: has}, byEmail: tc.byEmail, byParty: tc.byParty})
			reported := false
			got, err := c.successor(t.Context(), orchestration.Channel{}, gone{temporary, tc.party, pii.NewEmail("ana@example.com")},
				func(fault.Reason, string) { reported = true })
			require.NoError(t, err)
			require.Equal(t, tc.found, got)
			require.Equal(t, tc.reported, reported)
		})
	}
}

// A state whose account is gone may search by its own address only if the account was learned under it.
func TestARunFollowsAnAccountThatIsGoneOnlyByWhatItIsSureOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hint  string
		moved map[string]string
		found string
	}{
		"the account was learned under this address":            {temporary, nil, "000001"},
		"under this address somebody else was learned":          {"000001", nil, ""},
		"under this address nothing was learned":                {"", nil, ""},
		"but another source's promotion says what became of it": {"", map[string]string{temporary: "000002"}, "000002"},
		"and that goes before what the address would lead to":   {temporary, map[string]string{temporary: "000002"}, "000002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := showing{unit: unit{accounts: map[string]string{"000001": "ana@example.com", "000002": "old@example.com"}}, byEmail: rows(row("000001", "p"))}
			c, r := scenario(u)
			c.Bindings = knows{moved: tc.moved}
			r.Binding, r.State.Account, r.Hints[0] = temporary, temporary, tc.hint
			is, err := c.current(t.Context(), r)
			if tc.found == "" {
				f := fault.As(err)
				require.Equal(t, []any{fault.Dependency, fault.ForPromotion}, []any{f.Kind, f.Waits})
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{tc.found, tc.found, temporary}, []string{is.AccountNumber, r.State.Account, r.State.Was})
		})
	}
}

func TestWhatWasLearnedBeforeAWaitGivesWayToTheBinding(t *testing.T) {
	t.Parallel()
	c, r := scenario(unit{accounts: map[string]string{"000001": "ana@example.com"}})
	r.Binding, r.State = "000001", learned{Account: temporary, Provisional: true}
	is, err := c.current(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "000001", is.AccountNumber)
	require.Equal(t, learned{Account: "000001"}, r.State)
}

// The search lags behind a conversion and shows neither of the two: what was learned under the address says that there is one.
func TestAnAccountThatWasLearnedAndIsReplacedIsNeitherCreatedAgainNorOverlooked(t *testing.T) {
	t.Parallel()
	const bound = "000007"
	for name, tc := range map[string]struct {
		accounts map[string]string
		shows    []string
		moved    string
		waits    bool
		found    string
	}{
		"nobody knows yet what took its place":         {nil, nil, "", true, ""},
		"the search shows it":                          {map[string]string{"000001": "ana@example.com"}, []string{"000001"}, "", false, "000001"},
		"another run knows it":                         {map[string]string{"000001": "ana@example.com"}, nil, "000001", false, "000001"},
		"another run knows it, and it has another one": {map[string]string{"000001": "new@example.com"}, nil, "000001", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := unit{accounts: map[string]string{bound: "old@example.com"}, shows: tc.shows}
			maps.Copy(u.accounts, tc.accounts)
			c, r := scenario(u)
			c.Bindings, r.Hints[0] = knows{moved: map[string]string{temporary: tc.moved}}, temporary
			found, err := c.findAccount(t.Context(), r)
			require.Equal(t, tc.found != "", found)
			require.Equal(t, tc.found, r.State.Account)

			r.State = learned{Account: bound}
			_, taken := c.sameAlready(t.Context(), r)
			switch {
			case tc.waits:
				require.Equal(t, []fault.Wait{fault.ForPromotion, fault.ForPromotion}, []fault.Wait{fault.As(err).Waits, fault.As(taken).Waits})
			case tc.found != "":
				require.NoError(t, err)
				require.Equal(t, fault.MappingConflict, fault.As(taken).Reason)
			default:
				require.NoError(t, err)
				require.NoError(t, taken)
			}
		})
	}
}

// A search that shows what nobody can read lags, or a person must see to it: neither makes the event wrong, or the address free.
func TestAnAccountThatTheSearchShowsAndNobodyCanReadIsLookedForAgain(t *testing.T) {
	t.Parallel()
	for account, waits := range map[string]fault.Wait{"000001": "", temporary: fault.ForPromotion} {
		c, r := scenario(showing{unit: unit{accounts: map[string]string{"000007": "old@example.com"}}, byEmail: rows(row(account, "p"))})
		found, err := c.findAccount(t.Context(), r)
		require.False(t, found)
		r.State.Account = "000007"
		_, taken := c.sameAlready(t.Context(), r)
		for _, err := range []error{err, taken} {
			require.Contains(t, []fault.Kind{fault.Transient, fault.Dependency}, fault.As(err).Kind)
			require.Equal(t, waits, fault.As(err).Waits)
			require.Contains(t, fault.As(err).Detail, account)
		}
	}
}

func TestAPermanentAccountGoesBeforeAProvisionalOneOfTheSameAddress(t *testing.T) {
	t.Parallel()
	accounts := map[string]string{temporary: "ana@example.com", "900000": "ana@example.com"}
	c, r := scenario(unit{accounts: accounts, shows: []string{temporary, "900000"}})
	_, err := c.findAccount(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "900000", r.State.Account)
}

func TestASearchThatShowsWhoHadTheAddressFindsNobody(t *testing.T) {
	t.Parallel()
	c, r := scenario(showing{unit: unit{accounts: map[string]string{"000001": "new@example.com"}}, byEmail: rows(row("000001", "p"))})
	found, err := c.findAccount(t.Context(), r)
	require.NoError(t, err)
	require.False(t, found)
}
