package envelope

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// checkJSON refuses what two readers could understand differently, or what would cost too much to read: invalid
// UTF-8, a name given twice in one object (RFC 8259 section 4 leaves its meaning open), and deep nesting. It gives the members of the
// outermost object, which are parts of body, and nil if body is none.
func checkJSON(body []byte, maxDepth int) (map[string]json.RawMessage, error) {
	if len(body) == 0 {
		return nil, malformed("/data", "The body is empty.")
	}
	if !utf8.Valid(body) {
		return nil, malformed("", "The body is not UTF-8.")
	}
	s := scanner{body: body, maxDepth: maxDepth}
	if s.tooDeep() { // before json.Valid, whose stack grows with the depth
		return nil, malformed("", fmt.Sprintf("The JSON is nested deeper than %d levels.", maxDepth))
	}
	if !json.Valid(body) {
		return nil, malformed("", notJSON(body))
	}
	if f := s.value(); f != nil {
		return nil, f
	}
	return s.members, nil
}

func notJSON(body []byte) string {
	var syntax *json.SyntaxError
	var ignored any
	if errors.As(json.Unmarshal(body, &ignored), &syntax) {
		return fmt.Sprintf("The body is not JSON, at byte %d.", syntax.Offset)
	}
	return "The body is not JSON."
}

// scanner walks JSON that is known to be valid; it only has to find names and structure.
type scanner struct {
	body     []byte
	at       int
	maxDepth int
	path     []string
	members  map[string]json.RawMessage // of the outermost object
}

func (s *scanner) tooDeep() bool {
	depth, inString := 0, false
	for i := 0; i < len(s.body); i++ {
		switch c := s.body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > s.maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

func (s *scanner) value() *fault.Error {
	s.space()
	switch s.body[s.at] {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		s.text()
	default:
		for s.at < len(s.body) && !strings.ContainsRune(",]} \t\r\n", rune(s.body[s.at])) {
			s.at++
		}
	}
	return nil
}

func (s *scanner) object() *fault.Error {
	s.at++
	seen := map[string]struct{}{}
	outermost := len(s.path) == 0
	if outermost {
		s.members = map[string]json.RawMessage{}
	}
	for s.space(); s.body[s.at] != '}'; s.space() {
		if s.body[s.at] == ',' {
			s.at++
			s.space()
		}
		name := s.text()
		s.path = append(s.path, name)
		if _, twice := seen[name]; twice {
			return malformed(Pointer(s.path...), "The name is given twice in one object.")
		}
		seen[name] = struct{}{}
		s.space()
		s.at++ // the colon
		s.space()
		from := s.at
		if err := s.value(); err != nil {
			return err
		}
		if outermost {
			s.members[name] = s.body[from:s.at:s.at]
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	return nil
}

func (s *scanner) array() *fault.Error {
	s.at++
	i := 0
	for s.space(); s.body[s.at] != ']'; s.space() {
		if s.body[s.at] == ',' {
			s.at++
		}
		s.path = append(s.path, strconv.Itoa(i))
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
		i++
	}
	s.at++
	return nil
}

// text reads a string; its escapes are undone, because "a" and "\u0061" are one name.
func (s *scanner) text() string {
	start, escaped := s.at, false
	for s.at++; s.body[s.at] != '"'; s.at++ {
		if s.body[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	s.at++
	if !escaped {
		return string(s.body[start+1 : s.at-1])
	}
	var decoded string
	_ = json.Unmarshal(s.body[start:s.at], &decoded) // valid, or we would not be here
	return decoded
}

func (s *scanner) space() {
	for s.at < len(s.body) && strings.ContainsRune(" \t\r\n", rune(s.body[s.at])) {
		s.at++
	}
}

// Pointer builds a JSON pointer (RFC 6901). A name that does not look like one from a schema is shown as *: maps may
// be keyed by an e-mail address.
func Pointer(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		if !plainName(name) {
			name = "*"
		}
		b.WriteString("/" + name)
	}
	return b.String()
}

func plainName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// badText says what is wrong with an attribute's text: CloudEvents forbids control characters.
func badText(value string) string {
	switch {
	case len(value) > maxAttributeBytes:
		return fmt.Sprintf("The attribute is longer than %d bytes.", maxAttributeBytes)
	case !utf8.ValidString(value):
		return "The attribute is not UTF-8."
	}
	for _, c := range value {
		if c < 0x20 || (c >= 0x7f && c <= 0x9f) {
			return "The attribute holds control characters."
		}
	}
	return ""
}
