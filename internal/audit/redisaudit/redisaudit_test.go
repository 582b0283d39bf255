package redisaudit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/audit/redisaudit"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kit is the audit of one fleet on a real redis-server, as operators on two machines write it.
type kit struct {
	t      *testing.T
	client *redis.Client
	key    string
	here   *audit.Log // with a file
	there  *audit.Log // on another machine, with a file of its own
	bare   *audit.Log // without
}

func newKit(t *testing.T) *kit {
	t.Helper()
	s, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	hasher := keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))
	keys := rediskey.New("default", hasher)
	dir := t.TempDir()
	log := func(host, path string) *audit.Log {
		return &audit.Log{Store: redisaudit.New(client, keys), Hasher: hasher, By: "ana", Host: host, Path: path}
	}
	return &kit{t, client, keys.Audit(), log("one", filepath.Join(dir, "one.jsonl")), log("two", filepath.Join(dir, "two.jsonl")), log("three", "")}
}

func (k *kit) write(l *audit.Log, target string) audit.Entry {
	k.t.Helper()
	e, err := l.Write(k.t.Context(), audit.Entry{Action: "scenarios disable", Target: target, Reason: "because"})
	require.NoError(k.t, err)
	return e
}

func (k *kit) problems(l *audit.Log) (all []string) {
	k.t.Helper()
	copies, err := l.Copies(k.t.Context())
	require.NoError(k.t, err)
	for _, p := range audit.Verify(l.Hasher, l.Host, copies...) {
		all = append(all, fmt.Sprintf("%d %s", p.Number, p.What))
	}
	return all
}

// five makes a chain of five, in Redis and in a file.
func five(t *testing.T) *kit {
	k := newKit(t)
	for i := range 5 {
		e := k.write(k.here, fmt.Sprint("target-", i+1))
		require.EqualValues(t, i+1, e.Number)
	}
	require.Empty(t, k.problems(k.here))
	return k
}

func (k *kit) lines() []string {
	k.t.Helper()
	text, err := os.ReadFile(k.here.Path)
	require.NoError(k.t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (k *kit) rewrite(lines []string) {
	k.t.Helper()
	require.NoError(k.t, os.WriteFile(k.here.Path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

func TestWhoeverTampersWithTheFileIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tamper func(lines []string) []string
		says   string
	}{
		"an entry in the middle is removed":     {func(l []string) []string { return slices.Delete(l, 2, 3) }, "4 follows entry 2: what was between is missing"},
		"the first entry is removed":            {func(l []string) []string { return l[1:] }, "2 what was before it is missing"},
		"the last entry is removed":             {func(l []string) []string { return l[:4] }, "5 is missing at the end; redis has it"},
		"all of them are removed":               {func([]string) []string { return nil }, "1 is missing at the end; redis has it"},
		"a word is changed":                     {func(l []string) []string { l[2] = strings.Replace(l[2], "target-3", "target-9", 1); return l }, "3 was changed, or is not by who has the fleet's hash key"},
		"the reason is taken out":               {func(l []string) []string { l[2] = strings.Replace(l[2], "because", "", 1); return l }, "3 was changed, or is not by who has the fleet's hash key"},
		"two are swapped":                       {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, "2 stands behind entry 3"},
		"one is there twice":                    {func(l []string) []string { return slices.Insert(l, 2, l[2]) }, "3 stands behind entry 3"},
		"a line is no entry":                    {func(l []string) []string { l[0] = "tulip"; return l }, "0 1 lines are no entries"},
		"an entry is another with its own hash": {another, "3 was changed, or is not by who has the fleet's hash key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := five(t)
			k.rewrite(tc.tamper(k.lines()))
			require.Contains(t, k.problems(k.here), tc.says)
		})
	}
}

// another is what somebody without the key would write: all of it follows, under a key of his own.
func another(lines []string) []string {
	var e audit.Entry
	_ = json.Unmarshal([]byte(lines[2]), &e)
	e.Target, e.Hash = "target-9", "k1."+strings.Repeat("0", 32)
	text, _ := json.Marshal(e)
	lines[2] = string(text)
	return lines
}

func TestWhoeverTampersWithRedisIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tamper func(k *kit) error
		says   string
	}{
		"an entry in the middle is removed": {func(k *kit) error { return k.client.HDel(k.t.Context(), k.key, "3").Err() }, "4 follows entry 2: what was between is missing"},
		"the last entry is removed":         {func(k *kit) error { return k.client.HDel(k.t.Context(), k.key, "5").Err() }, "5 was the last one, and is missing, or is not as it was"},
		"the first entry is removed":        {func(k *kit) error { return k.client.HDel(k.t.Context(), k.key, "1").Err() }, "2 what was before it is missing"},
		"all of it is removed":              {func(k *kit) error { return k.client.Del(k.t.Context(), k.key).Err() }, "5 is missing at the end; " + "FILE has it"},
		"a word is changed": {func(k *kit) error {
			text := k.client.HGet(k.t.Context(), k.key, "3").Val()
			return k.client.HSet(k.t.Context(), k.key, "3", strings.Replace(text, "target-3", "target-9", 1)).Err()
		}, "3 was changed, or is not by who has the fleet's hash key"},
		"two are swapped": {func(k *kit) error {
			two, three := k.client.HGet(k.t.Context(), k.key, "2").Val(), k.client.HGet(k.t.Context(), k.key, "3").Val()
			return k.client.HSet(k.t.Context(), k.key, "2", three, "3", strings.Replace(two, `"number":2`, `"number":3`, 1)).Err()
		}, "3 was changed, or is not by who has the fleet's hash key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := five(t)
			require.NoError(t, tc.tamper(k))
			require.Contains(t, k.problems(k.here), strings.Replace(tc.says, "FILE", k.here.Path, 1))
		})
	}
}

