// Package replay proves what operators are promised of dead letters: a dry run foresees what a replay does, a replay touches what
// was selected and nothing else, and a kill -9 in its middle costs nothing. It runs the real binary against the local broker, a
// redis-server and the CSU simulator.
package replay

import (
	"encoding/json"
	"fmt"
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

	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A third of the dead letters each have one of three causes: a channel that nobody knows, which is then configured; an e-mail
// address that another customer of the source has; and data without one.
func TestExactlyTheRepairedGroupIsAppliedAlsoWhenTheReplayIsKilled(t *testing.T) {
	each := 200
	if os.Getenv("CHAOS") != "" {
		each = 1667
	}
	s := newStage(t)
	s.w.Send(s.messages("kept", each, func(i int) (string, map[string]any) {
		return "main", person(fmt.Sprintf("K-%04d", i), fmt.Sprintf("kept.%04d@example.com", i))
	})...)
	s.run()
	require.Len(t, s.w.CSU.Customers(), each)

	s.w.Send(s.messages("homeless", each, func(i int) (string, map[string]any) {
		return "outlet", person(fmt.Sprintf("H-%04d", i), fmt.Sprintf("homeless.%04d@example.com", i))
	})...)
	s.w.Send(s.messages("taken", each, func(i int) (string, map[string]any) {
		return "main", person(fmt.Sprintf("T-%04d", i), fmt.Sprintf("kept.%04d@example.com", i)) // two ids for one address
	})...)
	s.w.Send(s.messages("poor", each, func(i int) (string, map[string]any) {
		return "main", map[string]any{"id": fmt.Sprintf("P-%04d", i)}
	})...)
	s.run()
	require.Equal(t, 3*each, s.w.DeadLetters())
	groups := decode[[]deadletter.Group](t, s.cli("deadletter", "groups", "-o", "json"))
	require.Len(t, groups, 3)

	// One cause is repaired; a dry run over everything says what would become of each letter.
	s.repair()
	before := len(s.w.CSU.Ledger())
	began := time.Now()
	dry := decode[letters.Foresight](t, s.cli("deadletter", "replay", "--all", "-o", "json"))
	looked := time.Since(began)
	require.Len(t, s.w.CSU.Ledger(), before, "a dry run writes nothing")
	require.Len(t, dry.Verdicts, 3*each)
	foreseen := map[string]deadletter.Would{}
	for _, v := range dry.Verdicts {
		foreseen[v.ID] = v.Would
	}

	// The replay of that group is killed in its middle, and taken up again by the same command.
	var chosen string
	for _, g := range groups {
		if g.Reason == "UnknownChannel" {
			chosen = g.Fingerprint
		}
	}
	replay := []string{"deadletter", "replay", "--group", chosen, "--yes", "-o", "json"}
	s.killInTheMiddle(each, append(replay, "--rate", fmt.Sprintf("%d/s", each/2))...)
	sent := s.active(harness.ReplayQueue)
	began = time.Now()
	result := decode[letters.Result](t, s.cli(replay...))
	took := time.Since(began)
	require.Equal(t, each, result.Count.Done+result.Count.Skipped)
	require.Equal(t, 2*each, s.w.DeadLetters(), "the other groups are where they were")
	s.run()
	require.Equal(t, 2*each, s.w.DeadLetters())
	require.Len(t, s.w.CSU.Customers(), 2*each, "exactly that group was applied")
	require.Empty(t, s.w.CSU.DuplicateEmails())

	// The verdicts are held against what really happens: everything that is left is replayed, too.
	s.cli("deadletter", "replay", "--all", "--yes")
	s.run()
	require.Equal(t, 2*each, s.w.DeadLetters(), "dead-lettered again")
	require.Len(t, s.w.CSU.Customers(), 2*each)
	right := 0
	for id, would := range foreseen {
		applied := strings.HasPrefix(id, "homeless")
		if applied == (would == deadletter.WouldApply) && !applied == (would == deadletter.WouldFail) {
			right++
		}
	}
	require.GreaterOrEqual(t, float64(right), 0.99*float64(3*each))
	t.Logf("%d dead letters of three causes: %d of %d verdicts right (dry run %.1f s); replay killed after %d, then %d sent and %d skipped in %.1f s; "+
		"%d applied, 0 doubled, %d untouched", 3*each, right, 3*each, looked.Seconds(), sent, result.Count.Done, result.Count.Skipped, took.Seconds(), each, 2*each)
}

func person(id, email string) map[string]any {
	return map[string]any{"id": id, "email": email, "firstName": "Ana", "lastName": "Contoso"}
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

// stage is a world, the binary, and the environment that both the fleet and the operator have.
type stage struct {
	t      *testing.T
	w      *harness.World
	binary string
	env    []string
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, binary: filepath.Join(t.TempDir(), "signalbox")}
	out, err := exec.Command("go", "build", "-o", s.binary, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(out))
	s.w = harness.NewReal(t, harness.Options{Lock: 30 * time.Second, Slots: 32, SearchLag: 100 * time.Millisecond})
	s.env = append(s.w.Env(), "PATH="+os.Getenv("PATH"), "TMPDIR="+t.TempDir(), "SIGNALBOX_WORKER_REPLAY_SLOTS=32")
	return s
}

// repair adds the channel that was missing.
func (s *stage) repair() {
	for i, nv := range s.env {
		if rows, ok := strings.CutPrefix(nv, "SIGNALBOX_CHANNELS=["); ok {
			row := strings.TrimSuffix(rows, "]")
			s.env[i] = "SIGNALBOX_CHANNELS=[" + row + "," + strings.Replace(row, `"main"`, `"outlet"`, 1) + "]"
		}
	}
}

// messages are n events of a kind, each on the channel and with the data that make gives.
func (s *stage) messages(kind string, n int, make func(i int) (channel string, data map[string]any)) []worker.Message {
	at := time.Now().Add(-time.Hour)
	out := []worker.Message{}
	for i := range n {
		channel, body := make(i)
		data, err := json.Marshal(body)
		require.NoError(s.t, err)
		id := fmt.Sprintf("%s-%04d", kind, i)
		parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: id, Type: "signalbox.customer.changed.v1", Channel: channel, Time: at,
			CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id), Data: data})
		out = append(out, worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body})
	}
	return out
}

