package normal

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/language"
)

func TestAnEmailAddressIsStoredInOneForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ana@contoso.example":                   "ana@contoso.example",
		"  Ana.Lima@CONTOSO.Example.\u200b\r\n": "Ana.Lima@contoso.example",
		"Ana Lima <ana@contoso.example>":        "ana@contoso.example",
		"MAILTO:ana@contoso.example":            "ana@contoso.example",
		"ana＠contoso.example":                   "ana@contoso.example",
		"ａｎａ@contoso.example":                   "ana@contoso.example",
		"ana+shop@bücher.example":               "ana+shop@bücher.example",
		"\ufeffana@contoso.example":             "ana@contoso.example",
		"Ana <mailto:ana@contoso.example>":      "ana@contoso.example",
	} {
		got, ok := Email(given)
		require.True(t, ok, given)
		require.Equal(t, want, got)
		again, ok := Email(got)
		require.True(t, ok)
		require.Equal(t, got, again, "once is enough")
	}
	for _, given := range []string{"", "ana", "@contoso.example", "ana@", "a@b@c", "ana lima@contoso.example", "ana@contoso.example, bo@contoso.example", "ana@contoso.example<"} {
		_, ok := Email(given)
		require.False(t, ok, given)
	}
}

func country(t *testing.T, text string) Country {
	t.Helper()
	c, ok := FindCountry(text)
	require.True(t, ok, text)
	return c
}

func TestAPhoneNumberIsReadAsItsCountryDialsIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		given, in, want string
		read            bool
	}{
		{"(425) 555-0123", "US", "+14255550123", true},
		{"+1 (425) 555-0123", "", "+14255550123", true},
		{"089 / 123456", "DE", "+4989123456", true},
		{"+49 089 123456", "DE", "+4989123456", true},
		{"0049 89 123456", "", "+4989123456", true},
		{"0049 89 123456", "AT", "+4989123456", true},
		{"06 1234 5678", "IT", "+390612345678", true},
		{"(089) 123456", "FR", "(089) 123456", false},
		{"+56 (0)2 635 0123", "CL", "+56 (0)2 635 0123", false}, // of a plan that is no longer in use
		{"０８９ １２３４５６", "DE", "+4989123456", true},
		{" 425-555-0123 ext. 12 ", "US", "425-555-0123 ext. 12", false},
		{"425-555-0123 or 425-555-0124", "US", "425-555-0123 or 425-555-0124", false},
		{"555", "US", "555", false},
		{"425 555 0123", "", "425 555 0123", false},
		{"ask for Ana", "US", "ask for Ana", false},
		{"", "US", "", false},
	} {
		got, read := Phone(tc.given, Country{Alpha2: tc.in})
		require.Equal(t, tc.want, got, tc.given)
		require.Equal(t, tc.read, read, tc.given)
	}
}

func TestACountryIsFoundByCodeAndByName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"at": "AUT", "AUT": "AUT", " aut ": "AUT", "Austria": "AUT", "Österreich": "AUT", "OSTERREICH": "AUT", "Autriche": "AUT",
		"Deutschland": "DEU", "Allemagne": "DEU", "Brasil": "BRA", "Brazil": "BRA", "USA": "USA", "U.S.A.": "USA", "United States": "USA", "the United States of America": "USA",
		"UK": "GBR", "Great Britain": "GBR", "England": "GBR", "Czech Republic": "CZE", "Česko": "CZE", "Czechia": "CZE", "Holland": "NLD", "The Netherlands": "NLD",
		"Côte d’Ivoire": "CIV", "Cote d'Ivoire": "CIV", "Ivory Coast": "CIV", "Korea, Republic of": "KOR", "대한민국": "KOR", "日本": "JPN", "中国": "CHN", "Ελλάδα": "GRC", "EL": "GRC",
		"Россия": "RUS", "Türkiye": "TUR", "turkey": "TUR", "Bosnia & Herzegovina": "BIH", "Bosnia and Herzegovina": "BIH", "Schweiz": "CHE", "Suisse": "CHE", "Svizzera": "CHE",
		"Belgique": "BEL", "België": "BEL", "Suomi": "FIN", "Finland": "FIN", "Éire": "IRL", "Hong Kong": "HKG", "Georgia": "GEO", "Niger": "NER", "Mali": "MLI",
	} {
		require.Equal(t, want, country(t, text).Alpha3, text)
	}
	for _, text := range []string{"", "SU", "XX", "ZZ", "EU", "Atlantis", "U", "Europe", "123", "840", "Contoso", "a\xffb"} {
		_, ok := FindCountry(text)
		require.False(t, ok, text)
	}
}

