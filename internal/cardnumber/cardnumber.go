// Package cardnumber says what a payment card number (a PAN) looks like in text. The door that refuses events and the net under
// the log use it, so that there is one idea of it.
//
// The rule. A card number is 13 to 19 ASCII digits that
//   - begin as an issuer's numbers do and are as many as those are (see known),
//   - keep the Luhn check (ISO/IEC 7812-1, annex B),
//   - stand together, or in groups of 3 to 6 digits, the last of 1 to 6, with up to three blanks or dashes between two groups,
//   - are a word of their own: no letter, digit or underscore stands before or behind them, no digit and full stop before (they are a
//     fraction) and no word and dash before (they are the end of a GUID or of an id such as ORD-4111…). A fraction of nothing but
//     zeros may follow: spreadsheets write 4111111111111111.0. Magnetic stripes are cards too: %B4111…^, 4111…D2512….
//
// No card numbers are: a number with a plus before it and at most 15 digits, which is a phone number (E.164), and one of 13 or 18
// digits that keeps the check of GS1, which is a barcode or a shipping unit (every EAN-13 of Germany begins with 4, as Visa's do;
// issuers hardly use those lengths any more).
//
// What it costs. Of random numbers of 16 digits that stand alone, about 3 in 100 pass for a card; of 14 or 15 digits fewer than 1 in 100;
// of 13, 1 in 100, and of 17 and 18 fewer than 1 in 100; of 19, 2 in 100. GUIDs, hashes, ids with a letter, dates, timestamps and E.164 phone
// numbers do not. A test holds these shares. What is missed: numbers that are split over several values, spelled in
// words, encoded (base64, percent), written with other digits than 0 to 9 or, as JSON numbers, with an exponent and fewer than 13 digits behind
// the point, or glued to a letter.
//
// Nothing here allocates but Within, once there is something to look at. Safe for concurrent use.
package cardnumber

import "unicode/utf8"

// The shortest and the longest card number, in digits.
const (
	Shortest = 13
	Longest  = 19
)

// Groups that digits are written in.
const (
	shortestGroup, longestGroup = 3, 6
	longestGap                  = 3  // blanks and dashes between two groups
	longestPhone                = 15 // ITU-T E.164
)

// Match is a card number in a text: s[From:To], of so many digits.
type Match struct{ From, To, Digits int }

// In says whether there is a card number in s.
func In(s string) bool {
	if !Possible(s) {
		return false
	}
	_, found := Next(s, 0)
	return found
}

// Possible says whether there may be a card number in s: 13 digits with nothing but blanks, dashes and signs beyond ASCII between
// them. It reads about one byte in six of a text in words.
func Possible[T string | []byte](s T) bool {
	for i := 0; i+Shortest <= len(s); {
		last := i + Shortest - 1
		for last >= i && !breaks[s[last]] {
			last--
		}
		if last >= i { // whatever begins at i or behind it ends here
			i = last + 1
			continue
		}
		digits := 0
		for ; i < len(s) && !breaks[s[i]]; i++ {
			if isDigit(s[i]) {
				digits++
			}
		}
		if digits >= Shortest {
			return true
		}
	}
	return false
}

// breaks are the bytes that no card number goes on behind.
var breaks = func() (b [256]bool) {
	for c := range 256 {
		b[c] = c < utf8.RuneSelf && !isDigit(byte(c)) && c != ' ' && c != '\t' && c != '-'
	}
	return b
}()

// Next is the first card number that begins at from or behind it.
func Next(s string, from int) (m Match, found bool) {
	for i := from; i < len(s); i++ {
		if !isDigit(s[i]) {
			continue
		}
		if begins, phone := begin(s, i); begins {
			if m, found = at(s, i, phone); found {
				return m, true
			}
		}
		for i+1 < len(s) && isDigit(s[i+1]) {
			i++
		}
	}
	return Match{}, false
}

// begin says whether a number may begin at i, and whether as a phone number does.
func begin(s string, i int) (begins, phone bool) {
	if i == 0 {
		return true, false
	}
	before := byte(' ')
	if i > 1 {
		before = s[i-2]
	}
	switch c := s[i-1]; {
	case c == 'B':
		return before == '%', false // track 1 of a stripe
	case isWord(c):
		return false, false
	case c == '.':
		return !isDigit(before), false
	case c == '-':
		return !isWord(before), false
	case c == '+':
		return true, true
	}
	return true, false
}

// at reads the number that begins at i.
func at(s string, i int, phone bool) (m Match, found bool) {
	var number [Longest]byte
	n := 0
	for from := i; ; {
		to := from
		for to < len(s) && isDigit(s[to]) {
			if n == Longest {
				return Match{}, false
			}
			number[n] = s[to]
			n, to = n+1, to+1
		}
		group := to - from
		if n > group && group > longestGroup {
			return Match{}, false
		}
		if n >= Shortest && end(s, to) && (!phone || n > longestPhone) && isCard(number[:n]) {
			return Match{From: i, To: to, Digits: n}, true
		}
		if group < shortestGroup || group > longestGroup {
			return Match{}, false
		}
		if from = nextGroup(s, to); from < 0 {
			return Match{}, false
		}
	}
}

// end says whether a number may end before i.
func end(s string, i int) bool {
	switch {
	case i == len(s):
		return true
	case s[i] == 'D': // between number and expiry on track 2 of a stripe, as chips give it
		return i+4 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) && isDigit(s[i+4])
	case s[i] == '.' && i+1 < len(s) && isDigit(s[i+1]):
		for i++; i < len(s) && s[i] == '0'; i++ {
		}
		return i == len(s) || !isWord(s[i])
	}
	return !isWord(s[i])
}

// nextGroup is where the digits behind a gap begin; -1 if there is no gap at i, or no digit behind it.
func nextGroup(s string, i int) int {
	gap := 0
	for ; i < len(s); gap++ {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(s[i:])
		}
		if !isGap(c) {
			break
		}
		i += size
	}
	if gap == 0 || gap > longestGap || i == len(s) || !isDigit(s[i]) {
		return -1
	}
	return i
}

// isGap says whether c is a blank or a dash, of any width.
func isGap(c rune) bool {
	switch c {
	case ' ', '\t', '-':
		return true
	case 0xa0, 0xad, 0x202f, 0x2212, 0x3000, 0xfeff: // no-break blanks, soft hyphen, minus, ideographic blank, mark
		return true
	}
	return c >= 0x2000 && c <= 0x2015 // blanks of other widths, of none too, and dashes
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isDigit(c) || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// isCard says whether so many digits, 13 to 19 of them, are an issuer's, and check.
func isCard(d []byte) bool {
	return known(d) && luhn(d) && (len(d) != 13 && len(d) != 18 || !gs1(d))
}

// luhn sums the digits, every second one from the right, but not the last, doubled.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// gs1 sums the digits, every second one from the right, but not the last, three times (GS1 General Specifications, 7.9).
func gs1(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			n *= 3
		}
		sum += n
	}
	return sum%10 == 0
}
