package normal

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country is a country or territory of ISO 3166-1.
type Country struct {
	Alpha2 string // AT
	Alpha3 string // AUT
}

// FindCountry reads a country: its alpha-2 or alpha-3 code in any case, or its name in English, in its own main language,
// in another language of Europe, as ISO 3166 writes it, or as people do. A name that stands for two is not read.
func FindCountry(text string) (Country, bool) {
	text = Trim(text)
	if c, ok := countryOfCode(text); ok {
		return c, true
	}
	c, ok := countryNames()[fold(text)]
	return c, ok
}

func countryOfCode(code string) (Country, bool) {
	if len(code) != 2 && len(code) != 3 || strings.Trim(strings.ToUpper(code), letters) != "" {
		return Country{}, false
	}
	r, err := language.ParseRegion(code)
	if err != nil {
		return Country{}, false
	}
	if r = r.Canonicalize(); !r.IsCountry() || r.ISO3() == "ZZZ" || englishRegions.Name(r) == "" { // the Soviet Union has no name any more
		return Country{}, false
	}
	return Country{r.String(), r.ISO3()}, true
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// countryLanguages are those whose names of countries are known besides each country's own, English first: where two
// countries share a name, English decides, else nobody does.
var countryLanguages = []language.Tag{language.English, language.German, language.French, language.Spanish, language.Portuguese,
	language.Italian, language.Dutch, language.Swedish, language.Danish, language.Norwegian, language.Finnish, language.Polish,
	language.Czech, language.Hungarian, language.Romanian, language.Greek, language.Turkish}

var englishRegions = display.English.Regions()

// countryNames is by folded name; it is made when it is first asked.
var countryNames = sync.OnceValue(func() map[string]Country {
	names := map[string]Country{}
	for name, code := range spelled {
		names[fold(name)], _ = countryOfCode(code)
	}
	all := countries()
	for _, c := range all { // English first, so that it decides
		learn(names, englishRegions.Name(language.MustParseRegion(c.Alpha2)), c)
	}
	others := map[string]Country{}
	for _, c := range all {
		r := language.MustParseRegion(c.Alpha2)
		own, _ := language.Compose(r)
		for _, tag := range append([]language.Tag{own}, countryLanguages[1:]...) {
			if namer := display.Regions(tag); namer != nil {
				learn(others, namer.Name(r), c)
			}
		}
	}
	for name, c := range others {
		if _, known := names[name]; !known && c != (Country{}) {
			names[name] = c
		}
	}
	return names
})

// learn adds a name; one that two countries have becomes nobody's.
func learn(names map[string]Country, name string, c Country) {
	key := fold(name)
	if other, taken := names[key]; taken && other != c {
		c = Country{}
	}
	if key != "" {
		names[key] = c
	}
}

func countries() []Country {
	var all []Country
	for _, a := range letters {
		for _, b := range letters {
			if c, ok := countryOfCode(string(a) + string(b)); ok && c.Alpha2 == string(a)+string(b) {
				all = append(all, c)
			}
		}
	}
	return all
}

// spelled are names and codes that are in use and in no list: ISO 3166's own long forms, former names, parts that people
// name for the whole.
var spelled = map[string]string{
	"UK": "GB", "Great Britain": "GB", "Britain": "GB", "England": "GB", "Scotland": "GB", "Wales": "GB", "Northern Ireland": "GB",
	"United Kingdom of Great Britain and Northern Ireland": "GB", "EL": "GR", "Hellas": "GR",
	"United States of America": "US", "America": "US", "U.S. of A.": "US", "Estados Unidos de América": "US",
	"Holland": "NL", "Netherlands, Kingdom of the": "NL", "Netherlands (Kingdom of the)": "NL",
	"Czech Republic": "CZ", "Czechia": "CZ", "Slovak Republic": "SK", "Republic of Ireland": "IE", "Eire": "IE",
	"Russian Federation": "RU", "Republic of Moldova": "MD", "Moldova (Republic of)": "MD", "Macedonia": "MK", "Turkey": "TR", "Türkiye": "TR",
	"Vatican": "VA", "Holy See": "VA", "Bosnia": "BA", "Yugoslavia": "RS",
	"Korea": "KR", "Republic of Korea": "KR", "Korea, Republic of": "KR", "Korea (Republic of)": "KR",
	"Korea (Democratic People's Republic of)": "KP", "Democratic People's Republic of Korea": "KP",
	"Viet Nam": "VN", "Burma": "MM", "Brunei Darussalam": "BN", "Lao People's Democratic Republic": "LA", "East Timor": "TL",
	"People's Republic of China": "CN", "PR China": "CN", "PRC": "CN", "Hong Kong": "HK", "Hong Kong SAR": "HK", "Macau": "MO", "Macao": "MO",
	"Taiwan, Province of China": "TW", "Taiwan (Province of China)": "TW",
	"UAE": "AE", "KSA": "SA", "Iran (Islamic Republic of)": "IR", "Islamic Republic of Iran": "IR", "Syrian Arab Republic": "SY",
	"Palestine": "PS", "Palestine, State of": "PS", "State of Palestine": "PS",
	"Ivory Coast": "CI", "Cape Verde": "CV", "Cabo Verde": "CV", "Swaziland": "SZ", "United Republic of Tanzania": "TZ", "Tanzania, United Republic of": "TZ",
	"DR Congo": "CD", "Democratic Republic of the Congo": "CD", "Congo (Democratic Republic of the)": "CD", "Republic of the Congo": "CG",
	"Bolivia (Plurinational State of)": "BO", "Venezuela (Bolivarian Republic of)": "VE", "Micronesia (Federated States of)": "FM",
}
