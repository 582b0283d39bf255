// Package app wires the rooms together, once, for every way of running them: the fleet process, local mode, and tests
// that run the real thing in-process. It holds no policy: what it decides is the order of start and stop.
//
// Start: Redis, CSU client, sinks, engine, Service Bus, worker, health endpoints, the fleet's watchman. Stop: in reverse, once the worker has drained.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/health"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/leader"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
	"github.com/signalbox/signalbox/orchestration/schedule"
	"github.com/signalbox/signalbox/orchestration/steps"
	"github.com/signalbox/signalbox/sink/claim"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// Version is what this build calls itself; set by the linker, else read from the build information.
var Version = ""

// Parts opens the wiring to local mode and to tests. The zero value is production.
type Parts struct {
	Log      io.Writer       // where log lines go; default standard output
	Settled  worker.Observer // told of every settlement besides telemetry, such as local mode's account
	NoHealth bool            // no health port
	Admin    net.Listener    // the health port, in place of admin.listen
	Roles    []string        // what this process does, of Roles; default all
	LookOnly bool            // an engine for plans alone: no queue is opened, and Redis is not told that this process was here

	DialBroker func(ctx context.Context) (net.Conn, error) // a Service Bus inside the process
	DialRedis  func(ctx context.Context, network, addr string) (net.Conn, error)
	DialCSU    func(ctx context.Context, network, addr string) (net.Conn, error)
	DialSink   func(ctx context.Context, network, addr string) (net.Conn, error)
	DialStep   func(ctx context.Context, network, addr string) (net.Conn, error) // to what configured steps call

	DialVisibility func(ctx context.Context, network, addr string) (net.Conn, error) // to Inventory Visibility

	Scenarios func(scenarios.Parts) []orchestration.Scenario // in place of scenarios.All, to certify others

	Administration http.RoundTripper // to the administration API of a Service Bus inside the process; nil: it has none

	WrapCSU     func(http.RoundTripper) http.RoundTripper  // around every CSU call, and every call of Inventory Visibility
	WrapSink    func(name string, s sinks.Sink) sinks.Sink // around every delivery
	RedisHooks  []redis.Hook                               // around every Redis command
	WrapQueue   func(worker.Queue) worker.Queue            // around every call for a received message
	WrapOutbox  func(worker.Outbox) worker.Outbox          // around every send
	RedisPool   int                                        // connections to one Redis server; default: as many as slots, ten at least
	CleanEpoch  bool                                       // the caller owns an empty broker and an empty Redis
	WaitInRun   time.Duration                              // longest wait inside a run; default the engine's
	TaintWindow time.Duration                              // default csu.max_execution + csu.search_lag
}

// App is one process of the fleet, wired and ready to run.
type App struct {
	cfg     *config.Config
	parts   Parts
	log     *zap.Logger
	metrics *telemetry.Metrics
	hasher  *keyhash.Hasher

	admin  *health.Server
	gate   *csuclient.FleetGate
	breaks *csuclient.Breaker // nil: a plan's
	redis  *redislink.Client
	epoch  *redisstore.Epoch
	store  *redisstore.Store
	csu    *csuclient.Client
	stock  *inventoryvisibility.Client // nil: nothing is asked of it
	engine *orchestration.Engine
	view   *redisswitch.View // which scenarios are off
	bus    *servicebus.Namespace
	worker *worker.Worker

	sinks   map[string]sinks.Sink
	digests map[string]feed.Digests // of the sinks that say what they have
	closers []func() error          // of the sinks and the configured steps

	watchBus *servicebus.Namespace
	watchAPI *servicebus.Admin // nil: nobody counts
	elector  *leader.Elector   // nil: there is nothing to watch
	sweeper  *leader.Elector   // nil: this fleet does not sweep
	waker    *leader.Elector   // nil: what waits comes when it is due
	timers   *timers           // nil: this process publishes nothing on time

	goneTimers *schedule.Gone // nil: this process has schedules, or another role
	owner      string         // names this process in claims and leases

	circuits sync.Mutex // held while what is open is acted on

	started atomic.Bool
	closed  atomic.Bool
}

