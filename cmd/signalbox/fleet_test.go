package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// send puts a line into the source queue without the checks of publish.
func (s *stage) send(line string) {
	s.t.Helper()
	s.put(source, worker.Message{ID: uuid.NewString(), ContentType: envelope.ContentTypeStructured, Body: []byte(line)})
}

// put puts a message into a queue.
func (s *stage) put(queue string, m worker.Message) {
	s.t.Helper()
	cfg, err := config.Load(config.Sources{Env: s.env()})
	require.NoError(s.t, err)
	bus, done, err := connect.Bus(cfg)
	require.NoError(s.t, err)
	defer done()
	require.NoError(s.t, bus.Publish(s.t.Context(), queue, []worker.Message{m})[0])
}

// quick lets a fleet on an empty Redis act after a moment.
var quick = []string{"SIGNALBOX_RUN_LEASE=1s", "SIGNALBOX_RUN_RENEW=200ms", "SIGNALBOX_CSU_READ_TIMEOUT=500ms", "SIGNALBOX_CSU_WRITE_TIMEOUT=500ms",
	"SIGNALBOX_CSU_MAX_EXECUTION=500ms", "SIGNALBOX_CSU_SEARCH_LAG=0s", "SIGNALBOX_WORKER_DRAIN=20s"}

func TestASignalDrainsTheFleet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = quick
	p := start(t, s.env(), "run", "--roles", "worker")
	p.until(`"started"`)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	require.Eventually(t, func() bool { return len(s.csu.Ledger()) == 1 && s.active(source) == 0 }, patience, look, "%s", &p.out)
	p.signal(syscall.SIGTERM)
	require.Equal(t, exit.Done, p.code(), p.err.String())
	require.Contains(t, p.out.String(), `"drained"`)
	require.NotContains(t, p.out.String(), canary)
}

func TestASecondSignalEndsTheFleetAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.more = append(append([]string(nil), quick...), "SIGNALBOX_CSU_READ_TIMEOUT=60s", "SIGNALBOX_CSU_WRITE_TIMEOUT=60s", "SIGNALBOX_CSU_MAX_EXECUTION=60s")
	_, err := s.csu.Inject(csu.Fault{Kind: csu.Hold})
	require.NoError(t, err)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	p := start(t, s.env(), "run")
	require.Eventually(t, func() bool { return s.csu.Stats().Held > 0 }, patience, look, "%s%s", &p.out, &p.err)
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGINT) // while the first one's drain waits for the call that hangs
	require.Equal(t, exit.Interrupted, p.code())
	require.NotContains(t, p.out.String(), `"drained"`)
}

func TestAFleetThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	require.NoError(t, s.redis.Kill())
	d := cli(t, s.env(), nil, "run")
	require.Equal(t, exit.Unreachable, d.code, d.err)
	require.Contains(t, d.err, "redis")

	d = cli(t, nil, nil, "run")
	require.Equal(t, exit.Configuration, d.code)
	require.Contains(t, d.err, "there is no configuration")
	require.Contains(t, d.err, "next: ")

	d = cli(t, []string{"SIGNALBOX_ENVIRONMENT=test"}, nil, "run")
	require.Contains(t, d.err, "servicebus.connection_string (default): is required and not set")

	d = cli(t, s.env(), nil, "run", "--roles", "worker,gateway")
	require.Equal(t, exit.Usage, d.code)
	require.Contains(t, d.err, `role "gateway" does not exist in this version`)
}

