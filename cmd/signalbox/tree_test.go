package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// go test ./cmd/signalbox -update writes the commands of docs/reference/cli.md anew.
var update = flag.Bool("update", false, "write the generated part of the documentation anew")

// every walks the commands that exist, groups first.
func every(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		every(sub, visit)
	}
}

func tree() *cobra.Command { return (&program{}).root() }

func TestEveryCommandHelpsWithAnExample(t *testing.T) {
	t.Parallel()
	every(tree(), func(c *cobra.Command) {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		d := cli(t, nil, nil, args...)
		require.Equal(t, exit.Done, d.code)
		require.Contains(t, d.out, "Examples:\n  ", c.CommandPath())
		require.Empty(t, d.err)
		require.NotEmpty(t, c.Short)
		require.NotEmpty(t, c.Long)
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, c.CommandPath()+" --"+f.Name) })
	})
}

func TestNoSecretCanBeGivenAsAFlag(t *testing.T) {
	t.Parallel()
	every(tree(), func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			for _, word := range []string{"secret", "password", "key", "connection", "token-url", "redis"} {
				require.NotContains(t, f.Name, word, "other users of the machine see a process's arguments")
			}
		})
	})
}

func TestTheReferenceListsEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/reference/cli.md", "<!-- commands: written by go test ./cmd/signalbox -update -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := before + begin + reference() + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "write it anew with -update")
	for code, says := range map[int]string{exit.Done: "done", exit.Failed: "failed", exit.Usage: "usage", exit.Partly: "partly", exit.Nothing: "nothing matched",
		exit.Configuration: "configuration", exit.NotAllowed: "not allowed", exit.Unreachable: "not reachable", exit.Interrupted: "interrupted"} {
		require.Regexp(t, fmt.Sprintf(`(?m)^\| %d \| [^|]*%s`, code, says), string(text))
	}
}

// reference is the generated part: each command with its flags and examples.
func reference() string {
	var b strings.Builder
	every(tree(), func(c *cobra.Command) {
		if c.HasSubCommands() && c.Name() != "scenarios" && c.Name() != "schedules" { // which list, too, when they are called by themselves
			return
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", strings.TrimSuffix(c.UseLine(), " [flags]"), c.Long)
		if c.LocalNonPersistentFlags().HasAvailableFlags() {
			b.WriteString("\n| flag | what it does |\n| --- | --- |\n")
			c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { b.WriteString(row(f)) })
		}
		fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	})
	b.WriteString("\n### On every command\n\n| flag | what it does |\n| --- | --- |\n")
	tree().PersistentFlags().VisitAll(func(f *pflag.Flag) { b.WriteString(row(f)) })
	return b.String()
}

func row(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	spelled := "`--" + f.Name
	if name != "" {
		spelled += " " + name
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	return fmt.Sprintf("| %s` | %s |\n", strings.ReplaceAll(spelled, "|", `\|`), usage)
}

func TestACommandLineThatIsNotUnderstoodIsUsage(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"tulip", "config tulip", "sim", "publish", "publish a b", "publish --rate x f", "publish --tulip", "--output yaml version",
		"trace", "trace not-a-guid", "trace --source s", "trace --source s --event e 11111111-1111-4111-8111-111111111111",
		"trace --depth 0 11111111-1111-4111-8111-111111111111", "why", "why --id 1001", "plan", "plan a b", "mapping get --source s", "mapping get", "mapping get --kind tulip --source s --id 1", "mapping find --kind tulip 1", "mapping import --kind tulip -", "mapping verify --kind tulip", "mapping verify --sample some", "mapping verify --calls 0", "valuemap check --calls 0", "valuemap export", "valuemap export --format x a", "valuemap import a", "mapping find", "mapping export --format x", "mapping import", "doctor x", "doctor --events-per-day -1", "why --source s --id 1 --event e", "why --email - --source s",
		"trace --email - 11111111-1111-4111-8111-111111111111", "deadletter show", "deadletter show x", "deadletter list --limit 0",
		"local --count 0", "local --count 3 --events f", "version x", "completion tcsh", "config show --local --config f", "run --roles ,", "run --roles gateway", "schedules tulip", "schedules run", "schedules run a b",
		"sim servicebus --queue =x", "sim servicebus --queue a,lock=x", "sim servicebus --queue a,tulip=1", "sim csu --burst 3", "sim csu --tax NaN", "sim csu --cart-idle -1s", "sim csu --commit-then-drop 2",
		"sim csu --latency -1s",
		"sim inventory-visibility --quantity x", "sim inventory-visibility --burst 3", "sim inventory-visibility --latency -1s", "sim inventory-visibility --commit-then-drop 2",
		"sim inventory-visibility --warehouse HOUSTON", "certify", "certify heartbeat --all", "certify a b", "certify heartbeat --kill some", "certify heartbeat --depth 3",
		"certify heartbeat --then x", "certify heartbeat --parallel -1"} {
		d := cli(t, nil, nil, strings.Fields(line)...)
		if line == "sim" { // a group by itself helps
			require.Equal(t, exit.Done, d.code)
			continue
		}
		require.Equal(t, exit.Usage, d.code, line)
		require.Contains(t, d.err, "next: see: signalbox", line)
		require.Empty(t, d.out, line)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^signalbox \S+ \(\S+, go1\.\S+, \S+/\S+\)\n$`, cli(t, nil, nil, "version").out)
	require.NotEmpty(t, decode[build](t, cli(t, nil, nil, "version", "-o", "json").out).Go)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		d := cli(t, nil, nil, "completion", shell)
		require.Equal(t, exit.Done, d.code)
		require.Contains(t, d.out, "signalbox")
	}
	require.Contains(t, cli(t, nil, nil, "__complete", "version", "--output", "").out, "json\n")
}
