package telemetry

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/signalbox/signalbox/internal/cardnumber"
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

// maskCards replaces what passes for a card number. Digits inside a longer word, such as the groups of a GUID, are left.
func maskCards(s string) (string, int) {
	if !cardnumber.Possible(s) {
		return s, 0
	}
	var b strings.Builder
	count, from := 0, 0
	for {
		m, found := cardnumber.Next(s, from)
		if !found {
			return b.String() + s[from:], count
		}
		b.WriteString(s[from:m.From])
		b.WriteString(redacted)
		count, from = count+1, m.To
	}
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
