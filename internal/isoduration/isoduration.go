// Package isoduration reads and writes durations as Azure writes them: ISO 8601 with days, hours, minutes and seconds,
// such as PT1M or P7DT12H.
//
// What is longer than a time.Duration can say (292 years) is Endless, which is what the service means by its largest value
// and what Format writes for it. Years and months are refused: their length depends on a calendar.
// Source: XML Schema part 2, section 3.2.6; System.Xml.XmlConvert.ToString(TimeSpan).
package isoduration

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Endless is the longest duration there is.
const Endless = time.Duration(math.MaxInt64)

// endless is how the service writes it: the largest TimeSpan.
const endless = "P10675199DT2H48M5.4775807S"

var pattern = regexp.MustCompile(`^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?$`)

// Parse reads a duration.
func Parse(text string) (time.Duration, error) {
	parts := pattern.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		return 0, fmt.Errorf("%q is not a duration: write PT1M, PT30S or P7D", text)
	}
	var sum time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.ParseInt("0"+parts[i+1], 10, 64) // nine digits at most
		if n > int64(Endless-sum)/int64(unit) {
			return Endless, nil
		}
		sum += time.Duration(n) * unit
	}
	fraction, _ := strconv.ParseInt((parts[5] + "000000000")[:9], 10, 64)
	if time.Duration(fraction) > Endless-sum {
		return Endless, nil
	}
	return sum + time.Duration(fraction), nil
}

// Format writes a duration that is not negative, in as few parts as it takes.
func Format(d time.Duration) string {
	if d == Endless {
		return endless
	}
	if d == 0 {
		return "PT0S"
	}
	var b strings.Builder
	b.WriteByte('P')
	part := func(unit time.Duration, letter byte) {
		if n := d / unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteByte(letter)
			d -= n * unit
		}
	}
	part(24*time.Hour, 'D')
	if d > 0 {
		b.WriteByte('T')
	}
	part(time.Hour, 'H')
	part(time.Minute, 'M')
	if d > 0 {
		b.WriteString(strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second), "0"), "."))
		b.WriteByte('S')
	}
	return b.String()
}
