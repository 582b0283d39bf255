package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// homeless leaves dead letters of events whose channel nobody knows, and one that no schema accepts.
func (s *stage) homeless(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.send(strings.Replace(strings.TrimSpace(event(id)), `"data":`, `"signalboxchannel":"outlet","data":`, 1))
	}
	s.send(strings.TrimSpace(badEvent))
	s.work()
}

// withOutlet is the configuration once the cause is repaired.
func (s *stage) withOutlet() {
	for _, nv := range s.env() {
		if row, ok := strings.CutPrefix(nv, "SIGNALBOX_CHANNELS=["); ok {
			row = strings.TrimSuffix(row, "]")
			s.more = append(s.more, "SIGNALBOX_CHANNELS=["+row+","+strings.Replace(row, `"main"`, `"outlet"`, 1)+"]")
			return
		}
	}
}

func (s *stage) dead(queue string) int {
	c, err := s.broker.Counts(queue)
	require.NoError(s.t, err)
	return c.DeadLetter
}

func TestAReplayIsForeseenDoneAndAppliedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1", "e2", "e3")
	require.Equal(t, 4, s.dead(source))

	groups := decode[[]deadletter.Group](t, cli(t, s.env(), nil, "deadletter", "groups", "-o", "json").out)
	require.Len(t, groups, 2)
	require.Equal(t, 3, groups[0].Count)
	require.Equal(t, "UnknownChannel", groups[0].Reason)
	d := cli(t, s.env(), nil, "deadletter", "groups")
	require.Regexp(t, `(?m)^`+groups[0].Fingerprint+` +3 +UnknownChannel +producer`, d.out)

	dry := func() letters.Foresight {
		d := cli(t, s.env(), nil, "deadletter", "replay", "--all", "-o", "json")
		require.Equal(t, exit.Done, d.code, d.err)
		return decode[letters.Foresight](t, d.out)
	}
	require.Equal(t, map[deadletter.Would]int{deadletter.WouldFail: 4}, dry().Count, "the cause is still there")
	s.withOutlet()
	require.Equal(t, map[deadletter.Would]int{deadletter.WouldApply: 3, deadletter.WouldFail: 1}, dry().Count)
	d = cli(t, s.env(), nil, "deadletter", "replay", "--group", groups[0].Fingerprint)
	require.Contains(t, d.out, "3  would be applied")
	require.Contains(t, d.out, "nothing was done")
	require.Equal(t, 4, s.dead(source), "and so it is")
	require.Empty(t, s.csu.Ledger())

	d = cli(t, s.env(), nil, "deadletter", "replay", "--group", groups[0].Fingerprint, "--rate", "100/s", "--yes")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, "replayed 3, skipped 0 that were noted before, failed 0\ntaken out of the dead-letter queues: 3\n", d.out)
	require.Equal(t, 1, s.dead(source), "the other cause is not touched")
	require.Equal(t, 3, s.active(replays))
	s.work()
	require.Len(t, s.csu.Customers(), 3)

	d = cli(t, s.env(), nil, "deadletter", "replay", "--group", groups[0].Fingerprint, "--yes")
	require.Equal(t, done{exit.Nothing, "", "signalbox: no dead letter matches\n"}, d)
	jobs := decode[[]deadletter.Job](t, cli(t, s.env(), nil, "deadletter", "jobs", "-o", "json").out)
	require.Equal(t, 3, jobs[len(jobs)-1].Count.Done)
	require.Equal(t, deadletter.JobCompleted, jobs[len(jobs)-1].State)
}

func TestWhatWasReplayedIsListedAsThatUntilItIsSweptOut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1")
	s.withOutlet()
	d := cli(t, s.env(), nil, "deadletter", "replay", "--queue", source, "1", "--yes", "--no-sweep")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, 2, s.dead(source))
	require.Regexp(t, `(?m) e1 +replayed$`, cli(t, s.env(), nil, "deadletter", "list").out)
	again := cli(t, s.env(), nil, "deadletter", "replay", "--queue", source, "1", "--yes", "--no-sweep", "-o", "json")
	require.Equal(t, deadletter.Count{Skipped: 1}, decode[letters.Result](t, again.out).Count)
	require.Equal(t, 1, s.active(replays), "not sent twice")
	d = cli(t, s.env(), nil, "deadletter", "sweep")
	require.Equal(t, "taken out of the dead-letter queues: 1\n", d.out)
	require.Equal(t, 1, s.dead(source))
}

