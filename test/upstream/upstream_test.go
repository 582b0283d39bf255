// Package upstream runs rows of another system, in that system's own shape, through its field maps and a fleet under fire into
// the CSU: three versions of each customer, shuffled, a quarter of them published twice, workers killed at random, and
// headquarters away for the middle third; and orders before and among their customers.
package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	workers = 4
	often   = 20 * time.Millisecond
)

// size is how much is thrown at the fleet.
type size struct {
	copies int // synthetic copies of each row, besides itself
	every  time.Duration
	away   bool // headquarters is, for the middle third of the messages
}

func TestRealRowsEndInTheirLastVersionWhateverDies(t *testing.T) {
	s := size{copies: 3, every: time.Second, away: true}
	if os.Getenv("CHAOS") != "" {
		s = size{copies: 100, every: 2 * time.Second, away: true}
	}
	m, path := fieldMap(t)
	published, last := s.states(t, m)
	f := start(t, m, path)
	began := time.Now()
	f.publish(published)
	killed := f.underFire(s, len(published))
	f.w.CSU.SetHeadquarters(true)
	require.Eventually(t, f.w.Empty, 10*time.Minute, often)
	took := time.Since(began)
	f.stop()

	require.Zero(t, f.w.DeadLetters(), "%v", f.w.Letters())
	require.Empty(t, f.w.CSU.DuplicateEmails())
	require.Empty(t, f.w.CSU.Headquarters().Provisional)
	accounts := map[string]csu.Customer{}
	for _, got := range f.w.CSU.Customers() {
		accounts[strings.ToLower(got.Email())] = got
	}
	require.Len(t, accounts, len(last), "one account for each customer")
	fields := 0
	for _, row := range last {
		fields += f.requireState(m, row, accounts)
	}
	stats, promoted := f.w.CSU.Stats(), len(f.w.CSU.Headquarters().Conversions)
	t.Logf("%d customers, %d messages, %d workers, %d killed with -9, headquarters away for the middle third: %d accounts, %d fields equal to the "+
		"last version, %d provisional ids all promoted, 0 lost, 0 doubled, %.0f s, %d CSU requests", len(last), len(published), workers, killed, len(accounts), fields,
		promoted, took.Seconds(), stats.Requests)
	require.Positive(t, promoted, "headquarters was away while accounts were made")
}

// row is one object of the source, with the names it has there.
type row map[string]any

// fieldMap is the one that SIGNALBOX_TEST_FIELD_MAP names, or that of the Chinook sample database.
func fieldMap(t *testing.T) (*fieldmap.Map, string) {
	path := os.Getenv("SIGNALBOX_TEST_FIELD_MAP")
	if path == "" {
		path = filepath.Join("..", "..", "config", "examples", "chinook-customers.yaml")
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	m, err := fieldmap.Load(path, fieldmap.Limits{}, nil)
	require.NoError(t, err)
	return m, path
}

// states are what is published, in an order of its own and a quarter of it twice; and the last state of each customer. They are
// the rows of SIGNALBOX_TEST_ROWS as they are, or three versions of the customers of the Chinook sample database, from the folder
// that SIGNALBOX_TEST_CHINOOK names, or of made-up ones of the same shape.
func (s size) states(t *testing.T, m *fieldmap.Map) (published, last []row) {
	if path := os.Getenv("SIGNALBOX_TEST_ROWS"); path != "" {
		published, last = latest(t, m, read(t, path))
	} else {
		path := filepath.Join("..", "..", "config", "examples", "chinook-customers.jsonl")
		if folder := os.Getenv("SIGNALBOX_TEST_CHINOOK"); folder != "" {
			path = filepath.Join(folder, "customers.jsonl")
		}
		published, last = versions(s.copied(read(t, path)))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, state := range published {
		if random.IntN(4) == 0 {
			published = append(published, state)
		}
	}
	random.Shuffle(len(published), func(i, j int) { published[i], published[j] = published[j], published[i] })
	return published, last
}

// read gives the rows of a file, an object on each line.
func read(t *testing.T, path string) (all []row) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var r row
		require.NoError(t, json.Unmarshal(line, &r))
		all = append(all, r)
	}
	return all
}

// latest gives the rows, and of each customer the one that the map gives the latest time.
func latest(t *testing.T, m *fieldmap.Map, rows []row) (published, last []row) {
	newest, index := map[string]time.Time{}, map[string]int{}
	for i, r := range rows {
		at, want := made(t, m, r)
		require.WithinRange(t, at, time.Time{}.Add(1), launched.Add(-time.Minute), "row %d: the map takes its time from the row, or shuffling changes which is the last", i+1)
		if known, ok := newest[want.ID]; !ok || at.After(known) {
			newest[want.ID], index[want.ID] = at, i
		}
	}
	for _, i := range index {
		last = append(last, rows[i])
	}
	return rows, last
}

var launched = time.Now()

// copied gives the rows, and copies of each under other ids and e-mail addresses.
func (s size) copied(rows []row) (all []row) {
	for _, original := range rows {
		for copied := range s.copies + 1 {
			r := maps.Clone(original)
			if copied > 0 {
				r["CustomerId"] = 1000*copied + int(r["CustomerId"].(float64))
				r["Email"] = fmt.Sprintf("copy%d.%s", copied, r["Email"])
			}
			all = append(all, r)
		}
	}
	return all
}