// New wires an App. It dials nothing; Close gives back what it made.
func New(cfg *config.Config, parts Parts) (*App, error) {
	a := &App{cfg: cfg, parts: parts, hasher: Hasher(cfg), owner: instance() + "/" + uuid.NewString()[:8]}
	list, err := a.scenarios()
	if err != nil {
		return nil, errors.Join(err, a.Close(context.Background()))
	}
	if err := a.observe(list); err != nil {
		return nil, err
	}
	steps := []func() error{a.openRedis, a.openSwitches, a.openCSU, a.openVisibility, func() error { return a.openEngine(list) }}
	if !parts.LookOnly {
		steps = append(steps, a.openRemote, a.openBus, a.openWorker, a.openSchedules)
		if a.is(RoleWorker) {
			steps = append(steps, a.openWatch, a.openSweep, a.openWake)
		}
	}
	for _, open := range steps {
		if err := open(); err != nil {
			return nil, errors.Join(err, a.Close(context.Background()))
		}
	}
	return a, nil
}

// observe makes metrics and log, which everything else reports to.
func (a *App) observe(list []orchestration.Scenario) error {
	var outlines []orchestration.Outline
	for _, s := range list {
		outlines = append(outlines, s.Outline())
	}
	version, revision := build()
	a.metrics = telemetry.NewMetrics(telemetry.Known{
		Version: version, Revision: revision,
		Queues: a.cfg.ServiceBus.Queues, OwnQueues: a.cfg.ServiceBus.OwnQueue.All(),
		Scenarios: outlines, Kinds: scenarios.Kinds(), Operations: csuclient.Labels(),
		Scripts: scripts(), Heartbeats: a.beats(), Sources: called(RowSources(a.cfg)), Sinks: sinkNames(a.cfg), Sweeps: Sweeps(a.cfg), Schedules: a.scheduleNames(),
	})
	to := a.parts.Log
	if to == nil {
		to = os.Stdout
	}
	var err error
	a.log, err = telemetry.NewLogger(telemetry.LogOptions{To: to, Level: a.cfg.Log.Level, DebugUntil: a.cfg.Log.DebugUntil,
		Version: version, Instance: instance(), Environment: a.cfg.Environment}, a.metrics)
	return err
}

func (a *App) openCSU() (err error) {
	c := a.cfg.CSU
	a.openGate()
	a.openBreaker()
	a.csu, err = csuclient.New(csuclient.Options{
		BaseURL: c.URL, TokenURL: c.TokenURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Resource: c.Resource, Scope: c.Scope,
		Scheme: c.Scheme, APIVersion: c.APIVersion, ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout,
		AllowPlainHTTP: c.AllowPlaintext, MaxConns: max(c.Concurrency, 1),
		Budget: a.gate, Breaker: a.breaks, Observer: a.metrics.CSU(a.log),
		Transport: csuclient.Transport{DialContext: a.parts.DialCSU, Wrap: a.parts.WrapCSU},
	})
	if err != nil {
		return fmt.Errorf("csu client: %w", err)
	}
	return nil
}

// window is how long a write may still show up after it was sent.
func (a *App) window() time.Duration {
	if a.parts.TaintWindow > 0 {
		return a.parts.TaintWindow
	}
	return a.cfg.CSU.MaxExecution + a.cfg.CSU.SearchLag
}

