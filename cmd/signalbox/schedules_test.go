package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/auditview"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/scheduleview"
)

const often = `SIGNALBOX_SCHEDULES=[{"name":"often","type":"signalbox.customer.changed.v1","channel":"main","every":"24h","data":{"id":"1001","email":"ana@example.com","firstName":"Ana","lastName":"Contoso"}},` +
	`{"name":"nightly","type":"signalbox.customer.changed.v1","channel":"main","cron":"30 2 * * *","zone":"Europe/Berlin","off":true,"data":{"id":"1002","email":"bo@example.com","firstName":"Bo","lastName":"Contoso"}}]`

func TestAScheduleIsRunByHandOnceAtATime(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.Contains(t, cli(t, s.env(), nil, "schedules").out, "No schedule is configured")
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "try").code)
	s.more = append(s.more, often, "SIGNALBOX_AUDIT_OPERATOR=ana")

	list := cli(t, s.env(), nil, "schedules")
	require.Equal(t, exit.Done, list.code, list.err)
	require.Regexp(t, `(?m)^often +every 24h +20\S+T00:00:00Z +- +- +- +- +- +0$`, list.out)
	require.Regexp(t, `(?m)^nightly +30 2 \* \* \* Europe/Berlin +off `, list.out)
	require.Contains(t, list.out, "No process leads: nothing is published.")
	off := newStage(t)
	off.more = append(off.more, strings.Replace(often, `"name":"often",`, `"name":"often","off":true,`, 1))
	require.Contains(t, cli(t, off.env(), nil, "schedules").out, "Every schedule is off")

	d := cli(t, s.env(), nil, "schedules", "run", "oftn", "--reason", "try")
	require.Equal(t, exit.Nothing, d.code)
	require.Contains(t, d.err, "choose from nightly, often")
	require.Equal(t, exit.Usage, cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "ask ana@example.com").code)

	d = cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "try it once", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.err)
	is := decode[ran](t, d.out)
	require.Equal(t, ran{"often", "urn:signalbox:schedule:often", is.Event, "signalbox-bulk"}, is)
	require.Regexp(t, `^often@manual/20\S+Z$`, is.Event)

	d = cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "again")
	require.Equal(t, exit.Failed, d.code)
	require.Contains(t, d.err, "the run of its last event is not over: "+is.Event)
	require.Contains(t, d.err, "signalbox trace --source urn:signalbox:schedule:often --event "+is.Event)
	require.Equal(t, "open", decode[scheduleview.View](t, cli(t, s.env(), nil, "schedules", "-o", "json").out).Schedules[0].State)

	s.work()
	v := decode[scheduleview.View](t, cli(t, s.env(), nil, "schedules", "-o", "json").out)
	require.Equal(t, "ok", v.Schedules[0].State, "its run is over, and nobody leads to say so")
	require.Equal(t, is.Event, v.Schedules[0].Event)
	require.WithinDuration(t, time.Now(), *v.Schedules[0].Success, time.Minute)
	require.Len(t, s.csu.Customers(), 1)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "trace", "--source", is.Source, "--event", is.Event).code)

	require.Equal(t, exit.Done, cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "again").code)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "schedules", "run", "often", "--reason", "and again", "--anyway").code)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "schedules", "run", "nightly", "--reason", "one that is off").code)
	s.work()
	require.Len(t, s.csu.Customers(), 2)

	l := decode[auditview.List](t, cli(t, s.env(), nil, "audit", "list", "-o", "json").out)
	require.Len(t, l.Entries, 4)
	require.Equal(t, []string{"schedules run", "often", "event " + is.Event, "ana"}, []string{l.Entries[0].Action, l.Entries[0].Target, l.Entries[0].Detail, l.Entries[0].By})
}

func TestTheFleetsCommandSaysWhoPublishesOnTime(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = append(append(s.more, quick...), `SIGNALBOX_SCHEDULES=[{"name":"often","type":"signalbox.customer.changed.v1","channel":"main","every":"1s","data":{"id":"1001","email":"ana@example.com","firstName":"Ana","lastName":"Contoso"}}]`)
	alone := start(t, s.env(), "run", "--roles", "scheduler")
	alone.until("a schedule's event is published")
	require.Eventually(t, func() bool { // it is written down a moment after it is published
		v := decode[scheduleview.View](t, cli(t, s.env(), nil, "schedules", "-o", "json").out)
		return v.Leader != "" && v.Schedules[0].State == "open"
	}, 30*time.Second, 50*time.Millisecond, "nobody takes events")
	require.Empty(t, s.csu.Customers())

	worker := start(t, s.env(), "run", "--roles", "worker")
	worker.until("message settled")
	alone.until("the run of a schedule's event ended well")
	require.NotContains(t, worker.out.String(), "this process publishes the events")
	require.Contains(t, cli(t, s.env(), nil, "schedules").out, " leads.\n")
}
