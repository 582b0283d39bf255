package main

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/publish"
)

func TestEventsArePublishedAndBadOnesNamed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := cli(t, s.env(), nil, "publish", file(t, event("e1")+"\n"+event("e2")))
	require.Equal(t, done{exit.Done, "read 2, sent 2 to in, refused 0, unsent 0\n", ""}, d, "a blank line is no event")
	require.Equal(t, 2, s.active(source))

	d = cli(t, s.env(), nil, "publish", "--output", "json", file(t, "nonsense\n"+event("e3")+badEvent+strings.Replace(event("e4"), "customer.changed", "tulip.changed", 1)))
	require.Equal(t, exit.Partly, d.code)
	require.Equal(t, publish.Summary{Queue: source, Read: 4, Valid: 1, Sent: 1, Refused: 3}, decode[publish.Summary](t, d.out))
	require.Equal(t, "line 1: Malformed: The body is not JSON, at byte 2.\n"+
		"line 3: SchemaInvalid at /data/email: /email does not keep the schema's rule \"pattern\"\n"+
		"line 4: UnknownType at /type: no scenario handles this event type; replay it once one is deployed\n"+
		"signalbox: 3 of 4 lines are no events that can be sent\n"+
		"next: correct the lines above and publish them again; those that were sent may be among them\n", d.err)
	require.Equal(t, 3, s.active(source))

	d = cli(t, s.env(), strings.NewReader(event("e5")), "publish", "--queue", "second", "-")
	require.Equal(t, "read 1, sent 1 to second, refused 0, unsent 0\n", d.out)
	require.Equal(t, 1, s.active("second"))
}

func TestADryRunSendsNothingAndNeedsNoBroker(t *testing.T) {
	t.Parallel()
	env := settings("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;", "http://127.0.0.1:1", "redis://127.0.0.1:1")
	d := cli(t, env, nil, "publish", "--dry-run", file(t, event("e1")+badEvent))
	require.Equal(t, exit.Partly, d.code)
	require.Equal(t, "read 2, valid 1, refused 1; a dry run sends nothing\n", d.out)
	require.Equal(t, exit.Done, cli(t, env, nil, "publish", "--dry-run", file(t, event("e1"))).code)

	for name, tc := range map[string]struct {
		text string
		code int
		says string
	}{
		"nothing but bad lines":        {badEvent, exit.Failed, "no line is an event"},
		"no lines at all":              {"\n\n", exit.Nothing, "the input holds no events"},
		"a line that no broker takes":  {event("e1") + strings.Repeat("x", 300_000) + "\n", exit.Partly, "line 2: TooLarge"},
		"a clock that is far ahead":    {strings.Replace(event("e1"), "2026-", "2126-", 1), exit.Failed, "line 1: TimeInFuture at /time"},
		"an attribute that is missing": {strings.Replace(event("e1"), `"id":"e1",`, "", 1), exit.Failed, "line 1: Malformed at /id"},
	} {
		t.Run(name, func(t *testing.T) {
			d := cli(t, env, nil, "publish", "--dry-run", file(t, tc.text))
			require.Equal(t, tc.code, d.code)
			require.Contains(t, d.err, tc.says)
		})
	}
}

func TestABrokerThatCannotBeUsedIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	events := file(t, event("e1"))
	d := cli(t, s.env(), nil, "publish", "--queue", "nowhere", events)
	require.Equal(t, exit.Configuration, d.code)
	require.Equal(t, "read 1, sent 0 to nowhere, refused 0, unsent 1\n", d.out)
	require.Contains(t, d.err, "next: create the queue")

	require.NoError(t, s.broker.DenyTokens(source, true))
	require.Equal(t, exit.NotAllowed, cli(t, s.env(), nil, "publish", events).code)

	require.NoError(t, s.broker.Close())
	d = cli(t, s.env(), nil, "publish", events)
	require.Equal(t, exit.Unreachable, d.code, d.err)
	require.Contains(t, d.err, "next: check the address")

	s.more = []string{"SIGNALBOX_SERVICEBUS_QUEUES=in,second"}
	d = cli(t, s.env(), nil, "publish", events)
	require.Equal(t, exit.Usage, d.code)
	require.Contains(t, d.err, "several source queues: in, second")

	s.more = []string{"SIGNALBOX_SERVICEBUS_QUEUES=in,events/Subscriptions/signalbox"}
	d = cli(t, s.env(), nil, "publish", "--dry-run", events)
	require.Equal(t, exit.Done, d.code, "a subscription takes no messages, so there is one queue: %s", d.err)
	require.Contains(t, d.out, "read 1")

	d = cli(t, nil, nil, "publish", events)
	require.Equal(t, exit.Configuration, d.code)
	require.Contains(t, d.err, "there is no configuration")
	require.Contains(t, d.err, "--local")

	d = cli(t, s.env(), nil, "publish", "--queue", source, "/nowhere/events.jsonl")
	require.Equal(t, exit.Failed, d.code)
}

func TestStandardInputIsAStream(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p := start(t, s.env(), "publish", "--rate", "1000/s", "-")
	_, err := io.WriteString(p.in, event("e1"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.active(source) == 1 }, patience, look, "the first is sent while the second is not written yet")
	_, err = io.WriteString(p.in, event("e2"))
	require.NoError(t, err)
	require.NoError(t, p.in.Close())
	require.Equal(t, exit.Done, p.code(), p.err.String())
	require.Equal(t, 2, s.active(source))
}

func TestAnInterruptedPublicationSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p := start(t, s.env(), "publish", "-")
	_, err := io.WriteString(p.in, event("e1"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.active(source) == 1 }, patience, look)
	p.signal(syscall.SIGINT)
	require.Equal(t, exit.Interrupted, p.code(), p.err.String())
	require.Equal(t, "read 1, sent 1 to in, refused 0, unsent 0\n", p.out.String())
}

func TestARateIsARate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"50/s": "50/s", "600/m": "10/s", "2": "2/s", "3600/h": "1/s"} {
		var r pace
		require.NoError(t, r.Set(text))
		require.Equal(t, want, r.String())
	}
	for _, text := range []string{"", "0/s", "-1", "x/s", "5/d", "NaN", "Inf"} {
		require.Error(t, new(pace).Set(text), text)
	}
}