// Taken away at the end of both at once, it leaves no gap: only who has noted the last one knows.
func TestWhatIsTakenAwayEverywhereIsFoundByWhoHasNotedTheLastEntry(t *testing.T) {
	t.Parallel()
	k := five(t)
	copies, err := k.here.Copies(t.Context())
	require.NoError(t, err)
	last, before := copies[1].Entries[4], copies[1].Entries[3]
	noted := audit.Head{Number: last.Number, Hash: last.Hash}
	require.True(t, audit.Holds(noted, copies...))
	k.rewrite(k.lines()[:4])
	require.NoError(t, k.client.HDel(t.Context(), k.key, "5").Err())
	require.NoError(t, k.client.HSet(t.Context(), k.key, "head", fmt.Sprintf("%d|%s", before.Number, before.Hash)).Err())
	require.Empty(t, k.problems(k.here))
	copies, err = k.here.Copies(t.Context())
	require.NoError(t, err)
	require.False(t, audit.Holds(noted, copies...))
}

func TestOperatorsOnManyMachinesWriteOneChain(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	var all sync.WaitGroup
	for _, l := range []*audit.Log{k.here, k.there, k.bare, k.here} {
		all.Go(func() {
			for range 5 {
				_, err := l.Write(t.Context(), audit.Entry{Action: "gate limit", Target: "gate"})
				require.NoError(t, err)
			}
		})
	}
	all.Wait()
	for _, l := range []*audit.Log{k.here, k.there, k.bare} {
		require.Empty(t, k.problems(l), "what other machines did since is no problem")
	}
	k.write(k.here, "a")
	k.write(k.there, "b")
	k.write(k.here, "c")
	require.Len(t, k.lines(), 23, "each file ends up whole")
	copies, err := k.here.Copies(t.Context())
	require.NoError(t, err)
	require.Len(t, copies[0].Entries, 23)
	require.Empty(t, k.problems(k.here))
	require.Empty(t, k.problems(k.there))
}

