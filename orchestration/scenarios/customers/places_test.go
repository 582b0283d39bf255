package customers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// atlas is a scale unit with tables of places; those that are read again have more in them.
type atlas struct {
	unit
	countries, added []csuclient.Country
	states           map[string][]csuclient.State
	err              error
	asked            *int
}

func (a atlas) Countries(_ context.Context, _ string, fresh bool) ([]csuclient.Country, error) {
	*a.asked++
	if fresh {
		return append(a.countries, a.added...), a.err
	}
	return a.countries, a.err
}

func (a atlas) States(_ context.Context, country string, _ bool) ([]csuclient.State, error) {
	return a.states[country], a.err
}

func world() atlas {
	return atlas{asked: new(int), countries: []csuclient.Country{{ID: "USA", Name: "United States"}, {ID: "DEU", Name: "Germany"}},
		added:  []csuclient.Country{{ID: "NOR", Name: "Norway"}},
		states: map[string][]csuclient.State{"USA": {{ID: "WA", Name: "Washington"}, {ID: "TX", Name: "Texas"}}}}
}

func TestPlacesAreThoseOfTheCSUsOwnTables(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		country, state string
		want           string // the state, as it is sent
		pointer, says  string
	}{
		"a state by its id":                     {"USA", "WA", "WA", "", ""},
		"in any case of letters":                {"USA", " wa", "WA", "", ""},
		"a state by its name":                   {"USA", "texas", "TX", "", ""},
		"no state":                              {"USA", "", "", "", ""},
		"a country that has no table of states": {"DEU", "Bayern", "Bayern", "", ""},
		"a country that was added since":        {"NOR", "", "", "", ""},
		"a country that the CSU does not have":  {"FRA", "", "", "/addresses/1/country", "does not have"},
		"a state that the CSU does not have":    {"USA", "Bavaria of ana", "", "/addresses/1/state", "it takes TX, WA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := world()
			c := customers{Parts{CSU: func(orchestration.Channel) Accounts { return a }}}
			r := &run{In: Changed{ID: "42", Addresses: []Address{{Country: "DEU"}, {Country: tc.country, State: pii.New(tc.state)}}}}
			got, err := c.customer(t.Context(), r)
			if tc.pointer == "" {
				require.NoError(t, err)
				require.Equal(t, tc.want, got.Addresses[1].State.Reveal())
				return
			}
			f := fault.As(err)
			require.Equal(t, fault.BusinessRule, f.Reason)
			require.Equal(t, fault.Permanent, f.Kind)
			require.Equal(t, tc.pointer, f.Pointer)
			require.Contains(t, f.Detail, tc.says)
			require.NotContains(t, f.Detail, "ana", "what the event says is not repeated")
		})
	}
}

func TestACSUWithoutTablesIsNotAskedAgainAndTakesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	a := atlas{asked: new(int)}
	c := customers{Parts{CSU: func(orchestration.Channel) Accounts { return a }}}
	got, err := c.customer(t.Context(), &run{In: Changed{ID: "42", Addresses: []Address{{Country: "FRA", State: pii.New("IDF")}}}})
	require.NoError(t, err)
	require.Equal(t, "IDF", got.Addresses[0].State.Reveal())
	require.Equal(t, 1, *a.asked)
}

// A place that cannot be looked up is no unknown place.
func TestTablesThatCannotBeReadAreTriedAgain(t *testing.T) {
	t.Parallel()
	a := world()
	a.err = fault.New(fault.Transient, "", "timeout")
	c := customers{Parts{CSU: func(orchestration.Channel) Accounts { return a }}}
	r := &run{In: Changed{ID: "42", Email: pii.NewEmail("ana@example.com"), Addresses: []Address{{Country: "USA"}}}, Hints: []string{""}}
	_, err := c.findAccount(t.Context(), r)
	require.Equal(t, fault.Transient, fault.KindOf(err))
}
