package customers

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// tables are a scale unit's tables of places; what is new shows only to who asks for a fresh table.
type tables struct {
	countries []csuclient.Country
	states    map[string][]csuclient.State
	newStates map[string][]csuclient.State
}

func (t tables) Countries(context.Context, string, bool) ([]csuclient.Country, error) {
	return t.countries, nil
}

func (t tables) States(_ context.Context, country string, fresh bool) ([]csuclient.State, error) {
	if added := t.newStates[country]; fresh && added != nil {
		return added, nil
	}
	return t.states[country], nil
}

func places() tables {
	return tables{
		countries: []csuclient.Country{{ID: "USA", ISO: "US"}, {ID: "BRA", ISO: "BR"}, {ID: "NLD", ISO: "NL"}, {ID: "D", ISO: "DE"}},
		states: map[string][]csuclient.State{
			"USA": {{ID: "WA", Name: "Washington"}, {ID: "TX", Name: "Texas"}},
			"BRA": {{ID: "SP", Name: "São Paulo"}, {ID: "MS", Name: "Mato Grosso do Sul"}},
			"D":   {{ID: "09", Name: "Bayern"}},
		},
	}
}

func TestAStateIsWhatTheCSUCallsIt(t *testing.T) {
	t.Parallel()
	for given, want := range map[[2]string]string{
		{"USA", "WA"}:                  "WA",
		{"USA", " wa "}:                "WA",
		{"USA", "Washington"}:          "WA",
		{"USA", "US-TX"}:               "TX",
		{"BRA", "SAO  PAULO"}:          "SP",
		{"BRA", "Sa\u0303o Paulo"}:     "SP",
		{"BRA", "mato grosso do sul"}:  "MS",
		{"USA", ""}:                    "",
		{"NLD", "VV"}:                  "VV",
		{"NLD", "whatever they write"}: "whatever they write",
		{"DEU", "bayern"}:              "09",
	} {
		c, r := scenario(unit{tables: places()})
		r.In.Addresses = []Address{{Country: given[0], State: pii.New(given[1])}}
		got, err := c.wanted(t.Context(), r)
		require.NoError(t, err, given)
		require.Equal(t, want, got.Addresses[0].State.Reveal(), given)
		require.Equal(t, given[0], got.Addresses[0].Country)
	}
}

func TestAPlaceThatTheCSUDoesNotKnowIsRefusedBeforeAnyCallWithWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		address Address
		detail  string
	}{
		"a state of another country": {Address{Country: "USA", State: pii.New("SP")},
			"/addresses/1/state is no state that the CSU knows of its country; use one of TX, WA, or the name of one"},
		"a country": {Address{Country: "XKX"},
			"/addresses/1/country is no country or region that the CSU knows; correct it, or add it in headquarters, then replay"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := scenario(unit{tables: places()})
			r.In.Addresses = []Address{{Country: "USA", State: pii.New("TX")}, tc.address}
			_, err := c.findAccount(t.Context(), r)
			f := fault.As(err)
			require.Equal(t, []any{fault.Permanent, fault.BusinessRule, tc.detail}, []any{f.Kind, f.Reason, f.Detail})
			require.Contains(t, f.Detail, f.Pointer)
			r.In.Addresses[1].Remove = true
			_, err = c.findAccount(t.Context(), r)
			require.NoError(t, err, "an address that is taken away may say what it likes")
		})
	}
}

// The state is kept by its id, whatever the event called it.
func TestAnAddressIsTakenAwayByTheNameOfItsState(t *testing.T) {
	t.Parallel()
	c, r := scenario(unit{tables: places()})
	r.In.Addresses = []Address{{Street: pii.New("1 Mill Lane"), City: pii.New("Redmond"), State: pii.New("Washington"), Country: "USA", Remove: true}}
	want, err := c.wanted(t.Context(), r)
	require.NoError(t, err)
	is := entries{address(7, home, "1 Mill Lane", false, inState("WA"))}
	require.Equal(t, entries{address(7, home, "1 Mill Lane", false, inState("WA"), away)}, addressChanges(is, want.Addresses))
}

func TestAPlaceThatWasAddedInHeadquartersIsKnownAtTheReplay(t *testing.T) {
	t.Parallel()
	known := places()
	known.newStates = map[string][]csuclient.State{"USA": {{ID: "PR", Name: "Puerto Rico"}}}
	c, r := scenario(unit{tables: known})
	r.In.Addresses = []Address{{Country: "USA", State: pii.New("puerto rico")}}
	got, err := c.wanted(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "PR", got.Addresses[0].State.Reveal())
}

func TestWithoutTablesEverythingIsLeftToTheCSU(t *testing.T) {
	t.Parallel()
	c, r := scenario(unit{})
	r.In.Addresses = []Address{{Country: "XKX", State: pii.New("?")}}
	got, err := c.wanted(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"XKX", "?"}, []string{got.Addresses[0].Country, got.Addresses[0].State.Reveal()})
}

func TestWhatIsAskedOfAnAddressDependsOnWhetherItIsTakenAway(t *testing.T) {
	t.Parallel()
	checker := checker(t)
	for data, ok := range map[string]bool{
		`{"street":"1 Mill Lane","city":"Redmond","country":"USA"}`:            true,
		`{"street":"1 Mill Lane","city":"Redmond"}`:                            false,
		`{"street":"1 Mill Lane","remove":true}`:                               true,
		`{"name":"Office","purpose":"business","remove":true}`:                 true,
		`{"purpose":"business","remove":true}`:                                 false,
		`{"street":"1 Mill Lane","remove":false}`:                              false,
		`{"street":"1","city":"x","country":"USA","state":"Washington State"}`: true,
	} {
		event := sent(EventType, `{"id":"1","email":"a@example.com","lastName":"x","addresses":[`+data+`]}`)
		err := checker.Check(event)
		require.Equal(t, ok, err == nil, "%s: %v", data, err)
	}
	var c Changed
	require.NoError(t, json.Unmarshal([]byte(`{"id":"1","lastName":"x","addresses":[{"primary":true},{"primary":true,"remove":true}]}`), &c))
	require.NoError(t, c.check(), "one that goes is not primary any more")
}