func TestTheFileCarriesTheChainThroughALossOfRedis(t *testing.T) {
	t.Parallel()
	k := five(t)
	require.NoError(t, k.client.FlushAll(t.Context()).Err())
	require.EqualValues(t, 6, k.write(k.here, "after").Number)
	require.Empty(t, k.problems(k.here))
	require.EqualValues(t, 7, k.write(k.bare, "elsewhere").Number)
	require.EqualValues(t, 8, k.write(k.here, "here").Number)
	require.Empty(t, k.problems(k.here))
}

// A failover loses the last entry in Redis; the file has it.
func TestTheFileGivesBackWhatAFailoverLost(t *testing.T) {
	t.Parallel()
	k := five(t)
	copies, err := k.here.Copies(t.Context())
	require.NoError(t, err)
	before := copies[0].Entries[3]
	require.NoError(t, k.client.HDel(t.Context(), k.key, "5").Err())
	require.NoError(t, k.client.HSet(t.Context(), k.key, "head", fmt.Sprintf("%d|%s", before.Number, before.Hash)).Err())
	require.EqualValues(t, 6, k.write(k.here, "after").Number)
	require.Empty(t, k.problems(k.here))
}

func TestWhatCannotBeWrittenIsNoEntry(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.here.Path = filepath.Join(k.here.Path, "no", "folder")
	_, err := k.here.Write(t.Context(), audit.Entry{Action: "gate limit"})
	require.Error(t, err)
	copies, err := k.bare.Copies(t.Context())
	require.NoError(t, err)
	require.Empty(t, copies[0].Entries)

	k.there.Path = "/dev/full"
	_, err = k.there.Write(t.Context(), audit.Entry{Action: "gate limit"})
	require.Error(t, err)

	require.NoError(t, k.client.Close())
	_, err = k.bare.Write(t.Context(), audit.Entry{Action: "gate limit"})
	require.Error(t, err)
}

func TestAFileOfAnotherFleetIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	k, other := five(t), five(t)
	k.here.Path = other.here.Path
	_, err := k.here.Write(t.Context(), audit.Entry{Action: "gate limit"})
	require.ErrorIs(t, err, audit.ErrDiverged)
	require.Len(t, other.lines(), 5)
}

// A crash leaves half a line: its action did not begin.
func TestWhatACrashLeftOfALineIsCutOff(t *testing.T) {
	t.Parallel()
	k := five(t)
	f, err := os.OpenFile(k.here.Path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"number":6,"at":"2026-`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Empty(t, k.problems(k.here))
	k.write(k.here, "after")
	require.Len(t, k.lines(), 6)
	require.Empty(t, k.problems(k.here))
}

func TestRedisKeepsTheLastThousand(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for range audit.Kept + 5 {
		k.write(k.bare, "x")
	}
	copies, err := k.bare.Copies(t.Context())
	require.NoError(t, err)
	require.Len(t, copies[0].Entries, audit.Kept)
	require.Empty(t, k.problems(k.bare))
}

func TestAReasonHoldsNothingPersonal(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "the schema changes tonight, see change 4711", "until 2026-01-31T15:04:05Z, as agreed on 2026-01-30", "run 20/s at most"} {
		require.NoError(t, audit.Check(good), good)
	}
	for _, bad := range []string{"ana@example.com asked for it", "call +1 425 555 0100", "card 4111 1111 1111 1111", strings.Repeat("x", 501)} {
		require.Error(t, audit.Check(bad), bad)
	}
}

// Each entry of the other chain is sealed with the same key: only that it does not follow gives it away.
func TestAnEntryOfAnotherChainIsFoundOutThoughItsSealIsGood(t *testing.T) {
	t.Parallel()
	k, other := five(t), five(t)
	lines := k.lines()
	lines[2] = other.lines()[2]
	k.rewrite(lines)
	require.Contains(t, k.problems(k.here), "3 was not written behind the entry 2 that is there")
}
