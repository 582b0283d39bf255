package jsonlines

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/claim"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event(id string) orchestration.Event {
	return orchestration.Event{Source: "https://shop.example.com", ID: id, Type: "signalbox.customer.relayed.v1", Subject: "1001",
		Time: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Data: json.RawMessage(`{"id":"1001"}`)}
}

func open(t *testing.T, path string, maxBytes int64) *Sink {
	t.Helper()
	s, err := Open(Options{Name: "audit", Path: path, MaxBytes: maxBytes})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func deliver(t *testing.T, s *Sink, ids ...string) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, s.Deliver(t.Context(), event(id)))
	}
}

// ids are the events in a file, in order; every line must be one.
func ids(t *testing.T, path string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		require.True(t, strings.HasSuffix(line, "\n"), "a whole line")
		var ev struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(line), &ev), line)
		out = append(out, ev.ID)
	}
	return out
}

// all are the events in the files that were put aside and in the file, in order.
func all(t *testing.T, path string) (out []string) {
	t.Helper()
	old, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl") + "-*.jsonl")
	require.NoError(t, err)
	for _, f := range append(old, path) {
		out = append(out, ids(t, f)...)
	}
	return out
}

func TestEachEventIsOneLineOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	deliver(t, s, "a", "b", "a", "c", "b")
	require.Equal(t, []string{"a", "b", "c"}, ids(t, path))
	require.NoError(t, s.Close())
	deliver(t, open(t, path, 0), "c", "d", "a")
	require.Equal(t, []string{"a", "b", "c", "d"}, ids(t, path), "after a restart")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// A crash may stop a write at any byte. What was torn was not delivered, so it is delivered again, and is there once and whole.
func TestATornLineIsCutOffAndWrittenAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.jsonl")
	deliver(t, open(t, whole, 0), "a", "b")
	text, err := os.ReadFile(whole)
	require.NoError(t, err)
	first := strings.Index(string(text), "\n") + 1
	for cut := first; cut < len(text); cut++ {
		path := filepath.Join(dir, fmt.Sprintf("cut-%d.jsonl", cut))
		require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
		s := open(t, path, 0)
		deliver(t, s, "b", "c")
		require.Equal(t, []string{"a", "b", "c"}, ids(t, path), "cut at %d", cut)
		require.NoError(t, s.Close())
	}
	for cut := 1; cut < first; cut++ {
		path := filepath.Join(dir, fmt.Sprintf("first-%d.jsonl", cut))
		require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
		deliver(t, open(t, path, 0), "a")
		require.Equal(t, []string{"a"}, ids(t, path), "cut at %d", cut)
	}
}

func TestALongTornLineIsFoundToo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	deliver(t, open(t, path, 0), "a")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(beginning + strings.Repeat("x", 3<<20))
	require.NoError(t, errors.Join(err, f.Close()))
	deliver(t, open(t, path, 0), "b")
	require.Equal(t, []string{"a", "b"}, ids(t, path))
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("a person's note\n{\"not\":\"an event\"}\nand another, without an end"), 0o600))
	deliver(t, open(t, path, 0), "a")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "a person's note\n{\"not\":\"an event\"}\nand another, without an end\n"+beginning))
	s := open(t, path, 0)
	deliver(t, s, "a", "b")
	require.Equal(t, 5, strings.Count(readAll(t, path), "\n"))
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func TestAFileThatIsFullIsPutAsideAndRepeatsAreKnownAllTheSame(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	var want []string
	s := open(t, path, 1000)
	for i := range 20 {
		want = append(want, fmt.Sprint("e", i))
		deliver(t, s, want[i])
		if i%7 == 6 {
			require.NoError(t, s.Close())
			s = open(t, path, 1000)
			deliver(t, s, want[i], want[i-1], want[i-2], want[i-3]) // over the seam between two files
		}
	}
	require.Equal(t, want, all(t, path))
	old, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl") + "-*")
	require.NoError(t, err)
	require.Greater(t, len(old), 3)
	for _, f := range append(old, path) {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1000))
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestAfterARestartARepeatIsKnownHoweverManyFilesWerePutAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 1) // a file for each
	deliver(t, s, "a", "b", "c", "d")
	require.NoError(t, s.Close())
	s = open(t, path, 1)
	deliver(t, s, "c", "a", "b", "e", "d")
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, all(t, path))
}

