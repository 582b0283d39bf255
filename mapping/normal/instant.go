package normal

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a bare image has no time zones, and a local time must mean the same everywhere

	"github.com/itchyny/timefmt-go"
)

// InstantFound says how well a moment could be read.
type InstantFound int

// The ways it can go.
const (
	InstantUnread  InstantFound = iota // not in that format
	InstantNoZone                      // a local time, and nobody says of where
	InstantTwice                       // the clock was put back: it came twice that day, and the earlier one is taken
	InstantSkipped                     // the clock was put forward: it never came, and the offset from before is taken
	InstantSure
)

// The formats that are words; all others are written as strftime writes them, such as %d.%m.%Y %H:%M.
const (
	FormatISO    = "iso"     // ISO 8601: a date or a date and a time, with or without an offset
	FormatUnix   = "unix"    // seconds
	FormatUnixMS = "unix_ms" // milliseconds
)

// directives of strftime that read the same everywhere. %Z is none of them: CST is six places.
const directives = "YymdejbBhaAHkIlpPMSfTRDFzsGVun%t"

// CheckFormat says what is wrong with a format.
func CheckFormat(format string) error {
	if format == FormatISO || format == FormatUnix || format == FormatUnixMS {
		return nil
	}
	if !strings.Contains(format, "%") {
		return errors.New("is neither iso, unix, unix_ms nor written as strftime writes formats, such as %d.%m.%Y %H:%M")
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; i < len(format) && format[i] == ':' { // %:z
			i++
		}
		if i == len(format) || !strings.Contains(directives, string(format[i])) {
			return fmt.Errorf("has a directive that is not read; those that are: %%%s", strings.Join(strings.Split(directives, ""), " %"))
		}
	}
	return nil
}

// Instant reads a moment in a format. The zone is that of a text without an offset of its own; nil: there is none.
func Instant(text, format string, zone *time.Location) (time.Time, InstantFound) {
	text = Trim(text)
	switch format {
	case FormatISO:
		return iso(text, zone)
	case FormatUnix:
		return epoch(text, time.Second)
	case FormatUnixMS:
		return epoch(text, time.Millisecond)
	}
	t, err := timefmt.ParseInLocation(text, format, time.UTC)
	if err != nil || !sameDay(text, t, format) {
		return time.Time{}, InstantUnread
	}
	if strings.Contains(format, "%z") || strings.Contains(format, "%:z") || strings.Contains(format, "%s") {
		return t.UTC(), InstantSure
	}
	return local(t, zone)
}

// sameDay refuses the 31st of February, which the library reads as the 3rd of March: what was read must be written with the
// same numbers. A fraction of seconds and what follows an offset may be written in more than one way.
func sameDay(text string, t time.Time, format string) bool {
	format, _, _ = strings.Cut(format, "%f")
	format, _, _ = strings.Cut(format, "%z")
	format, _, _ = strings.Cut(format, "%:z")
	given := numbers.FindAllString(text, -1)
	for i, read := range numbers.FindAllString(timefmt.Format(t, format), -1) {
		if i >= len(given) || strings.TrimLeft(given[i], "0") != strings.TrimLeft(read, "0") {
			return false
		}
	}
	return true
}

var numbers = regexp.MustCompile(`[0-9]+`)

// layouts of ISO 8601 as databases write it; Go reads a fraction of any length after the seconds.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func iso(text string, zone *time.Location) (time.Time, InstantFound) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return local(t, zone)
		}
		for _, offset := range []string{"Z07:00", " Z07:00", "Z0700", " Z0700", "Z07"} {
			if t, err := time.Parse(layout+offset, text); err == nil {
				return t.UTC(), InstantSure
			}
		}
	}
	return time.Time{}, InstantUnread
}

// epoch reads a number of units since 1970; a fraction of seconds counts.
func epoch(text string, unit time.Duration) (time.Time, InstantFound) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > 1<<53 || n < -1<<53 || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, InstantUnread
	}
	if unit == time.Millisecond {
		return time.UnixMilli(n).UTC(), InstantSure
	}
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // digits
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	return time.Unix(n, nanos).UTC(), InstantSure
}

// local finds the moment at which the clocks of a zone show what wall shows in UTC. The offsets a day before and a day
// after are the candidates: no zone changes twice in between.
func local(wall time.Time, zone *time.Location) (time.Time, InstantFound) {
	if zone == nil {
		return time.Time{}, InstantNoZone
	}
	before, after := offset(wall.Add(-24*time.Hour), zone), offset(wall.Add(24*time.Hour), zone)
	first, second := wall.Add(-before).UTC(), wall.Add(-after).UTC()
	isFirst, isSecond := offset(first, zone) == before, offset(second, zone) == after
	switch {
	case before == after:
		return first, InstantSure
	case isFirst && isSecond:
		return first, InstantTwice // the earlier: the offset has shrunk
	case isSecond:
		return second, InstantSure
	case isFirst:
		return first, InstantSure
	}
	return first, InstantSkipped
}

// offset is how far the clocks of a zone are ahead of UTC.
func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
