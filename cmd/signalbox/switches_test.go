package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/auditview"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/switchview"
	"github.com/signalbox/signalbox/internal/cli/why"
)

func scenarioOf(t *testing.T, v switchview.View, name string) switchview.Scenario {
	t.Helper()
	for _, s := range v.Scenarios {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no scenario %s", name)
	return switchview.Scenario{}
}

func TestAScenarioIsSwitchedOffItsEventsWaitAndOnAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = append(s.more, "SIGNALBOX_AUDIT_OPERATOR=ana", "SIGNALBOX_AUDIT_PATH="+filepath.Join(t.TempDir(), "audit.jsonl"))
	d := cli(t, s.env(), nil, "scenarios", "disable", "customers", "--reason", "the schema is being repaired", "--until", "2h", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.err)
	is := scenarioOf(t, decode[switchview.View](t, d.out), "customers")
	require.Equal(t, switchview.Off, is.State)
	require.Equal(t, []string{"ana", "the schema is being repaired", "1"}, []string{is.By, is.Reason, is.Audit})
	require.WithinDuration(t, time.Now().Add(2*time.Hour), *is.Until, time.Minute)

	plan := cli(t, s.env(), strings.NewReader(event("e1")), "plan", "-")
	require.Contains(t, plan.out, "switched_off")

	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	list := cli(t, s.env(), nil, "scenarios", "list")
	require.Regexp(t, `(?m)^customers +off +1 .* ana +the schema is being repaired$`, list.out)
	require.Regexp(t, `(?m)^orders +on +0 `, list.out)
	answer := decode[why.Answers](t, cli(t, s.env(), nil, "why", "--source", "https://shop.example.com", "--event", "e1", "-o", "json").out).Answers[0]
	require.Equal(t, []string{"waiting", "switched_off"}, []string{string(answer.Status), answer.Cause})
	require.Contains(t, answer.Sentence, "It waits for scenario customers to be on, which ana has switched off at ")
	require.Empty(t, s.csu.Customers())

	d = cli(t, s.env(), nil, "scenarios", "enable", "customers", "--reason", "repaired", "-o", "json")
	require.Equal(t, switchview.On, scenarioOf(t, decode[switchview.View](t, d.out), "customers").State)
	list = cli(t, s.env(), nil, "audit", "list")
	require.Regexp(t, `(?m)^1 .* ana .* scenarios disable +customers +until .* the schema is being repaired$`, list.out)
	require.Regexp(t, `(?m)^2 .* ana .* scenarios enable +customers +- +repaired$`, list.out)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "audit", "verify").code)
}

func TestWhatAnOperatorMustSayToSwitchAScenarioOff(t *testing.T) {
	t.Parallel()
	for _, line := range [][]string{
		{"customers", "--until", "2h"},
		{"customers", "--reason", "x"},
		{"customers", "--reason", " ", "--until", "2h"},
		{"customers", "--reason", "x", "--until", "200h"},
		{"customers", "--reason", "x", "--until", "2020-01-01T00:00:00Z"},
		{"customers", "--reason", "x", "--until", "tomorrow"},
		{"customers", "--reason", "ask ana@example.com", "--until", "2h"},
		{"customers-promote", "--reason", "x", "--until", "2h"},
		{"heartbeat", "--reason", "x", "--until", "2h"},
		{"--reason", "x", "--until", "2h"},
	} {
		d := cli(t, nil, nil, append([]string{"scenarios", "disable"}, line...)...)
		require.Equal(t, exit.Usage, d.code, "%v: %s", line, d.err)
	}
	require.Equal(t, exit.Usage, cli(t, nil, nil, "scenarios", "enable", "tulip").code)
	require.Equal(t, exit.Usage, cli(t, nil, nil, "scenarios", "tulip").code)
}

func TestAScenarioThatTheConfigurationHasOffIsShownSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = append(s.more, "SIGNALBOX_SCENARIOS_OFF=orders")
	require.Regexp(t, `(?m)^orders +off by configuration `, cli(t, s.env(), nil, "scenarios", "list").out)
	s.more = append(s.more, "SIGNALBOX_SCENARIOS_OFF=orders,tulip,orders")
	d := cli(t, s.env(), nil, "config", "check")
	require.Equal(t, exit.Configuration, d.code)
	require.Contains(t, d.out, `names "tulip"`)
	require.Contains(t, d.out, `names "orders" twice`)
}

// Every command that changes something is here with a line that does it.
func TestEveryActionOfAnOperatorIsWrittenDownOrDoesNotHappen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	s.more = append(s.more, "SIGNALBOX_AUDIT_OPERATOR=ana", "SIGNALBOX_AUDIT_PATH="+path, often)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1")+"\n"+event("e2"))).code)
	csv := filepath.Join(t.TempDir(), "bindings.csv")
	require.NoError(t, os.WriteFile(csv, []byte("id,d365_id\n7,000007\n"), 0o600))
	actions := map[string][]string{
		"scenarios disable":  {"customers", "--reason", "why not", "--until", "2h"},
		"scenarios enable":   {"customers", "--reason", "why not"},
		"schedules run":      {"often", "--reason", "why not"},
		"gate limit":         {"20/s", "--for", "1m", "--reason", "why not"},
		"gate unlimit":       {"--reason", "why not"},
		"mapping import":     {"--yes", "--source", "https://shop.example.com", "--reason", "why not", csv},
		"deadletter replay":  {"--reason", "SchemaInvalid", "--yes", "--because", "why not"},
		"deadletter discard": {"--reason", "SchemaInvalid", "--yes", "--because", "why not"},
		"deadletter sweep":   {"--because", "why not"},
	}
	n := 0
	for action, args := range actions {
		line := append(strings.Fields(action), args...)
		s.more = append(s.more, "SIGNALBOX_AUDIT_PATH=/dev/full")
		before := s.dump()
		d := cli(t, s.env(), nil, line...)
		require.NotEqual(t, exit.Done, d.code, action)
		require.Contains(t, d.err, "audit", action)
		after := s.dump()
		delete(before, "sb1:{c:default}:audit")
		delete(after, "sb1:{c:default}:audit")
		require.Equal(t, before, after, "%s did something that is not written down", action)

		s.more = s.more[:len(s.more)-1]
		d = cli(t, s.env(), nil, line...)
		require.Contains(t, []int{exit.Done, exit.Nothing}, d.code, "%s: %s", action, d.err)
		n++
		l := decode[auditview.List](t, cli(t, s.env(), nil, "audit", "list", "-o", "json").out)
		last := l.Entries[len(l.Entries)-1]
		require.Equal(t, []string{action, "ana", "why not"}, []string{last.Action, last.By, last.Reason})
		require.NotEmpty(t, last.Target, action)
		require.NotEmpty(t, last.CorrelationID, action)
	}
	v := cli(t, s.env(), nil, "audit", "verify", "-o", "json")
	require.Equal(t, exit.Done, v.code, v.out)
	head := decode[auditview.Verified](t, v.out).Head
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "audit", "verify", "--head", head.String()).code)
	require.Equal(t, exit.Failed, cli(t, s.env(), nil, "audit", "verify", "--head", (&audit.Head{Number: head.Number + 1, Hash: "k1.0"}).String()).code)

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "why not", "why", 1)), 0o600))
	d := cli(t, s.env(), nil, "audit", "verify")
	require.Equal(t, exit.Failed, d.code)
	require.Contains(t, d.out, "was changed")
	require.Equal(t, exit.Usage, cli(t, s.env(), nil, "audit", "verify", "--head", "x").code)
}
