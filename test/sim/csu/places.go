package csu

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// State is a row of a country's table of states or provinces.
type State struct {
	Country string // ISO 3166-1 alpha-3
	ID      string
	Name    string
}

// ZipCode is a row of a country's table of zip codes.
type ZipCode struct {
	Country string // ISO 3166-1 alpha-3
	Code    string
	State   string // ID; empty: not said
	City    string
}

// DefaultStates are the tables of the United States, Canada, Australia, Brazil and Mexico. Every other country has none, as
// in an environment where nobody has filled them.
func DefaultStates() []State { return slices.Clone(defaultStates()) }

var defaultStates = sync.OnceValue(func() []State {
	var out []State
	for country, rows := range stateRows {
		for row := range strings.SplitSeq(rows, "|") {
			id, name, _ := strings.Cut(strings.TrimSpace(row), " ")
			out = append(out, State{country, id, name})
		}
	}
	slices.SortFunc(out, func(a, b State) int {
		return cmp.Or(strings.Compare(a.Country, b.Country), strings.Compare(a.ID, b.ID))
	})
	return out
})

var stateRows = map[string]string{
	"USA": `AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|DC District of Columbia|
		FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|
		MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|
		NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|
		RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|
		WV West Virginia|WI Wisconsin|WY Wyoming`,
	"CAN": `AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|NS Nova Scotia|NT Northwest Territories|
		NU Nunavut|ON Ontario|PE Prince Edward Island|QC Québec|SK Saskatchewan|YT Yukon`,
	"AUS": `ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland|SA South Australia|TAS Tasmania|
		VIC Victoria|WA Western Australia`,
	"BRA": `AC Acre|AL Alagoas|AP Amapá|AM Amazonas|BA Bahia|CE Ceará|DF Distrito Federal|ES Espírito Santo|GO Goiás|MA Maranhão|
		MT Mato Grosso|MS Mato Grosso do Sul|MG Minas Gerais|PA Pará|PB Paraíba|PR Paraná|PE Pernambuco|PI Piauí|RJ Rio de Janeiro|
		RN Rio Grande do Norte|RS Rio Grande do Sul|RO Rondônia|RR Roraima|SC Santa Catarina|SP São Paulo|SE Sergipe|TO Tocantins`,
	"MEX": `AGU Aguascalientes|BCN Baja California|BCS Baja California Sur|CAM Campeche|CHH Chihuahua|CHP Chiapas|CMX Ciudad de México|
		COA Coahuila|COL Colima|DUR Durango|GRO Guerrero|GUA Guanajuato|HID Hidalgo|JAL Jalisco|MEX México|MIC Michoacán|MOR Morelos|
		NAY Nayarit|NLE Nuevo León|OAX Oaxaca|PUE Puebla|QUE Querétaro|ROO Quintana Roo|SIN Sinaloa|SLP San Luis Potosí|SON Sonora|
		TAB Tabasco|TAM Tamaulipas|TLA Tlaxcala|VER Veracruz|YUC Yucatán|ZAC Zacatecas`,
}

// tables are the places that headquarters knows, by country.
type tables struct {
	states map[string][]State
	zips   map[string][]ZipCode
	strict bool
}

func (o Options) tables() tables {
	t := tables{map[string][]State{}, map[string][]ZipCode{}, o.StrictAddresses}
	for _, s := range o.States {
		t.states[s.Country] = append(t.states[s.Country], s)
	}
	for _, z := range o.ZipCodes {
		t.zips[z.Country] = append(t.zips[z.Country], z)
	}
	return t
}

// allowsState says whether an address may have a state: where there is a table, one of it. Letter case does not count, as in
// the real one's database.
func (t tables) allowsState(country, id string) bool {
	rows := t.states[country]
	switch {
	case id == "":
		return !t.strict || len(rows) == 0
	case len(rows) == 0:
		return !t.strict
	}
	return slices.ContainsFunc(rows, func(s State) bool { return strings.EqualFold(s.ID, id) })
}

// allowsZipCode says whether an address may have a zip code: where there is a table, one of it, and of its state.
func (t tables) allowsZipCode(country, state, code string) bool {
	rows := t.zips[country]
	return code == "" || len(rows) == 0 || slices.ContainsFunc(rows, func(z ZipCode) bool {
		return strings.EqualFold(z.Code, code) && (z.State == "" || state == "" || strings.EqualFold(z.State, state))
	})
}

// countries are all that ISO 3166-1 knows, by their three-letter codes: more than one page of an answer.
var countries = sync.OnceValue(func() []language.Region {
	var out []language.Region
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			region, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil {
				continue
			}
			if _, ok := countryOf(region.ISO3()); ok {
				out = append(out, region)
			}
		}
	}
	slices.SortFunc(out, func(a, b language.Region) int { return strings.Compare(a.ISO3(), b.ISO3()) })
	return slices.CompactFunc(out, func(a, b language.Region) bool { return a.ISO3() == b.ISO3() })
})
