// Package fleet runs the real binary as a fleet: four `signalbox run` against `signalbox sim servicebus`,
// `signalbox sim csu` and a redis-server, with one worker killed every while.
package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/sample"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/worker/servicebus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	source  = "https://shop.example.com"
	hashKey = "0123456789abcdef0123456789abcdef"
	workers = 4
)

// size is how much is thrown at the fleet, for how long it is shot at, and how often.
type size struct {
	customers, versions int
	shots               int
	every               time.Duration
	rate                string // the CSU's limit
}

func TestAFleetUnderFireLosesAndDoublesNothing(t *testing.T) {
	s := size{customers: 60, versions: 4, shots: 4, every: time.Second, rate: "60/s"}
	if os.Getenv("CHAOS") != "" {
		s = size{customers: 500, versions: 4, shots: 45, every: 2 * time.Second, rate: "40/s"}
	}
	f := start(t, s)
	events, last := s.events()
	began := time.Now()
	f.publish(events)
	killed := f.underFire(s)
	require.Eventually(t, f.empty, 5*time.Minute, 200*time.Millisecond)
	took := time.Since(began)

	accounts := f.accounts()
	require.Len(t, accounts, s.customers, "one account for each e-mail address")
	for email, want := range last {
		f.requireState(accounts[email], want)
	}
	require.Empty(t, f.get("/duplicates"), "accounts that share an e-mail address")
	require.Zero(t, f.deadLetters())
	stats := f.get("/stats")
	t.Logf("%d events for %d customers, %d workers, %d killed with -9: %d accounts, 0 lost, 0 doubled, %.0f s, %v CSU requests, %v refused with 429",
		len(events), s.customers, workers, killed, len(accounts), took.Seconds(), stats["requests"], stats["throttled"])
}

// customer is one state, as published.
type customer struct {
	id, email, first, phone, city string
}

// events are all states of all customers, shuffled, and the last state of each by e-mail address.
func (s size) events() ([]sample.Event, map[string]customer) {
	var out []sample.Event
	last := map[string]customer{}
	now := time.Now().Add(-time.Hour)
	for c := range s.customers {
		for v := range s.versions {
			is := customer{id: fmt.Sprintf("C-%04d", c), email: fmt.Sprintf("fleet.%04d@example.com", c), first: fmt.Sprintf("Jane%d", v),
				phone: fmt.Sprintf("+1425555%04d", v), city: fmt.Sprintf("Redmond %d", v)}
			data, _ := json.Marshal(map[string]any{"id": is.id, "email": is.email, "firstName": is.first, "lastName": "Contoso", "phone": is.phone,
				"addresses": []any{map[string]any{"street": "1 Harbour Street", "city": is.city, "state": "WA", "zip": "98052", "country": "USA", "primary": true}}})
			out = append(out, sample.Event{SpecVersion: "1.0", ID: fmt.Sprintf("e-%04d-%d", c, v), Source: source, Type: "signalbox.customer.changed.v1",
				Time: now.Add(time.Duration(v) * time.Minute), Data: data})
			last[is.email] = is
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, last
}

// fleet is the processes and how to reach them.
type fleet struct {
	t       *testing.T
	binary  string
	env     []string
	admin   string
	redis   *redis.Client
	bus     *servicebus.Namespace
	running []*exec.Cmd
}

func start(t *testing.T, s size) *fleet {
	f := &fleet{t: t, binary: filepath.Join(t.TempDir(), "signalbox")}
	build := exec.Command("go", "build", "-o", f.binary, "github.com/signalbox/signalbox/cmd/signalbox")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	server, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	broker, csu, admin := freeAddress(t), freeAddress(t), freeAddress(t)
	f.admin = "http://" + admin
	connection := "Endpoint=sb://" + broker + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
	f.env = append(os.Environ(),
		"SIGNALBOX_SERVICEBUS_CONNECTION_STRING="+connection, "SIGNALBOX_REDIS_URL="+server.URL(), "SIGNALBOX_HASH_KEY="+hashKey,
		"SIGNALBOX_CSU_URL=http://"+csu, "SIGNALBOX_CSU_TOKEN_URL=http://"+csu+"/contoso/oauth2/token", "SIGNALBOX_CSU_CLIENT_ID=local-client",
		"SIGNALBOX_CSU_CLIENT_SECRET=local-secret", "SIGNALBOX_CSU_RESOURCE=http://"+csu,
		"SIGNALBOX_CSU_READ_TIMEOUT=2s", "SIGNALBOX_CSU_WRITE_TIMEOUT=2s", "SIGNALBOX_CSU_MAX_EXECUTION=2s", "SIGNALBOX_CSU_SEARCH_LAG=1s",
		`SIGNALBOX_CHANNELS=[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD"}]`,
		"SIGNALBOX_RUN_LEASE=3s", "SIGNALBOX_RUN_RENEW=1s", "SIGNALBOX_RUN_RETRY_FOR=5s", "SIGNALBOX_RUN_RESCHEDULE=1s,2s,3s,5s,5s,5s,5s,5s,5s,5s",
		"SIGNALBOX_WORKER_RECEIVE_WAIT=2s", "SIGNALBOX_WORKER_DRAIN=2s", "SIGNALBOX_WORKER_SLOTS=16", "SIGNALBOX_ADMIN_LISTEN=127.0.0.1:0")
	// A killed worker's messages count a delivery; a long shooting must not use up a healthy event's.
	f.run("sim", "servicebus", "--listen", broker, "--queue", "signalbox-in,lock=5s,max-delivery=50", "--queue", "signalbox-live,lock=5s,max-delivery=50",
		"--queue", "signalbox-replay,lock=5s,max-delivery=50")
	f.run("sim", "csu", "--listen", csu, "--admin", admin, "--latency", "20ms", "--rate", s.rate, "--commit-then-drop", "0.02", "--search-lag", "1s")
	for _, address := range []string{broker, csu, admin} {
		require.Eventually(t, func() bool { return answers(address) }, 10*time.Second, 20*time.Millisecond)
	}

	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	f.redis = redis.NewClient(options)
	f.bus, err = servicebus.Open(servicebus.Options{ConnectionString: secret.New(connection)})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = f.redis.Close()
		_ = f.bus.Close(context.Background())
	})
	return f
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// run starts the binary; it is killed at the end of the test if it still runs.
func (f *fleet) run(args ...string) *exec.Cmd {
	cmd := exec.Command(f.binary, args...)
	cmd.Env = f.env
	log, err := os.CreateTemp(f.t.TempDir(), "log")
	require.NoError(f.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(f.t, cmd.Start())
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if f.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			f.t.Logf("%s: the end of its log:\n%s", strings.Join(args, " "), text[max(0, len(text)-2000):])
		}
	})
	return cmd
}

