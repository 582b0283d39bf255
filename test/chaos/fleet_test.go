package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/proxy"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

const hashKey = "0123456789abcdef0123456789abcdef"

var queues = []string{harness.SourceQueue, harness.OwnQueue, harness.BulkQueue, harness.ReplayQueue}

// setup is what a fleet is started with.
type setup struct {
	workers int
	csu     []string                    // more flags for signalbox sim csu
	redis   []string                    // more arguments for redis-server
	store   func(f *fleet) (url string) // starts another Redis than a single server behind a proxy, and sets fleet.redis
	env     map[string]string
	seed    uint64
}

// fleet is the processes, and how to reach and to trouble them. Workers reach the stand-ins through a proxy each; the test goes
// straight to them.
type fleet struct {
	t       *testing.T
	set     setup
	env     []string
	running []*process
	killed  int

	before, after map[string]bool // the events that waited when Redis was wiped, and that still did then

	toBroker, toRedis, toCSU *proxy.Proxy

	server             *simredis.Server
	redis              redis.UniversalClient
	bus                *servicebus.Namespace
	busAdmin, csuAdmin string
	shopAdmin          string
	http               *http.Client
}

// start starts the stand-ins and the workers.
func start(t *testing.T, s setup) *fleet {
	f := &fleet{t: t, set: s, http: &http.Client{Timeout: 30 * time.Second}}
	t.Cleanup(f.http.CloseIdleConnections)
	broker, scale, busAdmin, csuAdmin := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	f.busAdmin, f.csuAdmin = "http://"+busAdmin, "http://"+csuAdmin
	if s.store == nil {
		s.store = (*fleet).standalone
	}
	store := s.store(f)
	f.toBroker, f.toCSU = f.proxy(broker), f.proxy(scale)
	f.environment(store)
	f.bindProducts()

	// A killed worker's messages count a delivery; a long shooting must not use up a healthy event's.
	args := []string{"sim", "servicebus", "--listen", broker, "--administration", "", "--admin", busAdmin}
	for _, q := range queues {
		args = append(args, "--queue", q+",lock=5s,max-delivery=50")
	}
	f.run(args...)
	f.run(append([]string{"sim", "csu", "--listen", scale, "--admin", csuAdmin, "--latency", "5ms", "--order-sync", "1s"}, s.csu...)...)
	for _, address := range []string{broker, scale, busAdmin, csuAdmin} {
		require.Eventually(t, func() bool { return answers(address) }, 30*time.Second, 10*time.Millisecond)
	}
	var err error
	f.bus, err = servicebus.Open(servicebus.Options{ConnectionString: secret.New(connection(broker))})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.bus.Close(context.Background()) })
	for range s.workers {
		f.join()
	}
	return f
}

func connection(broker string) string {
	return "Endpoint=sb://" + broker + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
}

// standalone starts one redis-server.
func (f *fleet) standalone() (url string) {
	var err error
	f.server, err = simredis.Start(f.t.Context(), simredis.Options{Args: f.set.redis})
	require.NoError(f.t, err)
	f.redis = redis.NewClient(&redis.Options{Addr: f.server.Addr()})
	f.t.Cleanup(func() {
		_ = f.redis.Close()
		require.NoError(f.t, f.server.Close())
	})
	f.toRedis = f.proxy(f.server.Addr())
	return "redis://" + f.toRedis.Addr() + "/0"
}

func (f *fleet) proxy(to string) *proxy.Proxy {
	p, err := proxy.Listen(to, f.set.seed)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = p.Close() })
	return p
}