func TestStandInsPrintTheEnvironmentThatReachesThem(t *testing.T) {
	t.Parallel()
	s := newStage(t) // for its Redis
	broker := start(t, nil, "sim", "servicebus", "--listen", "127.0.0.1:0", "--administration", "127.0.0.1:0", "--queue", "in,lock=30s,max-delivery=5", "--queue", own, "-o", "json")
	unit := start(t, nil, "sim", "csu", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--rate", "1000/s", "--commit-then-drop", "0", "-o", "json")
	broker.until("}\n}")
	unit.until("}\n}")
	env := settings(s.bus, s.csuURL, s.redis.URL())
	for _, p := range []*process{broker, unit} {
		for name, value := range decode[stand](t, p.out.String()).Environment {
			env = append(env, name+"="+value)
		}
	}
	health, err := http.Get(decode[stand](t, broker.out.String()).Environment["SIGNALBOX_SERVICEBUS_ADMIN_ENDPOINT"] + "/health")
	require.NoError(t, err)
	require.NoError(t, health.Body.Close())
	require.Equal(t, http.StatusOK, health.StatusCode)
	env = append(env, quick...)
	fleet := start(t, env, "run")
	fleet.until(`"started"`)
	require.Equal(t, exit.Done, cli(t, env, nil, "publish", file(t, event("e1"))).code)
	require.Eventually(t, func() bool {
		return strings.Contains(cli(t, env, nil, "trace", "--source", exampleSource, "--event", "e1").out, "done: completed")
	}, patience, look)
	for _, p := range []*process{fleet, unit, broker} {
		p.signal(syscall.SIGINT)
		require.Equal(t, exit.Done, p.code(), p.err.String())
	}
	require.Empty(t, s.csu.Ledger(), "the other CSU was used")
}

func TestAReceiverThatRunsAloneIsToldWhatBecameOfAnEvent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const made = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	receiver := start(t, []string{"SIM_SINK_SECRETS=" + made}, "sim", "sink", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--rate", "1000/s", "-o", "json")
	receiver.until("}\n}")
	at := decode[stand](t, receiver.out.String())
	env := append(append(s.env(), quick...), "SIGNALBOX_SINKS="+at.Environment["SIGNALBOX_SINKS"])
	for i, nv := range env {
		if strings.HasPrefix(nv, "SIGNALBOX_CHANNELS=") {
			env[i] = strings.Replace(nv, `{"name"`, `{"sinks":["crm"],"name"`, 1)
		}
	}
	require.NotContains(t, cli(t, env, nil, "config", "show").out, made)
	fleet := start(t, env, "run")
	fleet.until(`"started"`)
	require.Equal(t, exit.Done, cli(t, env, nil, "publish", file(t, event("e1"))).code)
	require.Eventually(t, func() bool {
		answer, err := http.Get("http://" + at.Listening[1] + "/events")
		require.NoError(t, err)
		defer answer.Body.Close()
		told, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return strings.Contains(string(told), "signalbox.customer.relayed.v1")
	}, patience, look)
	for _, p := range []*process{fleet, receiver} {
		p.signal(syscall.SIGINT)
		require.Equal(t, exit.Done, p.code(), p.err.String())
	}
	require.NotContains(t, fleet.out.String()+fleet.err.String(), made)

	d := cli(t, []string{"SIM_SINK_SECRETS=plain"}, nil, "sim", "sink", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	require.Equal(t, exit.Usage, d.code)
	require.NotContains(t, d.err, "plain\"")
}

func TestAnInventoryVisibilityThatRunsAloneIsReachedByTheEnvironmentThatItPrints(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	service := start(t, nil, "sim", "inventory-visibility", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--warehouse", "usrt/1/HOUSTON,usrt/2/STORE3", "--rate", "1000/s", "-o", "json")
	service.until("}\n}")
	env := s.env()
	for name, value := range decode[stand](t, service.out.String()).Environment {
		env = append(env, name+"="+value)
	}
	require.Equal(t, exit.Done, cli(t, env, nil, "config", "check").code)
	looked := cli(t, env, nil, "doctor").out
	require.Regexp(t, `ok +visibility.token `, looked)
	require.Regexp(t, `ok +visibility.reach +usrt +answers a query`, looked)
	require.Regexp(t, `ok +visibility.warehouses +main `, looked)
	require.NotContains(t, cli(t, s.env(), nil, "doctor").out, "visibility.")
	service.signal(syscall.SIGINT)
	require.Equal(t, exit.Done, service.code(), service.err.String())
	gone := cli(t, env, nil, "doctor")
	require.Equal(t, exit.Unreachable, gone.code)
	require.Regexp(t, `fail +visibility.token +no token: Entra.Token network: Entra refuses connections`, gone.out)
}

func TestAStandInThatCannotListenFails(t *testing.T) {
	t.Parallel()
	l := listener(t)
	defer l.Close()
	for _, name := range []string{"servicebus", "csu", "sink", "inventory-visibility"} {
		d := cli(t, nil, nil, "sim", name, "--listen", l.Addr().String())
		require.Equal(t, exit.Failed, d.code, d.err)
		require.Contains(t, d.err, "next: choose another address")
	}
}
