package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// A fleet whose source is a subscription of a topic of the stand-in, and the commands that name it where they name a queue.
func TestASubscriptionIsNamedWhereAQueueIs(t *testing.T) {
	t.Parallel()
	const ours, theirs = "events/Subscriptions/signalbox", "events/Subscriptions/billing"
	s := newStage(t) // for its Redis and its CSU
	broker := start(t, nil, "sim", "servicebus", "--listen", "127.0.0.1:0", "--administration", "127.0.0.1:0", "--queue", own, "--queue", "signalbox-bulk", "--queue", "signalbox-replay",
		"--topic", "events,duplicate-window=10m", "--subscription", ours+",lock=30s,max-delivery=5", "--subscription", theirs+",subject=nothing-of-the-kind", "-o", "json")
	broker.until("}\n}")
	env := settings(s.bus, s.csuURL, s.redis.URL())
	at := decode[stand](t, broker.out.String()).Environment
	require.Equal(t, ours, at["SIGNALBOX_SERVICEBUS_QUEUES"], "the one that is meant for us")
	for name, value := range at {
		env = append(env, name+"="+value)
	}
	env = append(append(env, quick...), "SIGNALBOX_SERVICEBUS_MAX_DELIVERY_COUNT=5", "SIGNALBOX_SERVICEBUS_OWN_QUEUE_BULK=signalbox-bulk", "SIGNALBOX_SERVICEBUS_OWN_QUEUE_REPLAY=signalbox-replay")
	d := cli(t, env, nil, "doctor")
	for _, want := range []string{`queue.reach +` + ours + ` +is there`, `queue.rules +` + ours + ` +rules that may select messages: 1`, `queue.deliveries +` + ours + ` +gives up after 5`} {
		require.Regexp(t, `(?m)^ok +`+want, d.out, "%s", d.err)
	}
	require.NotRegexp(t, `queue.send +`+ours, d.out)

	fleet := start(t, env, "run")
	fleet.until(`"started"`)
	d = cli(t, env, nil, "publish", file(t, event("e1")))
	require.Equal(t, exit.Usage, d.code)
	require.Contains(t, d.err, ours+" is a subscription, which takes no messages\nnext: publish to its topic, if every subscription of it may get them: --queue events")
	require.Equal(t, exit.Done, cli(t, env, nil, "publish", "--dry-run", file(t, event("e1"))).code)
	publish := func(event string) {
		require.Equal(t, exit.Done, cli(t, env, nil, "publish", "--queue", "events", file(t, event)).code)
	}
	publish(event("e1"))
	require.Eventually(t, func() bool {
		return strings.Contains(cli(t, env, nil, "trace", "--source", exampleSource, "--event", "e1").out, "done: completed")
	}, patience, look)
	publish(strings.Replace(event("e2"), "e2@example.net", "e1@example.net", 1)) // two customers of one source with one address
	require.Eventually(t, func() bool { return strings.Contains(cli(t, env, nil, "deadletter", "list").out, ours) }, patience, look)
	require.Regexp(t, `^Queue +`+ours+`\n`, cli(t, env, nil, "deadletter", "show", "--queue", strings.ToUpper(ours), "2").out)
	require.Contains(t, cli(t, env, nil, "why", "--source", exampleSource, "--event", "e2").out, "--queue "+ours+" 2")

	d = cli(t, env, nil, "deadletter", "replay", "--queue", ours, "--yes")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Eventually(t, func() bool {
		out := cli(t, env, nil, "deadletter", "list").out
		return strings.Contains(out, "signalbox-replay") && !strings.Contains(out, ours)
	}, patience, look, "it is refused again, where its copy went")
	for _, p := range []*process{fleet, broker} {
		p.signal(syscall.SIGINT)
		require.Equal(t, exit.Done, p.code(), p.err.String())
	}
}