// versions are three states of each row, which differ in phone, city and time; and the last state of each.
func versions(rows []row) (published, last []row) {
	at := launched.Add(-time.Hour).UTC()
	for _, r := range rows {
		for v := 1; v <= 3; v++ {
			state := maps.Clone(r)
			state["ModifiedAt"] = at.Add(time.Duration(v) * time.Minute).Format(time.RFC3339)
			if v < 3 {
				state["City"] = fmt.Sprintf("%v %d", r["City"], v)
				if phone, _ := r["Phone"].(string); phone != "" {
					state["Phone"] = phone[:len(phone)-1] + fmt.Sprint(v)
				}
			} else {
				last = append(last, state)
			}
			published = append(published, state)
		}
	}
	return published, last
}

// customer is what a row says, in our words.
type customer struct {
	ID, Email, FirstName, LastName, Phone string
	Addresses                             []struct{ Street, City, State, Zip, Country string }
}

func made(t *testing.T, m *fieldmap.Map, r row) (time.Time, customer) {
	body, err := json.Marshal(r)
	require.NoError(t, err)
	ev, err := m.Make(fieldmap.Row{JSON: body, Enqueued: time.Now()})
	require.NoError(t, err)
	var c customer
	require.NoError(t, json.Unmarshal(ev.Data, &c))
	return ev.Time, c
}

type fleet struct {
	t       *testing.T
	w       *harness.World
	source  string
	binary  string
	env     []string
	running []*exec.Cmd
}

func start(t *testing.T, m *fieldmap.Map, path string) *fleet {
	source := cmp.Or(m.Source, "https://upstream.example.com")
	return startOn(t, source, csu.Options{Conversion: 2 * time.Second}, fmt.Sprintf(`[{"name":"upstream","source":%q,"queue":%q,"field_map":%q}]`, source, harness.SourceQueue, path))
}

// startOn starts a fleet on a source table.
func startOn(t *testing.T, source string, unit csu.Options, sources string) *fleet {
	f := &fleet{t: t, source: source, binary: filepath.Join(t.TempDir(), "signalbox")}
	out, err := exec.Command("go", "build", "-o", f.binary, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(out))
	f.w = harness.NewReal(t, harness.Options{Slots: 16, SearchLag: 500 * time.Millisecond, Lock: 5 * time.Second, CSU: unit,
		Env: map[string]string{
			"SIGNALBOX_SOURCES":                 sources,
			"SIGNALBOX_CUSTOMERS_PROMOTE_AFTER": "1s", "SIGNALBOX_ORDERS_CONFIRM_AFTER": "200ms", "SIGNALBOX_RUN_WAIT_FIRST": "1s", "SIGNALBOX_RUN_WAIT_MOST": "5s",
		}})
	f.env = append(f.w.Env(), "PATH="+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
	for range workers {
		f.join()
	}
	t.Cleanup(f.stop)
	return f
}

func (f *fleet) join() {
	cmd := exec.Command(f.binary, "run")
	cmd.Env, cmd.Stderr = f.env, os.Stderr
	require.NoError(f.t, cmd.Start())
	f.running = append(f.running, cmd)
}

func (f *fleet) stop() {
	for _, cmd := range f.running {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, cmd := range f.running {
		_ = cmd.Wait() // drained, or killed before
	}
	f.running = nil
}

// publish sends the rows as their source would: bare JSON, no envelope.
func (f *fleet) publish(rows []row) {
	messages := make([]worker.Message, 0, len(rows))
	for _, r := range rows {
		body, err := json.Marshal(r)
		require.NoError(f.t, err)
		messages = append(messages, worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: body})
	}
	f.w.Send(messages...)
}

// underFire kills one worker every while and starts another, until the source queue is empty; headquarters is away for the middle
// third of the messages.
func (f *fleet) underFire(s size, total int) (killed int) {
	victims := rand.New(rand.NewPCG(3, 4))
	next := time.Now().Add(s.every)
	down := false
	require.Eventually(f.t, func() bool {
		c, err := f.w.Broker.Counts(harness.SourceQueue)
		require.NoError(f.t, err)
		done := total - c.Active
		if away := s.away && done >= total/3 && done < 2*total/3; away != down {
			down = away
			f.w.CSU.SetHeadquarters(!away)
		}
		if time.Now().After(next) && c.Active > 0 {
			next = time.Now().Add(s.every)
			i := victims.IntN(len(f.running))
			require.NoError(f.t, f.running[i].Process.Kill())
			_ = f.running[i].Wait()
			f.running = append(f.running[:i], f.running[i+1:]...)
			f.join()
			killed++
		}
		return c.Active == 0
	}, 20*time.Minute, 5*time.Millisecond)
	return killed
}

// requireState holds an account against what the row's map makes of its last version, and says how many fields that are.
func (f *fleet) requireState(m *fieldmap.Map, r row, accounts map[string]csu.Customer) (fields int) {
	_, want := made(f.t, m, r)
	got, there := accounts[strings.ToLower(want.Email)]
	require.True(f.t, there, "the account of %s", want.ID)
	pairs := [][2]any{{want.FirstName, orEmpty(got["FirstName"])}, {want.LastName, orEmpty(got["LastName"])}, {want.Phone, orEmpty(got["Phone"])}}
	require.Len(f.t, got.Addresses(), len(want.Addresses))
	for i, a := range want.Addresses {
		at := got.Addresses()[i]
		pairs = append(pairs, [2]any{a.Street, at["Street"]}, [2]any{a.City, at["City"]}, [2]any{a.State, orEmpty(at["State"])}, [2]any{a.Zip, orEmpty(at["ZipCode"])},
			[2]any{a.Country, at["ThreeLetterISORegionName"]})
	}
	for _, p := range pairs {
		require.Equal(f.t, p[0], p[1], "customer %s", want.ID)
	}
	account, _ := f.w.Bound(f.source, want.ID)
	require.Equal(f.t, got.AccountNumber(), account)
	require.False(f.t, csuclient.Provisional(account))
	return len(pairs)
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}