func TestEveryCountryIsFoundByItsCodesAndItsEnglishName(t *testing.T) {
	t.Parallel()
	all := countries()
	require.Greater(t, len(all), 240)
	for name, code := range spelled {
		_, ok := countryOfCode(code)
		require.True(t, ok, "%s is %s", name, code)
	}
	for _, c := range all {
		require.Equal(t, c, country(t, c.Alpha2))
		require.Equal(t, c, country(t, strings.ToLower(c.Alpha3)))
		require.Equal(t, c, country(t, englishName(c)), "%s", englishName(c))
	}
}

func TestACurrencyIsReadWhenItCanOnlyBeOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"EUR": "EUR", "eur ": "EUR", "€": "EUR", "Euro": "EUR", "£": "GBP", "US$": "USD", "us dollar": "USD", "zł": "PLN", "Kč": "CZK", "R$": "BRL", "sfr.": "CHF"} {
		got, ok := Currency(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "$", "kr", "¥", "dollar", "XXX", "EURO5", "12"} {
		_, ok := Currency(text)
		require.False(t, ok, text)
	}
}

func TestALanguageIsWrittenAsTheCSUDoes(t *testing.T) {
	t.Parallel()
	at := country(t, "AT")
	for _, tc := range []struct {
		given string
		in    Country
		want  string
	}{
		{"en-US", Country{}, "en-us"}, {"EN", Country{}, "en"}, {"de", at, "de-at"}, {"de-CH", at, "de-ch"}, {"de_DE.UTF-8", at, "de-de"}, {"pt_BR", Country{}, "pt-br"},
		{"ger", Country{}, "de"}, {"German", at, "de-at"}, {"Deutsch", Country{}, "de"}, {"français", Country{}, "fr"}, {"Francais", Country{}, "fr"}, {"zh-Hant-TW", Country{}, "zh-hant-tw"}, {"sr-Latn", Country{}, "sr-latn"},
	} {
		got, ok := Language(tc.given, tc.in)
		require.True(t, ok, tc.given)
		require.Equal(t, tc.want, got)
	}
	for _, text := range []string{"", "und", "Klingonisch", "e", "C", "12"} {
		_, ok := Language(text, at)
		require.False(t, ok, text)
	}
}

