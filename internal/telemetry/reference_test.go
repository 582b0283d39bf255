package telemetry

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
	"github.com/signalbox/signalbox/worker"
)

// go test ./internal/telemetry -update writes the tables of docs/reference/metrics.md anew.
var update = flag.Bool("update", false, "write the generated parts of the reference anew")

const reference = "../../docs/reference/metrics.md"

// TestTheReferenceIsTheCode compares what stands between two marks of the page, or writes it.
func TestTheReferenceIsTheCode(t *testing.T) {
	b, err := os.ReadFile(reference)
	require.NoError(t, err)
	want := between(t, string(b), "metrics", tables(t))
	want = between(t, want, "label values", labelValues())
	if *update {
		require.NoError(t, os.WriteFile(reference, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(b), "the reference is not what the code says: go test ./internal/telemetry -update")
}

func between(t *testing.T, page, what, text string) string {
	t.Helper()
	begin := "<!-- " + what + ": written by go test ./internal/telemetry -update -->\n"
	before, rest, ok := strings.Cut(page, begin)
	require.True(t, ok, "the page has no mark %q", begin)
	end := "<!-- end of " + what + " -->\n"
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the page has no mark %q", end)
	return before + begin + text + end + after
}

// tables lists every family by its section, in the order of the code.
func tables(t *testing.T) string {
	families := whole(known(2, 1, 1, 1)).Families()
	var b strings.Builder
	listed := 0
	for _, section := range Sections() {
		fmt.Fprintf(&b, "\n### %s\n\n| Name | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n", section)
		for _, f := range families {
			if f.Section != section {
				continue
			}
			listed++
			labels := "–"
			if len(f.Labels) > 0 {
				labels = "`" + strings.Join(f.Labels, "` `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, labels, strings.TrimSuffix(f.Help, "."))
		}
	}
	require.Equal(t, len(families), listed, "a family stands in no section")
	return b.String() + "\n"
}

func labelValues() string {
	set := func(values []string) string { return "`" + strings.Join(values, "` `") + "`" }
	var reasons, kinds, blames []string
	for _, r := range fault.Reasons() {
		reasons = append(reasons, r.Label())
		if blame := string(r.Blame()); !slices.Contains(blames, blame) {
			blames = append(blames, blame)
		}
	}
	for _, k := range fault.Kinds() {
		if k != fault.Unknown {
			kinds = append(kinds, k.String())
		}
	}
	slices.Sort(reasons)
	rows := [][2]string{
		{"queue, messaging_destination_name", "the configured queues, else `other`"},
		{"event_type, scenario, step, entity", "what the scenarios say, else `unknown`"},
		{"messaging_operation_name", set(append(slices.Clone(brokerCalls), callProcess))},
		{"error_type", "empty on success; " + set(errorTypes)},
		{"state of queues", set(queueStates)},
		{"state of the pool", set(poolStates)},
		{"outcome of messages", set(texts(worker.Results()))},
		{"outcome of runs", set(runOutcomes) + " (skipped: a duplicate, a surplus copy, or overtaken by a newer state)"},
		{"outcome of steps", set(stepOutcomes)},
		{"outcome of lock renewals", set(renewals)},
		{"outcome of bindings", set(writeOutcomes)},
		{"outcome of token refreshes", set(okOrError)},
		{"reason of dead letters", "as in [dead letters](dead-letters.md): " + set(reasons)},
		{"fault", set(blames)},
		{"reason of rescheduling", set(texts(worker.Whys()))},
		{"reason of reconnects", set(reconnects)},
		{"reason of pauses", set(pauseReasons)},
		{"cause", set(texts(orchestration.Causes())) + ", else `other`"},
		{"kind", set(kinds)},
		{"result of claims", set(answers)},
		{"result of bindings looked up", set(lookups)},
		{"operation", "call templates such as `Customers.Create`, else `other`"},
		{"result of CSU requests", set(csuclient.Results())},
		{"error_code", "those of the catalogue, once they were seen, else `other`"},
		{"source of waits", set(append(csuclient.Sources(), other))},
		{"source of field map warnings", "the rows of the source table, by name"},
		{"sink", "the rows of the sink table, by name, else `other`"},
		{"channel, feed", "those of the sweeps that schedules ask for, else `other`, with the sink"},
		{"outcome of sweeps", set(sweepOutcomes)},
		{"mismatch", set(mismatches)},
		{"schedule", "the rows of the schedule table that are on, by name"},
		{"outcome of schedules", set(scheduleOutcomes)},
		{"result of deliveries to sinks", set(sinks.Results())},
		{"rule", set(fieldmap.WarningRules()) + ", see [field maps](field-maps.md)"},
		{"lane", set(lanes)},
		{"command", "the scripts by name, " + set(plainCommands)},
		{"dependency", set(dependencies)},
		{"http_route", "`/metrics` `/livez` `/readyz` `/startupz`, empty for anything else"},
		{"http_request_method", set(methods)},
		{"level", set(levels)},
		{"component", set(components)},
		{"class", set(redactionClasses)},
	}
	var b strings.Builder
	b.WriteString("\n| Label | Values |\n| --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r[0], r[1])
	}
	return b.String() + "\n"
}
