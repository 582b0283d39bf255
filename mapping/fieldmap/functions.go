package fieldmap

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/signalbox/signalbox/mapping/normal"
)

// Function is one function that field maps have besides those of jq.
type Function struct {
	Name     string
	Usage    string // as a map writes it
	What     string
	min, max int // arguments
	do       func(e *evaluator, v any, args []any) any
}

// maxPhone is the longest phone number that a field of an event takes.
const maxPhone = 30

// Functions lists them. All give null for null, and for text with nothing in it; all but hash take text, and numbers as
// text. What they cannot read is an error, which fails the field unless the expression catches it: .Country | iso3? // "USA".
func Functions() []Function {
	return []Function{
		{"email", "email", "an e-mail address: trimmed, out of `Ana <…>` or `mailto:`, NFKC, its domain in lower case", 0, 0, textual("email", toEmail)},
		{"phone", "phone, phone(country)", "a phone number in E.164; the country says how to read one without its country code; one that cannot be read is kept as it was given, with a warning", 0, 1, toPhone},
		{"iso3", "iso3", "a country's ISO 3166-1 alpha-3 code, from a code or a name", 0, 0, textual("iso3", toISO3)},
		{"currency", "currency", "an ISO 4217 code, from a code, or from a sign or name that stands for one currency only", 0, 0, textual("currency", toCurrency)},
		{"language", "language, language(country)", "a language as the CSU writes it, such as en-us; the country is added where the language names none", 0, 1, textual("language", toLanguage)},
		{"instant", "instant(format), instant(format; zone)", "a moment in RFC 3339, UTC; the format is iso, unix, unix_ms or as strftime writes it; the zone is where a time without an offset was read off a clock", 1, 2, textual("instant", toInstant)},
		{"blank", "blank", "text without white space around it, and null when nothing is left", 0, 0, textual("blank", func(_ *evaluator, text string, _ []any) any { return text })},
		{"cut", "cut(n)", "text of at most n characters, with a warning when it was longer", 1, 1, textual("cut", toCut)},
		{"mapped", "mapped(name)", "what D365 calls a value, by the value map of that name; one that it has no row for is refused, passed or made the same for all, as the map is configured", 1, 1, textual("mapped", toMapped)},
		{"hash", "hash", "32 hexadecimal digits that stand for any value, the same for the same value", 0, 0, toHash},
	}
}

// textual calls f with text that is trimmed and not empty.
func textual(rule string, f func(e *evaluator, text string, args []any) any) func(*evaluator, any, []any) any {
	return func(e *evaluator, v any, args []any) any {
		if v == nil {
			return nil
		}
		text, ok := asText(v)
		if !ok {
			return &broken{rule, Shape(v)}
		}
		if text = normal.Trim(text); text == "" {
			return nil
		}
		if made := f(e, text, args); made != nil {
			return made
		}
		return &broken{rule, Shape(v)}
	}
}

// asText takes text, and numbers as they are written.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, utf8.ValidString(v)
	case json.Number:
		return v.String(), true
	case int:
		return strconv.Itoa(v), true
	case *big.Int:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func orNothing(text string, ok bool) any {
	if !ok {
		return nil
	}
	return text
}

func toEmail(_ *evaluator, text string, _ []any) any { return orNothing(normal.Email(text)) }

// toPhone never fails: nobody's order waits for a phone number.
func toPhone(e *evaluator, v any, args []any) any {
	if v == nil {
		return nil
	}
	text, ok := asText(v)
	if !ok {
		e.warn(WarnPhone)
		return nil
	}
	if text = normal.Trim(text); text == "" {
		return nil
	}
	of := countryOf(args)
	number, ok := normal.Phone(text, of)
	switch {
	case ok:
		return number
	case utf8.RuneCountInString(number) > maxPhone:
		e.warn(WarnPhoneLength)
		return nil
	}
	e.warn(WarnPhone)
	return number
}

// countryOf is the country of an argument; one that is no country counts as none.
func countryOf(args []any) normal.Country {
	if len(args) == 0 {
		return normal.Country{}
	}
	text, _ := args[0].(string)
	country, _ := normal.FindCountry(text)
	return country
}

func toISO3(_ *evaluator, text string, _ []any) any {
	c, ok := normal.FindCountry(text)
	return orNothing(c.Alpha3, ok)
}

func toCurrency(_ *evaluator, text string, _ []any) any { return orNothing(normal.Currency(text)) }