// Between the renaming and the opening another process may find no file, make it, write to it and die.
func TestALineIsNotJoinedToOneThatAnotherProcessLeftTornInTheNextFile(t *testing.T) {
	t.Parallel()
	size := int64(len(line(t, "a")))
	for name, tc := range map[string]struct {
		limit  int64
		left   []byte
		want   []string
		asides int
	}{
		"half a line":                     {size, line(t, "b")[:size/2], []string{"a", "c"}, 1},
		"a line and a half":               {2*size - 1, append(line(t, "b"), line(t, "c")[:size/2]...), []string{"a", "b", "c"}, 2},
		"the very event, and half a line": {2*size - 1, append(line(t, "c"), line(t, "d")[:size/2]...), []string{"a", "c"}, 1},
		"what is not ours":                {2*size - 1, []byte("hello"), []string{"a", "hello", "c"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "outcomes.jsonl")
			s := open(t, path, tc.limit)
			deliver(t, s, "a")
			s.log.fsync = func(f *os.File) error {
				if f.Name() == filepath.Dir(path) {
					require.NoError(t, os.WriteFile(path, tc.left, 0o600))
				}
				return f.Sync()
			}
			deliver(t, s, "c")
			info, err := s.log.f.Stat()
			require.NoError(t, err)
			require.Equal(t, info.Size(), s.log.size, "a write that fails half-way is cut off there")
			old, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl") + "-*.jsonl")
			require.NoError(t, err)
			require.Len(t, old, tc.asides)
			var got []string
			for _, f := range append(old, path) {
				for text := range strings.Lines(readAll(t, f)) {
					var ev struct{ ID string }
					if json.Unmarshal([]byte(text), &ev) != nil {
						ev.ID = strings.TrimSuffix(text, "\n")
					}
					got = append(got, ev.ID)
				}
			}
			require.Equal(t, tc.want, got)
			require.NoError(t, s.Close())
		})
	}
}

// line is an event as a file has it.
func line(t *testing.T, id string) []byte {
	t.Helper()
	b, err := cloudevent.Structured(event(id))
	require.NoError(t, err)
	return append(b, '\n')
}

func TestALineLargerThanTheLimitHasAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 10)
	deliver(t, s, "a", "b", "c")
	require.Equal(t, []string{"a", "b", "c"}, all(t, path))
}

func TestAFileThatSomebodyMovedOrEmptiedIsBegunAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	deliver(t, s, "a")
	require.NoError(t, os.Rename(path, path+".1"))
	deliver(t, s, "b")
	require.Equal(t, []string{"b"}, ids(t, path))
	require.NoError(t, os.Truncate(path, 0))
	deliver(t, s, "c", "b")
	require.Equal(t, []string{"c"}, ids(t, path), "told is told, wherever it was taken to")
	require.NoError(t, os.Remove(path))
	deliver(t, s, "d")
	require.Equal(t, []string{"d"}, ids(t, path))
}

// Several processes of one machine, each with deliveries of its own and repeats of the others'.
func TestProcessesMayShareAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	var wait sync.WaitGroup
	for range 4 {
		s := open(t, path, 8000)
		for i := range 60 {
			wait.Go(func() {
				if err := s.Deliver(t.Context(), event(fmt.Sprint("e", i))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	seen := map[string]int{}
	for _, id := range all(t, path) {
		seen[id]++
	}
	require.Len(t, seen, 60)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
}

func TestDeliveriesThatWaitTogetherAreMadeSafeTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	syncs := 0
	first, begun := make(chan struct{}), make(chan struct{})
	s.log.fsync = func(f *os.File) error {
		if syncs++; syncs == 1 {
			close(begun)
			<-first
		}
		return f.Sync()
	}
	var wait sync.WaitGroup
	wait.Go(func() { _ = s.Deliver(t.Context(), event("first")) })
	<-begun
	for i := range 50 {
		wait.Go(func() { _ = s.Deliver(t.Context(), event(fmt.Sprint("e", i))) })
	}
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) == 50 }, 5*time.Second, time.Millisecond)
	close(first)
	wait.Wait()
	require.Len(t, ids(t, path), 51)
	require.Equal(t, 2, syncs)
}

func TestARunThatIsOverWritesNothingAndKeepsNobodyFromWriting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, int64(len(line(t, "a"))))
	deliver(t, s, "a")
	lost := errors.New("lost")
	over := func() error {
		require.True(t, s.log.held, "others may have held the file for long")
		require.Zero(t, s.log.size, "and putting it aside takes time")
		return lost
	}
	err := s.Deliver(claim.WithCheck(t.Context(), over), event("b"))
	require.ErrorIs(t, err, lost)
	require.Equal(t, fault.Transient, fault.As(err).Kind)
	require.Contains(t, err.Error(), "the sink audit was not written to: the claim is over")
	require.Equal(t, []string{"a"}, all(t, path))

	batch := []*entry{} // which wait together: the older state's run is over, and another run has taken it over already
	for _, e := range []struct {
		id        string
		stillOurs func() error
	}{{"b", over}, {"c", nil}, {"b", func() error { return nil }}} {
		batch = append(batch, &entry{key: keyOf(event(e.id).Source, e.id), line: line(t, e.id), stillOurs: e.stillOurs})
	}
	s.writing.Lock()
	s.commit(batch)
	s.writing.Unlock()
	require.Equal(t, []any{lost, nil, nil}, []any{batch[0].lost, batch[1].lost, batch[2].lost})
	require.Equal(t, []string{"a", "c", "b"}, all(t, path))
}

