// Package connect reaches a fleet's broker and store from the command line, where a person waits: calls are tried again
// for a few seconds, not for minutes as a worker does.
package connect

import (
	"context"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient/rediscircuit"
	"github.com/signalbox/signalbox/csuclient/redisgate"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/audit/redisaudit"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
	"github.com/signalbox/signalbox/worker/servicebus"
	"github.com/signalbox/signalbox/worker/wake/rediswaiters"
)

// closing bounds how long goodbye may take.
const closing = 5 * time.Second

// Bus opens the namespace. Nothing is dialled before the first call.
func Bus(cfg *config.Config) (bus *servicebus.Namespace, done func(), err error) {
	bus, err = servicebus.Open(servicebus.Options{
		ConnectionString: cfg.ServiceBus.ConnectionString, ApplicationID: "signalbox-cli", CallTimeout: 15 * time.Second,
		Retry: azservicebus.RetryOptions{MaxRetries: 3, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second},
	})
	if err != nil {
		return nil, nil, err
	}
	return bus, func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		_ = bus.Close(ctx) // what was asked for is done
	}, nil
}

// Admin opens the broker's administration API, with the right to look that the fleet's watchman has.
func Admin(cfg *config.Config) (*servicebus.Admin, error) {
	connection := cfg.Sampler.ConnectionString
	if connection.IsZero() {
		connection = cfg.ServiceBus.ConnectionString
	}
	return servicebus.OpenAdmin(servicebus.AdminOptions{ConnectionString: connection, Endpoint: cfg.ServiceBus.AdminEndpoint, ApplicationID: "signalbox-cli"})
}

// Store is the fleet's Redis as the command line uses it. It never touches the fleet's epoch.
type Store struct {
	Client *redislink.Client
	Keys   rediskey.Keys
	Hasher *keyhash.Hasher
	Runs   *redisstore.Tracer
	Ledger *redisledger.Ledger
	Table  *redistable.Table
	Gate   *redisgate.Gate

	Circuits *rediscircuit.Circuits
	Switches *redisswitch.Switches
	Off      *rediswaiters.Waiters
	Audit    *audit.Log
	Members  *redisstore.Members
}

// Redis opens the store. Nothing is dialled before the first call.
func Redis(cfg *config.Config) (s *Store, done func(), err error) {
	o, err := app.RedisLink(cfg)
	if err != nil {
		return nil, nil, err
	}
	o.Pool = 8
	redis.SetLogger(quiet{})
	client, err := redislink.Open(o)
	if err != nil {
		return nil, nil, err
	}
	hasher := app.Hasher(cfg)
	keys := rediskey.New(cfg.CSU.Name, hasher)
	s = &Store{Client: client, Keys: keys, Hasher: hasher, Runs: redisstore.NewTracer(client, keys), Ledger: redisledger.New(client, keys),
		Table: redistable.New(client, keys), Gate: redisgate.New(client, keys, "operator"), Circuits: rediscircuit.New(client, keys, "operator", cfg.CSU.ProbeEvery),
		Members: redisstore.NewMembers(client, keys), Switches: redisswitch.New(client, keys), Off: rediswaiters.New(client, keys),
		Audit: auditLog(cfg, redisaudit.New(client, keys), hasher)}
	return s, func() { _ = client.Close() }, nil
}

// auditLog is the audit as this machine's operator writes it.
func auditLog(cfg *config.Config, store audit.Store, hasher *keyhash.Hasher) *audit.Log {
	l := &audit.Log{Store: store, Hasher: hasher, By: cfg.Audit.Operator, Path: cfg.Audit.Path}
	if who, err := user.Current(); l.By == "" && err == nil {
		l.By = who.Username
	}
	if l.By == "" {
		l.By = "uid " + strconv.Itoa(os.Getuid())
	}
	l.Host, _ = os.Hostname() // one that has no name is called so
	return l
}

// Near says whether Redis is on this machine.
func Near(cfg *config.Config) bool {
	u, problems := redisurl.Parse(cfg.Redis.URL.Reveal())
	return len(problems) == 0 && u.Near()
}

// Standing says what was done about dead letters, as this store knows.
func (s *Store) Standing() *deadletter.Standing {
	return &deadletter.Standing{Ledger: s.Ledger, Runs: s.Runs, Hasher: s.Hasher}
}

// Queues lists the queues a command looks at: the one that was asked for, else the source queues and our own.
func Queues(cfg *config.Config, asked string) []string {
	all := slices.Concat(cfg.ServiceBus.Queues, cfg.ServiceBus.OwnQueue.All())
	if asked == "" {
		return all
	}
	for _, name := range all { // Service Bus ignores case, and what is remembered of a dead letter does not
		if strings.EqualFold(name, asked) {
			return []string{name}
		}
	}
	return []string{asked}
}

// quiet drops the Redis client's own log lines: every failure reaches us as an error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
