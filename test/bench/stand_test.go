package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/sim/csu"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

const (
	source  = "https://shop.example.com"
	hashKey = "0123456789abcdef0123456789abcdef"
	queue   = "signalbox-in"
	oun     = "HOUSTON"

	patience = 20 * time.Minute // with one measurement
)

// binary is the program under measurement, built once, with these flags beside those of every build.
func binary(b *testing.B, flags ...string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "signalbox")
	args := append([]string{"build", "-trimpath", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "github.com/signalbox/signalbox/cmd/signalbox")...).CombinedOutput()
	require.NoError(b, err, string(out))
	return path
}

// stand is a broker, a CSU and a Redis, each a process of its own, new for each measurement.
type stand struct {
	b        *testing.B
	binary   string
	env      []string
	bus      string // connection string
	csu      string // address
	csuAdmin string // address of its admin port
	busAdmin string
	admin    string // address of the worker's admin port
	redis    *redis.Client
	redisURL string
	ends     []func()
}

// newStand starts them. The CSU answers after latency.
func newStand(b *testing.B, binary string, latency time.Duration) *stand {
	b.Helper()
	s := &stand{b: b, binary: binary}
	server, err := simredis.Start(context.Background(), simredis.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "everysec"}})
	require.NoError(b, err)
	s.ends = append(s.ends, func() { _ = server.Close() })
	broker := freeAddress(b)
	s.csu, s.csuAdmin, s.busAdmin, s.admin, s.redisURL = freeAddress(b), freeAddress(b), freeAddress(b), freeAddress(b), server.URL()
	s.bus = "Endpoint=sb://" + broker + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
	s.env = append(os.Environ(),
		"SIGNALBOX_SERVICEBUS_CONNECTION_STRING="+s.bus, "SIGNALBOX_REDIS_URL="+s.redisURL, "SIGNALBOX_HASH_KEY="+hashKey,
		"SIGNALBOX_CSU_URL=http://"+s.csu, "SIGNALBOX_CSU_TOKEN_URL=http://"+s.csu+"/contoso/oauth2/token", "SIGNALBOX_CSU_CLIENT_ID=local-client",
		"SIGNALBOX_CSU_CLIENT_SECRET=local-secret", "SIGNALBOX_CSU_RESOURCE=http://"+s.csu, fmt.Sprint("SIGNALBOX_CSU_CONCURRENCY=", slots),
		`SIGNALBOX_CHANNELS=[{"name":"main","csu":"default","oun":"`+oun+`","legal_entity":"usrt","currency":"USD"}]`,
		fmt.Sprint("SIGNALBOX_WORKER_SLOTS=", slots), "SIGNALBOX_ADMIN_LISTEN="+s.admin, "SIGNALBOX_SAMPLER_INTERVAL=0s", "SIGNALBOX_HEARTBEAT_INTERVAL=0s")
	s.process("sim", "servicebus", "--listen", broker, "--administration", "", "--admin", s.busAdmin, "--queue", queue, "--queue", "signalbox-live,max-delivery=50", "--queue", "signalbox-bulk,max-delivery=50", "--queue", "signalbox-replay,max-delivery=50")
	s.process("sim", "csu", "--listen", s.csu, "--admin", s.csuAdmin, "--latency", latency.String())
	for _, address := range []string{broker, s.busAdmin, s.csu, s.csuAdmin} {
		require.Eventually(b, func() bool { return answers(address) }, 20*time.Second, 5*time.Millisecond)
	}
	o, err := redis.ParseURL(s.redisURL)
	require.NoError(b, err)
	s.redis = redis.NewClient(o)
	s.ends = append(s.ends, func() { _ = s.redis.Close() })
	// This Redis is new, and no run of before can have a write on its way: nothing has to be looked for first.
	epoch := redisstore.NewEpoch(rediskey.New("default", keyhash.New("k1", []byte(hashKey))), 0, nil)
	require.NoError(b, epoch.Refresh(context.Background(), s.redis))
	require.NoError(b, epoch.WriteClean(context.Background(), s.redis))
	return s
}

func (s *stand) close() {
	for _, end := range slices.Backward(s.ends) {
		end()
	}
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
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

// process starts the binary; it ends with the stand.
func (s *stand) process(args ...string) *exec.Cmd {
	cmd := exec.Command(s.binary, args...)
	cmd.Env = s.env
	require.NoError(s.b, cmd.Start())
	s.ends = append(s.ends, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// used is what a worker process has cost when it has ended.
type used struct {
	took   time.Duration // from its start until the last event was done
	cpu    time.Duration
	memory int64 // at its peak, bytes
	trips  int64 // round trips of Redis: scripts
	calls  int64 // of the CSU
}

// work starts a worker on a full queue, waits until the CSU has committed n writes and the queues are empty, and ends it.
func (s *stand) work(cmd *exec.Cmd, n int) used {
	s.b.Helper()
	began := time.Now()
	require.NoError(s.b, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.until(n, ended)
	u := used{took: time.Since(began), trips: s.scripts(), calls: s.csuStats().Requests}
	require.NoError(s.b, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(s.b, <-ended)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	require.True(s.b, ok)
	u.cpu, u.memory = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), usage.Maxrss*maxrssUnit
	return u
}

// until waits for n commits and empty queues, while the worker lives; nil is one that is watched elsewhere.
func (s *stand) until(n int, ended <-chan error) {
	s.b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); s.csuStats().Commits < int64(n) || s.left() > 0; <-tick.C {
		require.True(s.b, time.Now().Before(end), "the events are not done in time: %d commits, %d messages left", s.csuStats().Commits, s.left())
		select {
		case err := <-ended:
			require.FailNow(s.b, "the worker ended before its work was done", "%v", err)
		default:
		}
	}
}

func (s *stand) csuStats() (stats csu.Stats) {
	s.get(s.csuAdmin, "/stats", &stats)
	return stats
}

// left is how many messages are in the queues; none may be dead.
func (s *stand) left() (n int) {
	var queues map[string]struct{ Active, Scheduled, DeadLetter int } // the locked are among the active
	s.get(s.busAdmin, "/queues", &queues)
	for name, c := range queues {
		require.Zero(s.b, c.DeadLetter, "dead letters in %s", name)
		n += c.Active + c.Scheduled
	}
	return n
}

func (s *stand) get(address, path string, into any) {
	s.b.Helper()
	resp, err := http.Get("http://" + address + path)
	require.NoError(s.b, err)
	defer resp.Body.Close()
	require.NoError(s.b, json.NewDecoder(resp.Body).Decode(into))
}

// scripts is how many scripts Redis has run for clients.
func (s *stand) scripts() int64 {
	info, err := s.redis.Info(context.Background(), "commandstats").Result()
	require.NoError(s.b, err)
	for line := range strings.Lines(info) {
		if rest, is := strings.CutPrefix(line, "cmdstat_evalsha:calls="); is {
			var n int64
			_, err := fmt.Sscanf(rest, "%d,", &n)
			require.NoError(s.b, err)
			return n
		}
	}
	return 0
}
