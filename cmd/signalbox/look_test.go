package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/internal/cli/why"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker/deadletter"
)

func TestATraceFollowsAnEventFromItsQueueToItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	byEvent := []string{"trace", "--source", exampleSource, "--event", "e1"}
	correlation := orchestration.DeriveCorrelationID(exampleSource, "e1")

	d := cli(t, s.env(), nil, byEvent...)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^in +queue +1 `, d.out, "it waits in its queue")

	s.work()
	d = cli(t, s.env(), nil, byEvent...)
	require.Contains(t, d.out, "done: completed at ")
	require.Contains(t, d.out, "No message of it is in a queue")
	found := decode[trace.Found](t, cli(t, s.env(), nil, "trace", "-o", "json", strings.ToUpper(correlation)).out)
	require.Len(t, found.Runs, 1)
	require.Equal(t, redisstore.RunDone, found.Runs[0].State)
	require.Equal(t, correlation, found.Runs[0].CorrelationID)
	require.Empty(t, found.Messages)

	d = cli(t, s.env(), nil, "trace", "11111111-1111-4111-8111-111111111111")
	require.Equal(t, exit.Nothing, d.code)
	require.Contains(t, d.err, "neither the store nor a queue knows it")
}

func TestATraceSaysWhatAnEventWaitsFor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = append(s.more, "SIGNALBOX_HEARTBEAT_INTERVAL=0") // one would wait in its queue until the gate opens
	_, err := s.csu.Inject(csu.Fault{Kind: csu.Throttle, Rate: 0.01, Burst: 1})
	require.NoError(t, err)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	d := cli(t, s.env(), nil, "trace", "--source", exampleSource, "--event", "e1")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Contains(t, d.out, "waiting: for gate until ")
	require.Regexp(t, `(?m)^signalbox-live +scheduled +\d+ .* 2 `, d.out, "its copy is scheduled")
	require.Contains(t, d.out, "GIVEN BACK")
	require.Regexp(t, `(?m) gate +Customers.Create 429$`, d.out)

	d = cli(t, s.env(), nil, "why", "--source", exampleSource, "--event", "e1")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `^It waits at step create-account since .* for its turn, because the target is asked too often .*\(Customers.Create 429\), until `, d.out)
	answer := decode[why.Answers](t, cli(t, s.env(), nil, "why", "-o", "json", orchestration.DeriveCorrelationID(exampleSource, "e1")).out).Answers[0]
	require.Equal(t, why.Waiting, answer.Status)
	require.Equal(t, "gate", answer.Cause)
	require.True(t, answer.Until.After(answer.Since))

	d = cli(t, s.env(), nil, "waiting", "--cause", "gate")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^[0-9.]+s +customers +create-account +gate +\S+Z +- +`+orchestration.DeriveCorrelationID(exampleSource, "e1")+`$`, d.out)
	require.NotContains(t, d.out, canary)
	require.Equal(t, "Nothing waits.\n", cli(t, s.env(), nil, "waiting", "--scenario", "orders-confirm").out)
	require.Equal(t, exit.Usage, cli(t, s.env(), nil, "waiting", "--cause", "boredom").code)
}

// Who asks knows the customer, not the event.
func TestACustomerIsTracedByNumberAndByAddressBeforeAndAfterItIsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	byNumber := []string{"--kind", "customer", "--source", exampleSource, "--id", "of-e1"}
	address := func() *strings.Reader { return strings.NewReader(" E1@Example.NET \n") }

	d := cli(t, s.env(), nil, append([]string{"trace"}, byNumber...)...)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^in +queue +1 `, d.out, "no worker has taken it up yet, but it says what it is about")
	d = cli(t, s.env(), address(), "why", "--email", "-")
	require.Regexp(t, `^It is in queue in since .*, and no worker has begun with it; see whether workers run`, d.out)

	s.work()
	for _, command := range []string{"trace", "why"} {
		d = cli(t, s.env(), nil, append([]string{command}, byNumber...)...)
		require.Equal(t, exit.Done, d.code, d.err)
		require.Regexp(t, `(?i)done.*at 2`, d.out)
		require.Contains(t, d.out, "000001", "the account it is bound to")
		d = cli(t, s.env(), address(), command, "--email", "-")
		require.Equal(t, exit.Done, d.code, d.err)
		require.Regexp(t, `(?i)done.*at 2`, d.out)
		require.Empty(t, d.err)
	}
	d = cli(t, s.env(), nil, "why", "--email", "e1@example.com")
	require.Equal(t, exit.Nothing, d.code)
	require.Contains(t, d.err, "others on this machine can see an address that is an argument")
	require.Equal(t, exit.Usage, cli(t, s.env(), strings.NewReader("Ana\n"), "why", "--email", "-").code)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "trace", "--source", exampleSource, "--id", "nobody").code)
}

func TestAKindThatNothingIsOfCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"trace", "why"} {
		d := cli(t, nil, nil, command, "--kind", "tulip", "--source", exampleSource, "--id", "of-e1")
		require.Equal(t, exit.Usage, d.code, d.err)
		require.Contains(t, d.err, "--kind must be one of customer, order, return, product, ")
	}
}

func TestARunOfTheFleetsOwnIsTracedByWhatItIsAbout(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.send(strings.TrimSpace(`{"specversion":"1.0","id":"p1","source":"` + exampleSource + `","type":"signalbox.prices.export.v1","time":"2026-01-05T09:00:00Z","data":{}}`))
	d := cli(t, s.env(), nil, "trace", "--kind", "feed", "--source", "signalbox", "--id", "main/prices/0")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^in +queue +1 `, d.out)
}