func TestALineIsNotDeliveredBeforeItIsSafe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	deliver(t, s, "a")
	s.log.fsync = func(*os.File) error { return &os.PathError{Op: "sync", Path: path, Err: syscall.EIO} }
	err := s.Deliver(t.Context(), event("b"))
	f := fault.As(err)
	require.Equal(t, fault.Transient, f.Kind)
	require.Contains(t, f.Detail, "the sink audit could not write its file: ")
	require.NotContains(t, err.Error(), path)
	// The file shows the line, but whether the disk has it nobody knows: it is written once more.
	deliver(t, s, "b", "a", "b")
	require.Equal(t, []string{"a", "b", "b"}, ids(t, path))
}

// TestNorIsOneThatWasNotSafeWhenItsFileWasToBePutAside: the system forgets what it could not make safe once it has said so.
func TestNorIsOneThatWasNotSafeWhenItsFileWasToBePutAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	one, err := cloudevent.Structured(event("a"))
	require.NoError(t, err)
	s := open(t, path, int64(2*len(one)+10))
	deliver(t, s, "z")
	s.log.fsync = func(*os.File) error { return &os.PathError{Op: "sync", Path: path, Err: syscall.EIO} }
	batch := []*entry{}
	for _, id := range []string{"a", "b"} { // which wait together, and do not fit into the file
		line, err := cloudevent.Structured(event(id))
		require.NoError(t, err)
		batch = append(batch, &entry{key: keyOf(event(id).Source, id), line: append(line, '\n')})
	}
	s.writing.Lock()
	s.commit(batch)
	s.writing.Unlock()
	require.Error(t, batch[0].err)
	require.Error(t, batch[1].err)
	deliver(t, s, "a", "b")
	require.Equal(t, []string{"z", "a", "a", "b"}, all(t, path), "written again, since nobody knows whether the first is safe")
}

func TestAHandleThatBrokeIsOpenedAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	deliver(t, s, "a")
	require.NoError(t, s.log.f.Close())
	require.Error(t, s.Deliver(t.Context(), event("b")))
	deliver(t, s, "b", "a")
	require.Equal(t, []string{"a", "b"}, ids(t, path))
}

func TestWhatCannotBeAFileIsFoundAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, o := range []Options{{Name: "audit"}, {Path: "x"}, {Name: "audit", Path: dir}, {Name: "audit", Path: filepath.Join(dir, "missing", "x.jsonl")},
		{Name: "audit", Path: "/dev/null"}, {Name: "audit", Path: filepath.Join(dir, "x"), MaxBytes: -1}} {
		_, err := Open(o)
		require.Error(t, err)
		require.NotContains(t, err.Error(), dir)
	}
}

func TestDataThatIsNotJSONIsADefect(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	ev := event("a")
	ev.Data = json.RawMessage("{")
	require.Equal(t, fault.Bug, fault.As(open(t, path, 0).Deliver(t.Context(), ev)).Reason)
	require.Empty(t, ids(t, path))
}

func TestOnlySoManyEventsAreKnown(t *testing.T) {
	t.Parallel()
	r := newRecent()
	for i := range 3 * mostKnown / 2 {
		r.add(fmt.Sprint(i))
	}
	require.Len(t, r.known, mostKnown)
	require.True(t, r.has(fmt.Sprint(3*mostKnown/2-1)))
	require.False(t, r.has("0"))
}

func TestOnlySoMuchIsLookedBackOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes.jsonl")
	s := open(t, path, 0)
	deliver(t, s, "first")
	large := event("large")
	large.Data = json.RawMessage(`"` + strings.Repeat("x", lookBack) + `"`)
	require.NoError(t, s.Deliver(t.Context(), large))
	deliver(t, s, "last")
	require.NoError(t, s.Close())
	s = open(t, path, 0)
	deliver(t, s, "last", "first")
	require.Equal(t, []string{"first", "large", "last", "first"}, ids(t, path))
}
