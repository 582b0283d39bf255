// Package retryafter reads how long a server asks to stay away.
package retryafter

import (
	"net/http"
	"strings"
	"time"
)

// Max is the longest pause that a server may ask for; after it, one probe looks.
const Max = 10 * time.Minute

// Parse reads the header's two forms: whole seconds, or an HTTP date. A date is measured from the
// answer's own Date where there is one, so that a clock of ours that is wrong does not matter. Nonsense, zero and the past are
// no advice: false. Source: RFC 9110, 10.2.3.
func Parse(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if strings.Trim(v, "0123456789") == "" {
		return capped(seconds(v))
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return capped(at.Sub(now))
}

// seconds reads a number that may be too large for an integer: no wait beyond the cap needs more than four digits.
func seconds(digits string) time.Duration {
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > 4 {
		return Max
	}
	n := 0
	for _, d := range digits {
		n = 10*n + int(d-'0')
	}
	return time.Duration(n) * time.Second
}

func capped(d time.Duration) (time.Duration, bool) {
	if d <= 0 {
		return 0, false
	}
	return min(d, Max), true
}
