package normal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Trim drops white space at both ends, and what looks like nothing at all: zero-width characters and byte order marks,
// which spreadsheets and web forms leave behind.
func Trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' || r == '\u2060'
	})
}

// Cut shortens text to at most so many characters (code points, as JSON Schema counts them); was says whether it had to.
// It never leaves a letter without the accent that follows it.
func Cut(text string, most int) (short string, was bool) {
	if utf8.RuneCountInString(text) <= most {
		return text, false
	}
	all := []rune(text)
	end := max(0, most)
	for end > 0 && unicode.Is(unicode.Mn, all[end]) {
		end--
	}
	return strings.TrimRightFunc(string(all[:end]), unicode.IsSpace), true
}

// fold is text as it is looked up in a list of names: without accents, case, punctuation and double spaces.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold()), text)
	if err != nil { // text that is not UTF-8 is nobody's name
		return ""
	}
	plain = strings.ReplaceAll(plain, "&", " and ")
	plain = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.Mc, r):
			return r
		case r == '.', r == '\'', r == '’', r == '‘':
			return -1 // U.S.A. and Côte d'Ivoire
		}
		return ' '
	}, plain)
	return strings.TrimPrefix(strings.Join(strings.Fields(plain), " "), "the ")
}
