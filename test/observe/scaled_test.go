package observe

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// seconds are the thresholds of alerts that are times: they shrink with everything else. An alert that compares a time and is
// not in here fails the test below.
var seconds = map[string]string{
	"SignalboxHeartbeatLate":         "> 300",
	"SignalboxOldestMessageTooOld":   "> 900",
	"SignalboxBacklogDrainTooSlow":   "> 1800",
	"SignalboxQueueSampleStale":      "> 600",
	"SignalboxDeadLettersUnattended": "> 86400",
	"SignalboxCsuBlocked":            "> 60",
	"SignalboxCsuSlow":               "> 5",
	"SignalboxScheduleOverdue":       "+ 60", // beyond twice an interval, which the schedules of the story have shorter
}

var (
	aRange  = regexp.MustCompile(`\[(\d+[smhd])(?::(\d+[smhd]))?\]`)
	anAge   = regexp.MustCompile(`offset (\d+[smhd])`)
	aFor    = regexp.MustCompile(`(?m)^( +for: )(\d+[smhd])$`)
	anAlert = regexp.MustCompile(`(?m)^ +- alert: (\w+)\n +expr: (.*)$`)
	fresh   = regexp.MustCompile(`le=~"300\|300\.0"`)
)

// scaled is a copy of the rules in which every time is divided by the factor: ranges, offsets, for, thresholds that are times,
// and the bucket of the freshness level.
func scaled(t *testing.T, factor int) (files []string) {
	t.Helper()
	for _, path := range ruleFiles(t) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), filepath.Base(path))
		require.NoError(t, os.WriteFile(file, []byte(shrink(t, string(b), factor)), 0o600))
		files = append(files, file)
	}
	return files
}

func shrink(t *testing.T, text string, factor int) string {
	t.Helper()
	text = anAlert.ReplaceAllStringFunc(text, func(alert string) string {
		name := anAlert.FindStringSubmatch(alert)[1]
		if limit, ok := seconds[name]; ok {
			at := strings.LastIndex(alert, limit)
			require.Positive(t, at, "%s does not compare with %s", name, limit)
			sign, number, _ := strings.Cut(limit, " ")
			n, err := strconv.ParseFloat(number, 64)
			require.NoError(t, err)
			alert = alert[:at] + fmt.Sprintf("%s %g", sign, n/float64(factor)) + alert[at+len(limit):]
		}
		return alert
	})
	text = aRange.ReplaceAllStringFunc(text, func(r string) string {
		m := aRange.FindStringSubmatch(r)
		if m[2] == "" {
			return "[" + shorter(t, m[1], factor) + "]"
		}
		return "[" + shorter(t, m[1], factor) + ":" + shorter(t, m[2], factor) + "]"
	})
	text = anAge.ReplaceAllStringFunc(text, func(o string) string { return "offset " + shorter(t, anAge.FindStringSubmatch(o)[1], factor) })
	text = aFor.ReplaceAllStringFunc(text, func(f string) string {
		m := aFor.FindStringSubmatch(f)
		return m[1] + shorter(t, m[2], factor)
	})
	return fresh.ReplaceAllString(text, fmt.Sprintf(`le=~"%[1]d|%[1]d.0"`, 300/factor))
}

func shorter(t *testing.T, d string, factor int) string {
	t.Helper()
	if days, ok := strings.CutSuffix(d, "d"); ok {
		n, err := strconv.Atoi(days)
		require.NoError(t, err)
		d = fmt.Sprintf("%dh", 24*n)
	}
	full, err := time.ParseDuration(d)
	require.NoError(t, err)
	return milliseconds(full / time.Duration(factor))
}

func TestScaledRulesHaveEveryTimeDivided(t *testing.T) {
	for _, path := range ruleFiles(t) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range anAlert.FindAllStringSubmatch(string(b), -1) {
			isTime := strings.Contains(m[2], "time()") || strings.Contains(m[2], "_seconds_bucket") || strings.Contains(m[2], "clamp_min")
			_, listed := seconds[m[1]]
			require.Equal(t, isTime, listed, "%s: does it compare a time?", m[1])
		}
	}
	require.Equal(t, "  - alert: SignalboxCsuBlocked\n    expr: max_over_time((max(x) - time())[10000ms:2000ms]) > 2\n    for: 20000ms\n",
		shrink(t, "  - alert: SignalboxCsuBlocked\n    expr: max_over_time((max(x) - time())[5m:1m]) > 60\n    for: 10m\n", 30))
	require.Equal(t, `rate(x{le=~"10|10.0"}[8640000ms]) unless x offset 30000ms`, shrink(t, `rate(x{le=~"300|300.0"}[3d]) unless x offset 15m`, 30))
}
