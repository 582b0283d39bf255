package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
)

func TestTheDoctorExplainsWhatIsWrongWithAFleet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before, ledger := s.dump(), s.csu.Ledger()
	d := cli(t, s.env(), nil, "doctor")
	require.Equal(t, exit.Failed, d.code, d.err)
	require.Regexp(t, `(?m)^fail +redis.persistence +neither the append-only file nor snapshots are on\. .* Do: set appendonly to yes\.$`, d.out)
	require.Regexp(t, `(?m)^warn +redis.epoch +is empty`, d.out)
	require.Regexp(t, `(?m)^warn +fleet.alive +no process leads the watch`, d.out)
	require.Equal(t, before, s.dump())
	require.Equal(t, ledger, s.csu.Ledger())
	require.Zero(t, s.active(source))

	report := decode[doctor.Report](t, cli(t, s.env(), nil, "doctor", "-o", "json", "--events-per-day", "1000").out)
	require.Equal(t, 1, report.Counts[doctor.Fail])

	d = cli(t, []string{"SIGNALBOX_CSU_URL=tulip"}, nil, "doctor")
	require.Equal(t, exit.Configuration, d.code)
	require.Regexp(t, `(?m)^fail +config +servicebus.connection_string +is required and not set\. `, d.out)
	require.Regexp(t, `(?m)^fail +config +csu.url +is no URL`, d.out)

	s.more = []string{"SIGNALBOX_SERVICEBUS_QUEUES=in,nowhere"}
	require.Regexp(t, `(?m)^fail +queue.reach +nowhere +is not there`, cli(t, s.env(), nil, "doctor").out)
	s.more = nil
	require.NoError(t, s.broker.Close())
	d = cli(t, s.env(), nil, "doctor")
	require.Equal(t, exit.Unreachable, d.code)
	require.Regexp(t, `(?m)^fail +queue.reach +in +cannot be reached`, d.out)
	require.Regexp(t, `(?m)^ok +redis.eviction`, d.out, "the rest is looked at all the same")
}

func TestTheDoctorFindsBindingsOfEveryKind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var lines strings.Builder
	for i, kind := range mapping.KindNames() {
		fmt.Fprintf(&lines, `{"kind":%q,"source":"crm","id":"ours","d365_id":"%d"}`+"\n", kind, 100+i)
	}
	d := cli(t, s.env(), strings.NewReader(lines.String()), "mapping", "import", "--yes", "-")
	require.Equal(t, exit.Done, d.code, d.err)
	d = cli(t, s.env(), nil, "doctor")
	require.Regexp(t, fmt.Sprintf(`(?m)^ok +redis.hash +%d of the bindings were looked for and found`, len(mapping.KindNames())), d.out, d.err)
}

// The access list of the documentation is enough for a fleet and for every command that uses the store, also when the server
// has forgotten the scripts.
func TestAFleetAndItsOperatorNeedNoMoreOfRedisThanIsDocumented(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	o, err := redis.ParseURL(s.redis.URL())
	require.NoError(t, err)
	admin := redis.NewClient(o)
	defer admin.Close()
	var rule []any
	for word := range strings.FieldsSeq(strings.Replace(doctor.AccessList(), "PASSWORD", canary, 1)) {
		rule = append(rule, word)
	}
	require.NoError(t, admin.Do(t.Context(), rule...).Err())
	require.NoError(t, admin.Do(t.Context(), "acl", "setuser", "default", "off").Err())
	s.more = []string{"SIGNALBOX_REDIS_URL=" + strings.Replace(s.redis.URL(), "redis://", "redis://signalbox:"+canary+"@", 1)}

	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	require.NoError(t, admin.ScriptFlush(t.Context()).Err())
	s.send(strings.TrimSpace(strings.Replace(event("e2"), "customer.changed", "tulip.changed", 1)))
	s.send(strings.TrimSpace(event("e3")))
	s.work()
	for _, line := range []string{"doctor", "trace --source " + exampleSource + " --event e1", "why --source " + exampleSource + " --id of-e3", "mapping export", "mapping find 000001",
		"mapping get --source " + exampleSource + " --id of-e1", "deadletter list", "deadletter groups", "deadletter replay --all", "deadletter replay --all --yes",
		"deadletter jobs", "deadletter sweep"} {
		d := cli(t, s.env(), nil, strings.Fields(line)...)
		require.Equal(t, exit.Done, d.code, "%s: %s%s", line, d.out, d.err)
		require.NotContains(t, d.out+d.err, "NOPERM", line)
	}
	in := strings.NewReader(`{"source":"crm","id":"77","d365_id":"000001"}`)
	require.Equal(t, exit.Done, cli(t, s.env(), in, "mapping", "import", "--yes", "-").code)
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(event("e4")), "plan", "-").code)
}
