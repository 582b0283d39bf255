package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
)

// kept is what the stage's Redis holds of bindings: the fields of each hash.
func (s *stage) kept() map[string]map[string]string {
	s.t.Helper()
	o, err := redis.ParseURL(s.redis.URL())
	require.NoError(s.t, err)
	client := redis.NewClient(o)
	defer client.Close()
	all := map[string]map[string]string{}
	for key := range s.dump() {
		if strings.Contains(key, ":map:") || strings.Contains(key, ":mapr:") {
			h, err := client.HGetAll(s.t.Context(), key).Result()
			require.NoError(s.t, err)
			if strings.Contains(key, ":map:") && h["v"] == "" {
				continue // a version without a binding, of something that is not bound
			}
			all[key] = h
			require.Negative(s.t, client.PTTL(s.t.Context(), key).Val(), "bindings are kept for good")
		}
	}
	return all
}

func (s *stage) wipe() {
	s.t.Helper()
	o, err := redis.ParseURL(s.redis.URL())
	require.NoError(s.t, err)
	client := redis.NewClient(o)
	defer client.Close()
	require.NoError(s.t, client.FlushAll(s.t.Context()).Err())
}

func TestBindingsSurviveAWipeByExportAndImport(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// Some that runs have made, one of them under an id that looks personal, and as many as a retailer has products.
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1")+strings.Replace(event("e2"), `"id":"of-e2"`, `"id":"e2@example.net"`, 1))).code)
	s.work()
	var rows strings.Builder
	rows.WriteString("id,d365_id\n")
	for i := range 3503 {
		fmt.Fprintf(&rows, "sku-%d,P-%05d\n", i, i)
	}
	csv := filepath.Join(t.TempDir(), "bindings.csv")
	require.NoError(t, os.WriteFile(csv, []byte(rows.String()), 0o600))
	before := s.kept()
	load := []string{"mapping", "import", "--source", "https://pim.example.com", csv}

	d := cli(t, s.env(), nil, load...)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, "read 3503, would bind 3503, completed 0, unchanged 0, conflicts 0, invalid 0, busy 0; 0 by the hash of an id that looks personal\nNothing was written. With --yes it is.\n", d.out)
	require.Equal(t, before, s.kept(), "a dry run writes nothing")
	d = cli(t, s.env(), nil, append(load, "--yes", "--rate", "100000/s")...)
	require.Contains(t, d.out, "bound 3503")
	d = cli(t, s.env(), nil, append(load, "--yes", "--rate", "100000/s")...)
	require.Contains(t, d.out, "bound 0, completed 0, unchanged 3503")

	all := s.kept()
	require.Len(t, all, 2*3505)
	for _, format := range bindings.Formats() {
		path := filepath.Join(t.TempDir(), "all."+format)
		d = cli(t, s.env(), nil, "mapping", "export", "--format", format, path)
		require.Equal(t, done{exit.Done, "exported 3505 bindings, 1 of them by the hash of an id that looks personal\n", ""}, d)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(text), "@")
		require.Equal(t, exit.Failed, cli(t, s.env(), nil, "mapping", "export", path).code, "a file that is there is not overwritten")

		s.wipe()
		require.Empty(t, s.kept())
		d = cli(t, s.env(), nil, "mapping", "import", "--yes", "--rate", "100000/s", path)
		require.Equal(t, exit.Done, d.code, d.err)
		require.Equal(t, all, s.kept())
	}
}

func TestBindingsAreShownFromBothSidesAndConflictsAreListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	d := cli(t, s.env(), nil, "mapping", "get", "--source", exampleSource, "--id", "of-e1")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^customer +default/usrt +https://shop.example.com +- +000001 +- +2026-01-05T09:00:00.000Z$`, d.out)
	d = cli(t, s.env(), strings.NewReader("of-e1\n"), "mapping", "get", "--source", exampleSource, "--id", "-", "-o", "json")
	require.Equal(t, "000001", decode[found](t, d.out).Bindings[0].D365ID)
	d = cli(t, s.env(), nil, "mapping", "find", "000001")
	require.Regexp(t, `(?m)^customer +default/usrt +https://shop.example.com +of-e1 +000001 `, d.out)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "mapping", "find", "000009").code)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "mapping", "find", "000009", "-o", "json").code)

	before := s.kept()
	in := `{"source":"` + exampleSource + `","id":"of-e1","d365_id":"000009"}` + "\n" + `{"source":"crm","id":"77","d365_id":"000001"}` + "\n"
	d = cli(t, s.env(), strings.NewReader(in), "mapping", "import", "--yes", "-")
	require.Equal(t, exit.Partly, d.code)
	require.Contains(t, d.err, "line 1: https://shop.example.com of-e1 → 000009: it is bound to 000001\n")
	require.Contains(t, d.out, "read 2, bound 1, completed 0, unchanged 0, conflicts 1")
	for key, value := range before {
		for field, is := range value {
			require.Equal(t, is, s.kept()[key][field], "nothing is overwritten")
		}
	}
	d = cli(t, s.env(), strings.NewReader(in), "mapping", "import", "-o", "json", "-")
	all := decode[imported](t, d.out)
	require.Equal(t, 1, all.Unchanged)
	require.Len(t, all.Problems, 1)
	require.Empty(t, strings.Count(d.err, "line 1"))

	require.NoError(t, s.redis.Kill())
	require.Equal(t, exit.Unreachable, cli(t, s.env(), strings.NewReader(in), "mapping", "import", "-").code)
	require.Equal(t, exit.Unreachable, cli(t, s.env(), nil, "mapping", "export").code)
}

func TestEveryKindIsBoundAndShownFromBothSides(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var lines strings.Builder
	for _, kind := range mapping.KindNames() {
		fmt.Fprintf(&lines, `{"kind":%q,"source":"crm","id":"a-%s","d365_id":"D-%s"}`+"\n", kind, kind, kind)
	}
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lines.String()), "mapping", "import", "--yes", "-").code)
	for _, kind := range mapping.KindNames() {
		require.Contains(t, cli(t, s.env(), nil, "mapping", "get", "--kind", kind, "--source", "crm", "--id", "a-"+kind).out, "D-"+kind)
		require.Contains(t, cli(t, s.env(), nil, "mapping", "find", "--kind", kind, "D-"+kind).out, "a-"+kind)
	}
	d := cli(t, s.env(), nil, "mapping", "export")
	require.Equal(t, len(mapping.KindNames()), strings.Count(d.out, "\n"))
	require.NotContains(t, d.out, `"ref"`, "each kind is known when it is exported")
}

func TestAFileThatIsNotThereIsSaidInTheSameWordsWhateverItWasToHold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	missing := filepath.Join(t.TempDir(), "lost.csv")
	for _, args := range [][]string{{"mapping", "import", missing}, {"mapping", "rebuild", "--from", missing}, {"publish", missing}} {
		d := cli(t, s.env(), nil, args...)
		require.Equal(t, exit.Failed, d.code)
		require.Equal(t, "signalbox: read the input: open "+missing+": no such file or directory\nnext: name a file that can be read, or - for standard input\n", d.err)
	}
}