// run works with a real process until nothing is left to do.
func (s *stage) run() {
	s.t.Helper()
	fleet := exec.Command(s.binary, "run")
	fleet.Env, fleet.Stderr = s.env, os.Stderr
	require.NoError(s.t, fleet.Start())
	require.Eventually(s.t, s.w.Empty, 3*time.Minute, 50*time.Millisecond)
	require.NoError(s.t, fleet.Process.Signal(syscall.SIGTERM))
	require.NoError(s.t, fleet.Wait())
}

func (s *stage) cli(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.binary, args...)
	var errs strings.Builder
	cmd.Env, cmd.Stderr = s.env, &errs
	out, err := cmd.Output()
	require.NoError(s.t, err, errs.String())
	return string(out)
}

// killInTheMiddle starts a command and kills it with -9 once a third of its copies are sent.
func (s *stage) killInTheMiddle(n int, args ...string) {
	s.t.Helper()
	cmd := exec.Command(s.binary, args...)
	cmd.Env = s.env
	require.NoError(s.t, cmd.Start())
	require.Eventually(s.t, func() bool { return s.active(harness.ReplayQueue) >= n/3 }, time.Minute, time.Millisecond)
	require.NoError(s.t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	require.Less(s.t, s.active(harness.ReplayQueue), n, "killed before its end")
}

func (s *stage) active(queue string) int {
	c, err := s.w.Broker.Counts(queue)
	require.NoError(s.t, err)
	return c.Active
}