func TestWhyADeadLetterIsOne(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.bury()
	d := cli(t, s.env(), nil, "why", "--source", exampleSource, "--event", "e2")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `^It is a dead letter since .*, UnknownType: no scenario handles the type .*; to do: deploy one, or stop publishing it, then replay or discard it \(signalbox deadletter show --queue in 2\)\.\n$`, d.out)
}

func TestATraceShowsWhatItCanWhenSomethingIsDown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	require.NoError(t, s.redis.Kill())
	d := cli(t, s.env(), nil, "trace", "--source", exampleSource, "--event", "e1")
	require.Equal(t, exit.Partly, d.code)
	require.Regexp(t, `(?m)^in +queue +1 `, d.out)
	require.Contains(t, d.err, "read a run")
	require.Contains(t, d.err, "next: check the address")
	require.Equal(t, exit.Partly, cli(t, s.env(), nil, "why", "--source", exampleSource, "--event", "e1").code)

	require.NoError(t, s.broker.Close())
	d = cli(t, s.env(), nil, "trace", "--source", exampleSource, "--event", "e1")
	require.Equal(t, exit.Unreachable, d.code)
	require.Empty(t, d.out)
}

func TestDeadLettersAreListedAndShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := cli(t, s.env(), nil, "deadletter", "list")
	require.Equal(t, done{exit.Nothing, "", "signalbox: no dead letter matches\n"}, d)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "deadletter", "show", "1").code)

	s.bury()
	d = cli(t, s.env(), nil, "deadletter", "list")
	require.Equal(t, exit.Done, d.code)
	lines := strings.Split(strings.TrimSpace(d.out), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^QUEUE +SEQUENCE +DEAD-LETTERED +REASON +FAULT OF +STEP +TYPE +EVENT +STATE$`, lines[0])
	require.Regexp(t, `^in +1 +\S+Z +UnknownType +producer +- +signalbox.tulip.changed.v1 +e1 +waiting$`, lines[1])

	d = cli(t, s.env(), nil, "deadletter", "list", "--reason", "unknowntype", "--limit", "1", "--output", "json")
	list := decode[letters.List](t, d.out)
	require.True(t, list.More)
	require.Equal(t, "e1", list.Letters[0].ID)
	d = cli(t, s.env(), nil, "deadletter", "list", "--limit", "1")
	require.Contains(t, d.out, "There are more than these 1")
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "deadletter", "list", "--queue", "second", "-o", "json").code)

	d = cli(t, s.env(), nil, "deadletter", "show", "2")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^Event +e2$`, d.out)
	require.Regexp(t, `(?m)^Description +no scenario handles`, d.out)
	require.Equal(t, "e2", decode[deadletter.Letter](t, cli(t, s.env(), nil, "deadletter", "show", "2", "--queue", source, "-o", "json").out).ID)

	d = cli(t, s.env(), nil, "trace", "--source", exampleSource, "--event", "e2")
	require.Regexp(t, `(?m)^in +dead letters +2 .* UnknownType`, d.out)
}

// bury leaves two dead letters.
func (s *stage) bury() {
	s.t.Helper()
	for _, id := range []string{"e1", "e2"} {
		s.send(strings.Replace(strings.TrimSpace(event(id)), "customer.changed", "tulip.changed", 1))
	}
	s.work()
}

// Headquarters is away: the customer is there under a provisional id, and a follow-up will look for the permanent one.
func TestAProvisionalCustomerIsShownAsOneByEveryCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.csu.Configure(func(o *csu.Options) { o.HQDown = true })
	s.more = []string{"SIGNALBOX_CUSTOMERS_PROMOTE_AFTER=1s"}
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	byNumber := []string{"--source", exampleSource, "--id", "of-e1"}

	d := cli(t, s.env(), nil, append([]string{"trace"}, byNumber...)...)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^D365 id +[0-9a-f-]{36}, provisional: headquarters has not given the permanent one yet$`, d.out)
	require.Regexp(t, `(?m)^signalbox-live +scheduled +\d+ `, d.out, "the follow-up has the correlation of its cause")
	d = cli(t, s.env(), nil, append([]string{"why"}, byNumber...)...)
	require.Contains(t, d.out, "which is provisional: it is promoted once headquarters has given the permanent id")
	d = cli(t, s.env(), nil, append([]string{"mapping", "get"}, byNumber...)...)
	require.Regexp(t, `(?m)^customer .* provisional +2026-01-05T09:00:00.000Z$`, d.out)
	require.Regexp(t, `(?m)^ok +fleet.promotion +no customer and no order waits`, cli(t, s.env(), nil, "doctor").out)

	require.Eventually(t, func() bool { return s.active(own) == 1 }, patience, look, "the follow-up is due")
	s.work()
	d = cli(t, s.env(), nil, append([]string{"why"}, byNumber...)...)
	require.Regexp(t, `(?m)^It waits at step \S+ since .* for the permanent D365 id, because headquarters has given a provisional one only`, d.out)
	d = cli(t, s.env(), nil, "doctor")
	require.Regexp(t, `(?m)^ok +fleet.promotion +1 wait for headquarters' id of a customer or an order, the longest for \d`, d.out, "which is not long")
}
