package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/test/sim/csu"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// TestMain lets the test binary be the command itself, when it is called by its name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "signalbox" || boundary.IsChild() {
		main()
	}
	goleak.VerifyTestMain(m)
}

// done is a command line that has ended.
type done struct {
	code     int
	out, err string
}

// cli runs a command line in this process.
func cli(t *testing.T, env []string, in io.Reader, args ...string) done {
	t.Helper()
	if in == nil {
		in = strings.NewReader("")
	}
	var out, errs bytes.Buffer
	code := Main(args, in, &out, &errs, env)
	for _, text := range []string{out.String(), errs.String()} {
		require.NotContains(t, text, canary, "a secret is printed")
		require.NotContains(t, text, "@example.net", "an address is printed")
	}
	return done{code, out.String(), errs.String()}
}

const (
	canary   = "canary-Zx9Q7pL2vT4mK8wR1nB6yH3c-abcdef"
	source   = "in"
	own      = "signalbox-live"
	bulk     = "signalbox-bulk"
	replays  = "signalbox-replay"
	patience = 20 * time.Second
	look     = 20 * time.Millisecond
)

// stage is a broker, a CSU and a Redis on sockets of their own.
type stage struct {
	t      *testing.T
	broker *servicebus.Broker
	bus    string
	csu    *csu.Simulator
	csuURL string
	redis  *simredis.Server
	more   []string // environment that a test adds
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t}
	var err error
	s.redis, err = simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.redis.Close()) })
	s.broker, err = servicebus.New(servicebus.Options{Queues: []servicebus.Queue{{Name: source}, {Name: "second"}, {Name: own, MaxDeliveryCount: 50}, {Name: bulk, MaxDeliveryCount: 50}, {Name: replays, MaxDeliveryCount: 50}}})
	require.NoError(t, err)
	var serving sync.WaitGroup
	l := listener(t)
	s.bus = s.broker.ConnectionString(l.Addr().String())
	serving.Go(func() { _ = s.broker.Serve(l) })
	manage := listener(t)
	administration := &http.Server{Handler: s.broker.AdministrationHandler()}
	serving.Go(func() { _ = administration.Serve(manage) })
	s.more = []string{"SIGNALBOX_SERVICEBUS_ADMIN_ENDPOINT=http://" + manage.Addr().String()}
	s.csu = csu.New(csu.Options{})
	front := listener(t)
	s.csuURL = "http://" + front.Addr().String()
	server := &http.Server{Handler: s.csu.Handler()}
	serving.Go(func() { _ = server.Serve(front) })
	t.Cleanup(func() {
		s.csu.Close()
		_ = server.Close()
		_ = administration.Close()
		_ = s.broker.Close()
		serving.Wait()
	})
	return s
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func (s *stage) env() []string {
	return append(settings(s.bus, s.csuURL, s.redis.URL()), s.more...)
}

func settings(bus, csuURL, redisURL string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"SIGNALBOX_SERVICEBUS_CONNECTION_STRING=" + strings.Replace(bus, "SAS_KEY_VALUE", canary, 1),
		"SIGNALBOX_SERVICEBUS_QUEUES=" + source,
		"SIGNALBOX_REDIS_URL=" + redisURL,
		"SIGNALBOX_CSU_URL=" + csuURL,
		"SIGNALBOX_CSU_TOKEN_URL=" + csuURL + "/contoso/oauth2/token",
		"SIGNALBOX_CSU_CLIENT_ID=" + csu.DefaultClientID,
		"SIGNALBOX_CSU_CLIENT_SECRET=" + csu.DefaultClientSecret,
		"SIGNALBOX_CSU_RESOURCE=" + csuURL,
		`SIGNALBOX_CHANNELS=[{"name":"main","oun":"` + csu.DefaultOUN + `","legal_entity":"usrt","currency":"USD","language":"en-us"}]`,
		"SIGNALBOX_HASH_KEY=" + canary,
		"SIGNALBOX_ADMIN_LISTEN=127.0.0.1:0",
		"SIGNALBOX_WORKER_RECEIVE_WAIT=1s",
	}
}

// work runs a fleet of one until everything that is active has been settled.
func (s *stage) work() {
	s.t.Helper()
	cfg, err := config.Load(config.Sources{Env: s.env()})
	require.NoError(s.t, err)
	a, err := app.New(cfg, app.Parts{Log: io.Discard, NoHealth: true, CleanEpoch: true})
	require.NoError(s.t, err)
	ctx, stop := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	queues := append(cfg.ServiceBus.OwnQueue.All(), cfg.ServiceBus.Queues...)
	require.Eventually(s.t, func() bool { return !slices.ContainsFunc(queues, func(q string) bool { return s.active(q) > 0 }) }, patience, look)
	stop()
	require.NoError(s.t, <-ended)
	require.NoError(s.t, a.Close(s.t.Context()))
}

func (s *stage) active(queue string) int {
	c, err := s.broker.Counts(queue)
	require.NoError(s.t, err)
	return c.Active
}

// event is a line that every check lets pass.
func event(id string) string {
	return strings.NewReplacer(exampleID, id, "1001", "of-"+id, "ana@example.com", id+"@example.net").Replace(exampleEvent) + "\n"
}

const badEvent = `{"specversion":"1.0","id":"e-bad","source":"https://shop.example.com","type":"signalbox.customer.changed.v1",` +
	`"time":"2026-01-05T09:00:00Z","data":{"id":"1002","email":"not an address ana@example.net","firstName":"Ana"}}` + "\n"

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}