func (a *App) openEngine(list []orchestration.Scenario) (err error) {
	r := a.cfg.Run
	var out orchestration.Publisher = publisher{a}
	if a.parts.LookOnly {
		out = nil
	}
	a.engine, err = orchestration.New(orchestration.Options{
		Scenarios: list, Channels: a.cfg.Channels, OwnQueues: a.cfg.ServiceBus.OwnQueue.All(), Wants: a.wants,
		Switches: a.view, Store: a.store, Publisher: out, Observer: a.metrics.Engine(a.log), Hasher: a.hasher,
		Owner: a.owner, Lease: r.Lease, Renew: r.Renew, MaxRun: r.Max, RetryFor: r.RetryFor,
		WaitInRun: a.parts.WaitInRun, Window: a.window(), Reschedule: r.Reschedule,
		WaitFirst: r.WaitFirst, WaitMost: r.WaitMost, Patience: r.Patience,
		Enter: func(ctx context.Context, c orchestration.Call) context.Context {
			ctx = steps.WithCall(claim.WithCheck(ctx, c.StillOurs), steps.Call{StillOurs: c.StillOurs, Plan: planOf(c)})
			ctx = inventoryvisibility.WithCall(ctx, inventoryvisibility.Call{StillOurs: c.StillOurs, Plan: planOf(c)})
			return csuclient.WithCall(ctx, csuclient.Call{CorrelationID: c.CorrelationID, Lane: c.Lane, StillOurs: c.StillOurs, Plan: planOf(c)})
		},
	})
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// planOf hands a planned call on in the words of either side.
func planOf(c orchestration.Call) func(string, []string) {
	if c.Plan == nil {
		return nil
	}
	return func(operation string, fields []string) {
		c.Plan(orchestration.Effect{Operation: operation, Fields: fields})
	}
}

// Log is the process's logger.
func (a *App) Log() *zap.Logger { return a.log }

// Metrics is the process's registry, for tests.
func (a *App) Metrics() *telemetry.Metrics { return a.metrics }

// Bus is the Service Bus namespace.
func (a *App) Bus() *servicebus.Namespace { return a.bus }

// Visibility is the client of Inventory Visibility; nil where the configuration does not use it.
func (a *App) Visibility() *inventoryvisibility.Client { return a.stock }

// CSU is the client of the CSU.
func (a *App) CSU() *csuclient.Client { return a.csu }

// Engine is the engine.
func (a *App) Engine() *orchestration.Engine { return a.engine }

// Probe says whether what a plan looks at can be reached: the store, and the CSU with a token. It writes nothing.
func (a *App) Probe(ctx context.Context) error {
	if err := a.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	if err := a.HearSwitches(ctx); err != nil {
		return err
	}
	return a.csu.Probe(ctx)
}

// Run starts what must be there first, works until ctx ends, drains and returns. It may be called once.
func (a *App) Run(ctx context.Context) error {
	if err := errors.Join(a.prepare(ctx), a.openFiles()); err != nil {
		return err
	}
	present := a.newPresence()
	if err := present.announce(ctx); err != nil {
		return err
	}
	defer present.keep()()
	stop, err := a.serveHealth()
	if err != nil {
		return err
	}
	defer stop()
	a.started.Store(true)
	a.log.Info("started", zap.Int("count", len(a.cfg.ServiceBus.Queues)))
	draining := context.AfterFunc(ctx, func() {
		if a.admin != nil {
			a.admin.Drain()
		}
	})
	defer draining()
	stopTimers := a.publishOnTime(ctx)
	stopWatching, stopSweeping, stopWaking, stopBreaker, stopSwitches := a.watch(ctx), a.sweep(ctx), candidate(ctx, a.waker), a.guard(ctx), a.followSwitches()
	err = a.worker.Run(ctx)
	stopSwitches()
	stopBreaker()
	stopWaking()
	stopSweeping()
	stopWatching()
	stopTimers()
	a.log.Info("drained")
	return err
}

// Close gives back connections. A second call does nothing. A run that did not end when it was interrupted may still be
// using them: it finds them closed, so no field changes here.
func (a *App) Close(ctx context.Context) error {
	if !a.closed.CompareAndSwap(false, true) {
		return nil
	}
	var problems []error
	if a.watchAPI != nil {
		a.watchAPI.Close()
	}
	if a.watchBus != nil {
		problems = append(problems, a.watchBus.Close(ctx))
	}
	if a.bus != nil {
		problems = append(problems, a.bus.Close(ctx))
	}
	if a.csu != nil {
		a.csu.Close()
	}
	for _, closing := range a.closers {
		problems = append(problems, closing())
	}
	if a.redis != nil {
		problems = append(problems, a.redis.Close())
	}
	return errors.Join(problems...)
}

// instance names this process in logs and claims: the pod's name, as a rule.
func instance() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "unknown"
}

// build is the version and revision of this binary.
func build() (version, revision string) {
	version, revision = Version, "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return orElse(version, "unknown"), revision
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return orElse(version, info.Main.Version), revision
}

// Build is the version and revision of this binary.
func Build() (version, revision string) { return build() }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
