package telemetry

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

const redacted = "[redacted]"

const (
	classContact = "contact"
	classPayment = "payment"
	classSecret  = "secret"
)

// redactionClasses is the closed set of the label class.
var redactionClasses = []string{classContact, classPayment, classSecret, "free_text"}

// shapes are tried in order: a connection string may hold what looks like an address.
var shapes = []struct {
	class    string
	possible func(s string) bool // cheap, since most texts have none of this
	shape    *regexp.Regexp
	with     string // what stands there instead
}{
	{classSecret, func(s string) bool { return strings.Contains(s, "eyJ") },
		regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(\.[A-Za-z0-9_-]*)?`), redacted},
	{classSecret, func(s string) bool { return names(s, "=:", secretNames) },
		regexp.MustCompile(`(?i)\b((?:` + strings.Join(secretNames, "|") + `)"?\s*[=:]\s*)(?:"[^"]*"|[^;&\s"',}]+)`), "$1" + redacted},
	{classSecret, func(s string) bool { return names(s, " \t", schemes) },
		regexp.MustCompile(`(?i)\b((?:` + strings.Join(schemes, "|") + `)\s+)[A-Za-z0-9._~+/-]{20,}=*`), "$1" + redacted},
	{classSecret, func(s string) bool { return strings.Contains(s, "://") && strings.Contains(s, "@") },
		regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^/?#@\s"']*:[^/?#@\s"']+@`), "$1" + redacted + "@"},
	{classContact, func(s string) bool { return strings.Contains(s, "@") || strings.Contains(s, "%40") },
		regexp.MustCompile(`[\p{L}\p{N}_][\p{L}\p{N}._%+'-]*(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}`), redacted},
}

var (
	secretNames = []string{"SharedAccessKey", "SharedAccessSignature", "AccountKey", "password", "pwd", "client_secret", "api_key", "api-key", "apikey", "sig"}
	schemes     = []string{"bearer", "id_token"}
)

// names says whether one of list stands before one of the marks.
func names(s, marks string, list []string) bool {
	for from := 0; ; {
		i := strings.IndexAny(s[from:], marks)
		if i < 0 {
			return false
		}
		before := strings.TrimRight(s[:from+i], " \t\r\n\"")
		for _, name := range list {
			if n := len(before) - len(name); n >= 0 && strings.EqualFold(before[n:], name) {
				return true
			}
		}
		from += i + 1
	}
}

// mask replaces what looks like personal data or a secret and names the class of each. It also escapes characters that
// could make a line read as something else: controls and changes of direction (line ends too, as JSON would).
func mask(s string) (string, []string) {
	var classes []string
	for _, p := range shapes {
		if !p.possible(s) {
			continue
		}
		s = p.shape.ReplaceAllStringFunc(s, func(match string) string {
			kept := p.shape.ReplaceAllString(match, p.with)
			if kept != match {
				classes = append(classes, p.class)
			}
			return kept
		})
	}
	s, cards := maskCards(s)
	for range cards {
		classes = append(classes, classPayment)
	}
	return visible(s), classes
}

// maskCards replaces words that pass for a card number, and runs of short groups of digits that do so together. Digits
// inside a longer word, such as the groups of a GUID, are left.
func maskCards(s string) (string, int) {
	if !enoughDigits(s) {
		return s, 0
	}
	words := wordsOf(s)
	var b strings.Builder
	count, from := 0, 0
	for i := 0; i < len(words); i++ {
		if last := cardFrom(s, words[i:]); last >= 0 {
			b.WriteString(s[from:words[i][0]])
			b.WriteString(redacted)
			i, count = i+last, count+1
			from = words[i][1]
		}
	}
	return b.String() + s[from:], count
}

func enoughDigits(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n >= minCard
}

// wordsOf finds the words of s, from and to: letters, digits, and what joins them.
func wordsOf(s string) (words [][2]int) {
	from := -1
	for i := range len(s) + 1 {
		inside := i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || strings.IndexByte("-_.", s[i]) >= 0)
		if inside && from < 0 {
			from = i
		}
		if !inside && from >= 0 {
			words, from = append(words, [2]int{from, i}), -1
		}
	}
	return words
}

// cardFrom is the index of the last word of a card number that begins with the first; -1 if none does.
func cardFrom(s string, words [][2]int) int {
	number := ""
	for i, at := range words {
		group, ok := digitsOf(s[at[0]:at[1]])
		if !ok || (i > 0 && (s[words[i-1][1]:at[0]] != " " || len(group) > maxGroup)) || len(number)+len(group) > maxCard {
			return -1
		}
		if number += group; cardNumber(number) {
			return i
		}
		if len(group) < minGroup || len(group) > maxGroup {
			return -1
		}
	}
	return -1
}

// Cards have 13 to 19 digits, written together or in groups of 3 to 6.
const (
	minCard, maxCard   = 13, 19
	minGroup, maxGroup = 3, 6
)

// digitsOf is a word without dashes and full stop, if the rest is digits.
func digitsOf(word string) (string, bool) {
	word = strings.ReplaceAll(strings.TrimRight(word, "."), "-", "")
	return word, word != "" && strings.Trim(word, "0123456789") == ""
}

// cardNumber says whether digits begin, check and are as many as those of a card.
func cardNumber(s string) bool {
	return len(s) >= minCard && len(s) <= maxCard && s[0] >= '2' && s[0] <= '6' && luhn(s)
}

// luhn checks the last digit of a card number.
func luhn(s string) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}

// visible writes controls and marks of direction as their code point. Tabs and line ends are left to JSON.
func visible(s string) string {
	hidden := func(r rune) bool {
		return unicode.Is(unicode.Bidi_Control, r) || (unicode.IsControl(r) && r != '\n' && r != '\t')
	}
	if plain(s) || strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain says whether s is printable ASCII, as nearly all texts are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
