// Package upstream runs rows of another system, in that system's own shape, through its field map and a fleet under fire into
// the CSU: three versions of each customer, shuffled, a quarter of them published twice, workers killed at random, and
// headquarters away for the middle third.
package upstream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
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
	source  = "https://chinook.example.com"
	workers = 4
	often   = 20 * time.Millisecond
)

// size is how much is thrown at the fleet.
type size struct {
	copies int // synthetic copies of each row, besides itself
	every  time.Duration
}

func TestRealRowsEndInTheirLastVersionWhateverDies(t *testing.T) {
	s := size{copies: 3, every: time.Second}
	if os.Getenv("CHAOS") != "" {
		s = size{copies: 100, every: 2 * time.Second}
	}
	f := start(t)
	rows := s.rows(t)
	published, last := versions(rows)
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
	m := chinook(t)
	fields := 0
	for _, row := range last {
		fields += f.requireState(m, row, accounts)
	}
	stats, promoted := f.w.CSU.Stats(), len(f.w.CSU.Headquarters().Conversions)
	t.Logf("%d rows of %d customers in 3 versions, %d messages, %d workers, %d killed with -9, headquarters away for the middle third: %d accounts, %d fields equal to the "+
		"third version, %d provisional ids all promoted, 0 lost, 0 doubled, %.0f s, %d CSU requests", 3*len(last), len(last), len(published), workers, killed, len(accounts), fields,
		promoted, took.Seconds(), stats.Requests)
	require.Positive(t, promoted, "headquarters was away while accounts were made")
}

// row is one object of the source, with the names it has there.
type row map[string]any

// rows are those of the folder that SIGNALBOX_TEST_CHINOOK names, or made-up ones of the same shape, and copies of each under other
// ids and e-mail addresses.
func (s size) rows(t *testing.T) (all []row) {
	path := filepath.Join("..", "..", "config", "examples", "chinook-customers.jsonl")
	if folder := os.Getenv("SIGNALBOX_TEST_CHINOOK"); folder != "" {
		path = filepath.Join(folder, "customers.jsonl")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		for copied := range s.copies + 1 {
			var r row
			require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
			if copied > 0 {
				r["CustomerId"] = 1000*copied + int(r["CustomerId"].(float64))
				r["Email"] = fmt.Sprintf("copy%d.%s", copied, r["Email"])
			}
			all = append(all, r)
		}
	}
	return all
}

// versions are three states of each row, which differ in phone, city and time, in an order of their own, a quarter of them twice;
// and the last state of each.
func versions(rows []row) (published, last []row) {
	at := time.Now().Add(-time.Hour).UTC()
	shuffle := rand.New(rand.NewPCG(1, 2))
	for _, r := range rows {
		for v := 1; v <= 3; v++ {
			state := row{}
			for k, value := range r {
				state[k] = value
			}
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
			if shuffle.IntN(4) == 0 {
				published = append(published, state)
			}
		}
	}
	shuffle.Shuffle(len(published), func(i, j int) { published[i], published[j] = published[j], published[i] })
	return published, last
}

func chinook(t *testing.T) *fieldmap.Map {
	path := filepath.Join("..", "..", "config", "examples", "chinook-customers.yaml")
	m, err := fieldmap.Load(path, fieldmap.Limits{})
	require.NoError(t, err)
	return m
}

type fleet struct {
	t       *testing.T
	w       *harness.World
	binary  string
	env     []string
	running []*exec.Cmd
}

func start(t *testing.T) *fleet {
	f := &fleet{t: t, binary: filepath.Join(t.TempDir(), "signalbox")}
	out, err := exec.Command("go", "build", "-o", f.binary, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(out))
	path, err := filepath.Abs(filepath.Join("..", "..", "config", "examples", "chinook-customers.yaml"))
	require.NoError(t, err)
	f.w = harness.NewReal(t, harness.Options{Slots: 16, SearchLag: 500 * time.Millisecond, Lock: 5 * time.Second, CSU: csu.Options{Conversion: 2 * time.Second},
		Env: map[string]string{
			"SIGNALBOX_SOURCES":                 fmt.Sprintf(`[{"name":"chinook","source":%q,"queue":%q,"field_map":%q}]`, source, harness.SourceQueue, path),
			"SIGNALBOX_CUSTOMERS_PROMOTE_AFTER": "1s", "SIGNALBOX_RUN_WAIT_FIRST": "1s", "SIGNALBOX_RUN_WAIT_MOST": "5s",
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
		if away := done >= total/3 && done < 2*total/3; away != down {
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
	body, err := json.Marshal(r)
	require.NoError(f.t, err)
	made, err := m.Make(fieldmap.Row{JSON: body, Enqueued: time.Now()})
	require.NoError(f.t, err)
	var want struct {
		ID, Email, FirstName, LastName, Phone string
		Addresses                             []struct{ Street, City, State, Zip, Country string }
	}
	require.NoError(f.t, json.Unmarshal(made.Data, &want))
	got, there := accounts[strings.ToLower(want.Email)]
	require.True(f.t, there, "the account of %s", want.ID)
	pairs := [][2]any{{want.FirstName, got["FirstName"]}, {want.LastName, got["LastName"]}, {want.Phone, orEmpty(got["Phone"])}}
	require.Len(f.t, got.Addresses(), len(want.Addresses))
	for i, a := range want.Addresses {
		at := got.Addresses()[i]
		pairs = append(pairs, [2]any{a.Street, at["Street"]}, [2]any{a.City, at["City"]}, [2]any{a.State, orEmpty(at["State"])}, [2]any{a.Zip, orEmpty(at["ZipCode"])},
			[2]any{a.Country, at["ThreeLetterISORegionName"]})
		require.Equal(f.t, strings.TrimSpace(fmt.Sprint(r["City"])), at["City"], "the third version's")
	}
	for _, p := range pairs {
		require.Equal(f.t, p[0], p[1], "customer %s", want.ID)
	}
	account, _ := f.w.Bound(source, want.ID)
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
