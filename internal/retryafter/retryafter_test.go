package retryafter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBothFormsAreReadAndNonsenseIsNoAdvice(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
	}{
		"nothing":                      {"", "", 0},
		"seconds":                      {"7", "", 7 * time.Second},
		"seconds, spaced":              {" 7 ", "", 7 * time.Second},
		"leading zeros":                {"0000000007", "", 7 * time.Second},
		"a date":                       {in(30 * time.Second), "", 30 * time.Second},
		"a date, by the server's own":  {in(time.Hour), in(time.Hour - 20*time.Second), 20 * time.Second},
		"a date, the other odd format": {now.Add(time.Minute).Format(time.RFC850), "", time.Minute},
		"too long":                     {"86400", "", 10 * time.Minute},
		"too long for an integer":      {strings.Repeat("9", 40), "", 10 * time.Minute},
		"a date too far away":          {in(24 * time.Hour), "", 10 * time.Minute},
		"zero is no advice":            {"0", "", 0},
		"the past is no advice":        {in(-time.Second), "", 0},
		"negative":                     {"-5", "", 0},
		"a fraction":                   {"1.5", "", 0},
		"a sign":                       {"+5", "", 0},
		"words":                        {"soon", "", 0},
		"other digits":                 {"٧", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Retry-After": {tc.value}, "Date": {tc.date}}
			got, told := Parse(h, now)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.want > 0, told)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "1", "120", "-1", "1e9", "99999999999999999999", "Mon, 23 Nov 2026 09:00:00 GMT", "Monday, 23-Nov-26 09:00:00 GMT"} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		d, told := Parse(http.Header{"Retry-After": {value}, "Date": {date}}, time.Now())
		if told != (d > 0) || d < 0 || d > Max {
			t.Fatalf("%q: %v, %v", value, d, told)
		}
	})
}