// environment is the workers': the stand-ins by their proxies, and times that are short enough to watch.
func (f *fleet) environment(store string) {
	web := "http://" + f.toCSU.Addr()
	env := map[string]string{
		"SERVICEBUS_CONNECTION_STRING": connection(f.toBroker.Addr()), "REDIS_URL": store, "HASH_KEY": hashKey,
		"CSU_URL": web, "CSU_TOKEN_URL": web + "/contoso/oauth2/token", "CSU_RESOURCE": web, "CSU_CLIENT_ID": csu.DefaultClientID, "CSU_CLIENT_SECRET": csu.DefaultClientSecret,
		"CSU_READ_TIMEOUT": "2s", "CSU_WRITE_TIMEOUT": "2s", "CSU_MAX_EXECUTION": "2s", "CSU_SEARCH_LAG": "1s",
		"ORDERS_CONFIRM_AFTER": "200ms",
		"RUN_LEASE":            "3s", "RUN_RENEW": "1s", "RUN_RETRY_FOR": "5s", "RUN_RESCHEDULE": "1s,2s,3s,5s,5s,5s,5s,5s,5s,5s", "RUN_WAIT_FIRST": "1s", "RUN_WAIT_MOST": "5s",
		"CUSTOMERS_PROMOTE_AFTER": "1s", "WORKER_RECEIVE_WAIT": "2s", "WORKER_DRAIN": "2s", "WORKER_SLOTS": "16", "SAMPLER_INTERVAL": "0s", "HEARTBEAT_INTERVAL": "0s",
		"ADMIN_LISTEN": "127.0.0.1:0",
	}
	maps.Copy(env, f.shop())
	maps.Copy(env, f.set.env)
	f.env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		f.env = append(f.env, "SIGNALBOX_"+name+"="+env[name])
	}
}

// join starts one more worker.
func (f *fleet) join() { f.running = append(f.running, f.run("run")) }

// shoot kills a worker with -9 and starts another in its place.
func (f *fleet) shoot(i int) {
	f.running[i].kill(f.t)
	f.killed++
	f.running = slices.Delete(f.running, i, i+1)
	f.join()
}

func (f *fleet) publish(messages []worker.Message) {
	require.NoError(f.t, f.publishTo(harness.SourceQueue, messages))
}

// publishTo sends messages as an upstream system does: what may not have arrived is sent again.
func (f *fleet) publishTo(queue string, messages []worker.Message) error {
	for end := time.Now().Add(patience); len(messages) > 0; {
		var again []worker.Message
		var last error
		for i, err := range f.bus.Publish(f.t.Context(), queue, messages) {
			if err != nil {
				again, last = append(again, messages[i]), err
			}
		}
		if messages = again; len(again) > 0 && time.Now().After(end) {
			return last
		}
	}
	return nil
}

// counts are of one queue, as the broker counts.
type counts struct{ Active, Scheduled, Deferred, DeadLetter int }

func (f *fleet) counts() map[string]counts {
	var all map[string]counts
	f.get(f.busAdmin+"/queues", &all)
	return all
}

// waiting is how many messages are not done: to be received, locked, or scheduled.
func (f *fleet) waiting() (n int) {
	for _, c := range f.counts() {
		n += c.Active + c.Scheduled + c.Deferred
	}
	return n
}

// until waits for a condition and says whether it came about in time.
func until(within time.Duration, what func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); time.Now().Before(end); <-tick.C {
		if what() {
			return true
		}
	}
	return what()
}

func (f *fleet) get(url string, into any) {
	resp, err := f.http.Get(url)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	require.NoError(f.t, json.NewDecoder(resp.Body).Decode(into))
}

// tell posts a document to an admin port.
func (f *fleet) tell(url, document string) {
	resp, err := f.http.Post(url, "application/json", bytes.NewReader([]byte(document)))
	require.NoError(f.t, err)
	defer resp.Body.Close()
	require.Less(f.t, resp.StatusCode, 300, "%s %s", url, document)
}

func (f *fleet) heal(admin string) {
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodDelete, admin+"/faults", nil)
	require.NoError(f.t, err)
	resp, err := f.http.Do(r)
	require.NoError(f.t, err)
	require.NoError(f.t, resp.Body.Close())
}

func (f *fleet) brokerFault(document string) { f.tell(f.busAdmin+"/faults", document) }
func (f *fleet) csuFault(document string)    { f.tell(f.csuAdmin+"/faults", document) }