func (f *fleet) publish(events []sample.Event) {
	file, err := os.Create(filepath.Join(f.t.TempDir(), "events.jsonl"))
	require.NoError(f.t, err)
	lines := json.NewEncoder(file)
	for _, e := range events {
		require.NoError(f.t, lines.Encode(e))
	}
	require.NoError(f.t, file.Close())
	cmd := exec.Command(f.binary, "publish", file.Name())
	cmd.Env = f.env
	out, err := cmd.CombinedOutput()
	require.NoError(f.t, err, string(out))
}

// underFire runs the workers and kills one with -9 every while, starting another in its place.
func (f *fleet) underFire(s size) (killed int) {
	for range workers {
		f.running = append(f.running, f.run("run"))
	}
	r := rand.New(rand.NewPCG(3, 4))
	shoot := time.NewTicker(s.every)
	defer shoot.Stop()
	for range s.shots {
		<-shoot.C
		i := r.IntN(workers)
		require.NoError(f.t, f.running[i].Process.Kill())
		_ = f.running[i].Wait() // it says "killed"
		f.running[i] = f.run("run")
		killed++
	}
	return killed
}

// empty says whether nothing waits, is locked or scheduled.
func (f *fleet) empty() bool {
	for _, q := range []string{"signalbox-in", "signalbox-live"} {
		b := f.bus.Queue(q).Browse()
		got, err := b.Peek(f.t.Context(), 0, 1)
		b.Close(f.t.Context())
		if err != nil || len(got) > 0 {
			return false
		}
	}
	return true
}

func (f *fleet) deadLetters() int {
	n := 0
	for _, q := range []string{"signalbox-in", "signalbox-live"} {
		b := f.bus.Queue(q).DeadLetters()
		got, err := b.Peek(f.t.Context(), 0, 100)
		b.Close(f.t.Context())
		require.NoError(f.t, err)
		for _, m := range got {
			f.t.Logf("dead letter: %s: %s", m.DeadLetterReason, m.DeadLetterDescription)
		}
		n += len(got)
	}
	return n
}

func (f *fleet) fetch(path string, into any) {
	resp, err := http.Get(f.admin + path)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	require.NoError(f.t, json.NewDecoder(resp.Body).Decode(into))
	http.DefaultClient.CloseIdleConnections()
}

func (f *fleet) get(path string) (out map[string]any) {
	f.fetch(path, &out)
	return out
}

// accounts are the CSU's customers by e-mail address.
func (f *fleet) accounts() map[string]map[string]any {
	var list []map[string]any
	f.fetch("/customers", &list)
	out := map[string]map[string]any{}
	for _, c := range list {
		out[strings.ToLower(c["Email"].(string))] = c
	}
	require.Len(f.t, out, len(list), "two accounts share an e-mail address")
	return out
}

func (f *fleet) requireState(got map[string]any, want customer) {
	f.t.Helper()
	addresses, _ := got["Addresses"].([]any)
	require.Len(f.t, addresses, 1)
	require.Equal(f.t, []any{want.first, "Contoso", want.phone, want.city},
		[]any{got["FirstName"], got["LastName"], got["Phone"], addresses[0].(map[string]any)["City"]})
	table := redistable.New(f.redis, rediskey.New("default", keyhash.New("k1", []byte(hashKey))))
	target, err := table.Find(f.t.Context(), mapping.Ref{Kind: "customer", Scope: "default/usrt", Source: source, ID: want.id})
	require.NoError(f.t, err)
	require.Equal(f.t, got["AccountNumber"], target.ID)
	refs, err := table.Sources(f.t.Context(), target)
	require.NoError(f.t, err)
	require.Equal(f.t, want.id, refs[0].ID)
}