func toLanguage(_ *evaluator, text string, args []any) any {
	in := countryOf(args)
	return orNothing(normal.Language(text, in))
}

func toInstant(e *evaluator, text string, args []any) any {
	format, _ := args[0].(string)
	var zone *time.Location
	if normal.CheckFormat(format) != nil {
		return &broken{"instant", "the format cannot be read"}
	}
	if len(args) == 2 {
		name, _ := args[1].(string)
		if zone = zoneOf(name); zone == nil {
			return &broken{"instant", "the time zone is not known"}
		}
	}
	t, found := normal.Instant(text, format, zone)
	switch found {
	case normal.InstantUnread:
		return nil
	case normal.InstantNoZone:
		return &broken{"instant", "a local time; say of which time zone"}
	case normal.InstantTwice:
		e.warn(WarnTimeTwice)
	case normal.InstantSkipped:
		e.warn(WarnTimeSkipped)
	case normal.InstantSure:
	}
	return t.Format(time.RFC3339Nano)
}

// zoneOf finds a time zone of the IANA database; nil for none. Local is none: it is another one elsewhere.
func zoneOf(name string) *time.Location {
	if name == "" || name == "Local" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

func toCut(e *evaluator, text string, args []any) any {
	most, ok := gojq.ToInt(args[0])
	if !ok || most < 1 {
		return &broken{"cut", "the number of characters is less than one"}
	}
	short, was := normal.Cut(text, most)
	if was {
		e.warn(WarnCut)
	}
	return short
}

// toMapped asks a value map. Its name is known by now: vetValues has seen to it. A value may be anything, so none is told.
func toMapped(e *evaluator, text string, args []any) any {
	name, _ := args[0].(string)
	if e.s.values == nil {
		return &broken{"mapped", "there are no value maps"}
	}
	to, ok := e.s.values.Value(name, text)
	if !ok {
		return &broken{"mapped", "the value map " + name + " has no row for " + Shape(text)}
	}
	return to
}

// vetValues judges calls of mapped: a value map that is not there fails when the field map is read, not with the first row.
func vetValues(q *gojq.Query, values Values) (what, do string) {
	walk(reflect.ValueOf(q), func(n any) {
		f, ok := n.(*gojq.Func)
		if !ok || f.Name != "mapped" || len(f.Args) != 1 || what != "" {
			return
		}
		name, written := literal(f, "mapped", 0)
		switch {
		case !written:
			what, do = "calls mapped with a name that is computed", `write it out: mapped("delivery-mode")`
		case values == nil || len(values.Names()) == 0:
			what, do = fmt.Sprintf("calls mapped(%q), and this source has no value maps", name), "add it to the table value_maps, or in a test file to value_maps"
		case !slices.Contains(values.Names(), name):
			what, do = fmt.Sprintf("calls mapped(%q), which is no value map of this source", name), "name one of "+strings.Join(values.Names(), ", ")
		}
	})
	return what, do
}

// toHash takes the canonical JSON of a value. It is no secret: whoever can guess the value can find the hash, so a hash of
// one personal field alone would give it away; of a whole row it does not.
func toHash(e *evaluator, v any, _ []any) any {
	if b := e.fit(v); b != nil {
		return b
	}
	text, err := gojq.Marshal(v)
	if err != nil {
		return &broken{"hash", Shape(v)}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// vetArguments judges arguments that are written out: a zone with a typing error fails when the map is read, not with the
// first row.
func vetArguments(f *gojq.Func) (what, do string) {
	if text, ok := literal(f, "instant", 0); ok {
		if err := normal.CheckFormat(text); err != nil {
			return "calls instant with a format that " + err.Error(), "correct the format"
		}
	}
	if text, ok := literal(f, "instant", 1); ok && zoneOf(text) == nil {
		return "calls instant with a time zone that is not known", "name one of the IANA database, such as Europe/Vienna"
	}
	for _, name := range []string{"phone", "language"} {
		if f.Name == name && len(f.Args) == 1 && f.Args[0].Term != nil && f.Args[0].Term.Type == gojq.TermTypeIndex {
			return "calls " + name + "(" + f.Args[0].String() + "), which looks into the text that " + name + " is given",
				"say where to look: " + name + "($row" + f.Args[0].String() + ")"
		}
		if text, ok := literal(f, name, 0); ok {
			if _, known := normal.FindCountry(text); !known {
				return "calls " + name + " with a country that is not known", "write its ISO 3166 code, such as AT"
			}
		}
	}
	return "", ""
}