func TestAMomentIsReadInItsFormatAndZone(t *testing.T) {
	t.Parallel()
	vienna, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	howe, err := time.LoadLocation("Australia/Lord_Howe") // moves its clocks by half an hour
	require.NoError(t, err)
	for _, tc := range []struct {
		text, format string
		zone         *time.Location
		want         string
		found        InstantFound
	}{
		{"2026-01-05T09:00:00Z", "iso", nil, "2026-01-05T09:00:00Z", InstantSure},
		{"2026-01-05T09:00:00.1234567+01:00", "iso", vienna, "2026-01-05T08:00:00.1234567Z", InstantSure},
		{"2026-01-05 09:00:00.1234567", "iso", vienna, "2026-01-05T08:00:00.1234567Z", InstantSure},
		{"2026-07-05", "iso", vienna, "2026-07-04T22:00:00Z", InstantSure},
		{"2026-01-05 09:00:00 +0100", "iso", nil, "2026-01-05T08:00:00Z", InstantSure},
		{"2026-01-05 09:00", "iso", nil, "", InstantNoZone},
		{"05.01.2026 09:00", "%d.%m.%Y %H:%M", vienna, "2026-01-05T08:00:00Z", InstantSure},
		{"1/5/2026 9:00 PM", "%m/%d/%Y %I:%M %p", time.UTC, "2026-01-05T21:00:00Z", InstantSure},
		{"05.01.2026 09:00 +0200", "%d.%m.%Y %H:%M %z", vienna, "2026-01-05T07:00:00Z", InstantSure},
		{"05.01.2026", "%d.%m.%Y", nil, "", InstantNoZone},
		{"05.01.2026", "%Y-%m-%d", vienna, "", InstantUnread},
		{"31.02.2026", "%d.%m.%Y", vienna, "", InstantUnread},
		{"30.02.2026", "%d.%m.%Y", vienna, "", InstantUnread},
		{"20260229 10", "%Y%m%d %H", vienna, "", InstantUnread},
		{"20280229 10", "%Y%m%d %H", vienna, "2028-02-29T09:00:00Z", InstantSure},
		{"5.1.2026 9:00:00.5 +01:00", "%e.%m.%Y %k:%M:%S.%f %z", vienna, "2026-01-05T08:00:00.5Z", InstantSure},
		{"31.2.2026 9:00:00.5 +01:00", "%e.%m.%Y %k:%M:%S.%f %z", vienna, "", InstantUnread},
		{"5 Jan 26 12:00 AM", "%d %b %y %I:%M %p", vienna, "2026-01-04T23:00:00Z", InstantSure},
		{"29.03.2026 02:30", "%d.%m.%Y %H:%M", vienna, "2026-03-29T01:30:00Z", InstantSkipped},
		{"29.03.2026 01:59", "%d.%m.%Y %H:%M", vienna, "2026-03-29T00:59:00Z", InstantSure},
		{"29.03.2026 03:00", "%d.%m.%Y %H:%M", vienna, "2026-03-29T01:00:00Z", InstantSure},
		{"25.10.2026 02:30", "%d.%m.%Y %H:%M", vienna, "2026-10-25T00:30:00Z", InstantTwice},
		{"25.10.2026 01:59", "%d.%m.%Y %H:%M", vienna, "2026-10-24T23:59:00Z", InstantSure},
		{"25.10.2026 03:00", "%d.%m.%Y %H:%M", vienna, "2026-10-25T02:00:00Z", InstantSure},
		{"05.04.2026 01:45", "%d.%m.%Y %H:%M", howe, "2026-04-04T14:45:00Z", InstantTwice},
		{"04.10.2026 02:15", "%d.%m.%Y %H:%M", howe, "2026-10-03T15:45:00Z", InstantSkipped},
		{"1767603600", "unix", nil, "2026-01-05T09:00:00Z", InstantSure},
		{"1767603600.25", "unix", nil, "2026-01-05T09:00:00.25Z", InstantSure},
		{"-0.5", "unix", nil, "1969-12-31T23:59:59.5Z", InstantSure},
		{"1767603600250", "unix_ms", nil, "2026-01-05T09:00:00.25Z", InstantSure},
		{"99999999999999999999", "unix", nil, "", InstantUnread},
		{"", "iso", vienna, "", InstantUnread},
	} {
		got, found := Instant(tc.text, tc.format, tc.zone)
		require.Equal(t, tc.found, found, "%s as %s", tc.text, tc.format)
		if tc.want != "" {
			require.Equal(t, tc.want, got.Format(time.RFC3339Nano), tc.text)
		}
	}
	require.NoError(t, CheckFormat("%Y-%m-%dT%H:%M:%S%:z"))
	for _, format := range []string{"", "%", "%Q", "%Y %Z", "yyyy-MM-dd", "rfc"} {
		require.Error(t, CheckFormat(format), format)
	}
}

func TestTextIsCutBetweenLettersOnly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		most int
		want string
		was  bool
	}{
		{"Contoso", 7, "Contoso", false}, {"Contoso", 3, "Con", true}, {"Con toso", 4, "Con", true}, {"Zoe\u0308", 3, "Zo", true}, {"日本語", 2, "日本", true}, {"abc", 0, "", true},
	} {
		got, was := Cut(tc.text, tc.most)
		require.Equal(t, tc.want, got)
		require.Equal(t, tc.was, was)
	}
	require.Equal(t, "a b", Trim("\u00a0a b\u200b\ufeff\t"))
}

func englishName(c Country) string {
	return englishRegions.Name(language.MustParseRegion(c.Alpha2))
}