func TestALetterOfAnEventThatWasDoneMeanwhileSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1")
	s.withOutlet()
	s.send(strings.Replace(strings.TrimSpace(event("e1")), `"data":`, `"signalboxchannel":"outlet","data":`, 1)) // published once more
	s.work()
	require.Regexp(t, `(?m) e1 +applied$`, cli(t, s.env(), nil, "deadletter", "list").out)
	f := decode[letters.Foresight](t, cli(t, s.env(), nil, "deadletter", "replay", "--reason", "UnknownChannel", "-o", "json").out)
	require.Equal(t, map[deadletter.Would]int{deadletter.WouldDuplicate: 1}, f.Count)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "deadletter", "replay", "--reason", "UnknownChannel", "--yes").code)
	s.work()
	require.Len(t, s.csu.Customers(), 1, "and replaying it anyway does nothing twice")
	require.Equal(t, 1, s.dead(source))
}

func TestDiscardingIsSaidBeforeItIsDone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1")
	d := cli(t, s.env(), nil, "deadletter", "discard", "--reason", "SchemaInvalid")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Contains(t, d.out, "With --yes these 1 are discarded")
	require.Equal(t, 2, s.dead(source))
	d = cli(t, s.env(), nil, "deadletter", "discard", "--reason", "SchemaInvalid", "--yes")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, 1, s.dead(source))
	require.Zero(t, s.active(replays))
}

func TestReplayingWithoutSayingWhatIsRefused(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"nothing selects":                 {},
		"all and something":               {"--all", "--reason", "Odd"},
		"a number of no queue":            {"7"},
		"no number":                       {"--queue", source, "seven"},
		"a job and a selection":           {"--job", "x", "--reason", "Odd", "--yes"},
		"a job without doing it":          {"--job", "x"},
		"a limit that takes nothing away": {"--all", "--limit", "-1"},
		"a time that is none":             {"--all", "--since", "yesterday"},
		"a pace that is none":             {"--all", "--rate", "fast"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := cli(t, nil, nil, append([]string{"deadletter", "replay"}, args...)...)
			require.Equal(t, exit.Usage, d.code, d.err)
			require.NotEmpty(t, d.err)
		})
	}
}

func TestAJobIsGoneOnWithByTheCommandThatBeganIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1", "e2")
	s.withOutlet()
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "deadletter", "replay", "--reason", "UnknownChannel", "--limit", "1", "--yes").code)
	job := decode[[]deadletter.Job](t, cli(t, s.env(), nil, "deadletter", "jobs", "-o", "json").out)[0]
	require.Contains(t, cli(t, s.env(), nil, "deadletter", "jobs").out, job.ID)
	require.Equal(t, exit.Usage, cli(t, s.env(), nil, "deadletter", "discard", "--job", job.ID, "--yes").code)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "deadletter", "replay", "--job", "11111111-1111-4111-8111-111111111111", "--yes").code)
	d := cli(t, s.env(), nil, "deadletter", "replay", "--job", job.ID, "--yes", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, 1, decode[letters.Result](t, d.out).Count.Done, "its limit was reached before")
	require.Equal(t, 1, s.active(replays))
}

func TestDeadLettersOfAFleetWithoutRedisCannotBeTouched(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.homeless("e1")
	require.NoError(t, s.redis.Kill())
	d := cli(t, s.env(), nil, "deadletter", "replay", "--all", "--yes")
	require.Equal(t, exit.Unreachable, d.code, d.err)
	require.Equal(t, 2, s.dead(source))
	require.Zero(t, s.active(replays))
}
