package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/certify"
	"github.com/signalbox/signalbox/internal/cli/exit"
)

func TestAScenarioIsCertifiedAndItsReportIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	d := cli(t, nil, nil, "certify", "heartbeat", "--kill", "all", "--report", file)
	require.Equal(t, exit.Done, d.code, d.out+d.err)
	require.Contains(t, d.out, "after redis claim   held     held    held\n")
	require.Regexp(t, `(?m)^heartbeat +1 +18 +18 +0 +0$`, d.out)

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	r := decode[certify.Report](t, string(text))
	require.True(t, r.Passed)
	require.Equal(t, []certify.Scenario{{Name: "heartbeat", Passed: true, Stories: 1, Cases: 18, Held: 18}}, r.Scenarios)
	require.Equal(t, []string{"heartbeat"}, r.Stories[0].Exercises)
	for _, part := range []string{`"passed": true`, `"redis": "`, `"seed": 0`, `"took_seconds": `, `"at": "before redis save"`, `"mode": "lost-answer"`, `"outcome": "held"`,
		`"reproduce": "signalbox certify heartbeat --story \"example 1\" --at \"before redis save\" --kill none"`} {
		require.Contains(t, string(text), part)
	}
}

func TestAReportedBoundaryIsPlayedAgainByItsCommandAndASecondStopWithIt(t *testing.T) {
	t.Parallel()
	d := cli(t, nil, nil, "certify", "heartbeat", "--at", "after redis claim", "--then", "before redis save", "--kill", "none", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.out+d.err)
	r := decode[certify.Report](t, d.out)
	require.Len(t, r.Stories[0].Cases, 2, "the undisturbed run, and the one that was asked for")
	k := r.Stories[0].Cases[1]
	require.Equal(t, []any{"after redis claim", "before redis save", certify.Stop, certify.Held}, []any{k.At, k.Then, k.Mode, k.Outcome})
}

func TestThereMustBeSomethingToCertify(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"certify tulips", "certify heartbeat --story tulips", "certify heartbeat --at tulips"} {
		d := cli(t, nil, nil, strings.Fields(line)...)
		require.Equal(t, exit.Nothing, d.code, line)
		require.Contains(t, d.err, "next: see: signalbox scenarios", line)
	}
}
