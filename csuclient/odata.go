package csuclient

import "strings"

const upperHex = "0123456789ABCDEF"

// literal writes s as an OData string literal for a URL's path: quotes doubled, then everything but RFC 3986's
// unreserved characters percent-encoded, so that no value can leave its literal or its path segment.
func literal(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('\'')
	for i := range len(s) {
		switch c := s[i]; {
		case unreserved(c):
			b.WriteByte(c)
		case c == '\'':
			b.WriteString("%27%27")
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	b.WriteByte('\'')
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// entity is the path of one entity of a set.
func entity(set, key string) string { return set + "(" + literal(key) + ")" }
