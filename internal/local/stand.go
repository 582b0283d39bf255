package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/test/sim/csu"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

const (
	sourceQueue = "signalbox-in"
	ownQueue    = "signalbox-live"
	bulkQueue   = "signalbox-bulk"
	replayQueue = "signalbox-replay"
	channel     = "main"
	oun         = "HOUSTON"
)

// stand is everything that runs.
type stand struct {
	app    *app.App
	cfg    *config.Config
	broker struct {
		*servicebus.Broker
		addr, administration string
	}
	csu struct {
		*csu.Simulator
		addr, admin string
	}
	redis struct {
		url, what string
	}
	admin net.Listener
	stops []func() error
}

// start brings the stand-ins up, then the fleet that uses them. On an error nothing is left running.
func start(ctx context.Context, o Options, account *account) (*stand, error) {
	s := &stand{}
	for _, up := range []func() error{
		func() error { return s.startRedis(ctx, o) }, s.startBroker, s.startCSU, func() error { return s.startFleet(o, account) },
	} {
		if err := up(); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

// stop ends everything in reverse.
func (s *stand) stop() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		_ = s.stops[i]() // the process is about to end; what does not close is closed by the system
	}
	s.stops = nil
}

func (s *stand) onStop(f func() error) { s.stops = append(s.stops, f) }

// startRedis uses the given Redis, else a redis-server of our own, else one in memory that keeps nothing.
func (s *stand) startRedis(ctx context.Context, o Options) error {
	if o.Redis != "" {
		s.redis.url, s.redis.what = o.Redis, "your Redis"
		s.onStop(s.forget)
		return nil
	}
	server, err := simredis.Start(ctx, simredis.Options{Args: []string{"--appendonly", "yes"}})
	switch {
	case err == nil:
		s.redis.url, s.redis.what = server.URL(), "redis-server "+server.Addr()
		s.onStop(server.Close)
		return nil
	case !errors.Is(err, simredis.ErrNoServer):
		return err
	}
	mini := miniredis.NewMiniRedis()
	mini.ClockTTL(true)
	if err := mini.Start(); err != nil {
		return fmt.Errorf("start miniredis: %w", err)
	}
	s.redis.url, s.redis.what = "redis://"+mini.Addr()+"/0", "Redis in memory "+mini.Addr()+" (nothing survives; install redis-server for the real one)"
	s.onStop(func() error { mini.Close(); return nil })
	return nil
}

// forget removes what this run left in a Redis that is not ours: its CSU ends with it, so its bindings mean nothing.
func (s *stand) forget() error {
	if s.cfg == nil {
		return nil
	}
	o, err := app.RedisLink(s.cfg)
	if err != nil {
		return err
	}
	client, err := redislink.Open(o)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	for found := client.Scan(ctx, 0, rediskey.New(s.cfg.CSU.Name, app.Hasher(s.cfg)).Prefix()+"*", 1000).Iterator(); found.Next(ctx); {
		if err := client.Unlink(ctx, found.Val()).Err(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stand) startBroker() error {
	b, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{
		{Name: sourceQueue, LockDuration: 30 * time.Second, MaxDeliveryCount: 10},
		{Name: ownQueue, LockDuration: 30 * time.Second, MaxDeliveryCount: 50},
		{Name: bulkQueue, LockDuration: 30 * time.Second, MaxDeliveryCount: 50}, {Name: replayQueue, LockDuration: 30 * time.Second, MaxDeliveryCount: 50},
	}})
	if err != nil {
		return err
	}
	s.onStop(b.Close)
	l, err := listen("127.0.0.1:5672")
	if err != nil {
		return err
	}
	s.broker.Broker, s.broker.addr = b, l.Addr().String()
	go func() { _ = b.Serve(l) }() // returns when the broker is closed
	manage, err := listen("127.0.0.1:5300")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: b.AdministrationHandler(), ReadHeaderTimeout: 10 * time.Second}
	s.broker.administration = "http://" + manage.Addr().String()
	s.onStop(server.Close)
	go func() { _ = server.Serve(manage) }() // returns when the server is closed
	return nil
}

func (s *stand) startCSU() error {
	sim := csu.New(csu.Options{Channels: []csu.Channel{{OUN: oun, Currency: "USD", Language: "en-us"}}, Latency: 5 * time.Millisecond, Seed: 1, Products: catalogue()})
	s.csu.Simulator = sim
	for _, part := range []struct {
		usual   string
		handler http.Handler
		addr    *string
	}{{"127.0.0.1:8085", sim.Handler(), &s.csu.addr}, {"127.0.0.1:8086", sim.AdminHandler(), &s.csu.admin}} {
		l, err := listen(part.usual)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: part.handler, ReadHeaderTimeout: 10 * time.Second}
		*part.addr = "http://" + l.Addr().String()
		s.onStop(func() error { sim.Close(); return server.Close() })
		go func() { _ = server.Serve(l) }() // returns when the server is closed
	}
	_, err := sim.Inject(csu.Fault{Kind: csu.Error, Status: http.StatusTooManyRequests, RetryAfter: csu.RetryAfterSeconds, Wait: time.Second, Next: 2})
	return err
}

func (s *stand) startFleet(o Options, account *account) error {
	if err := s.configure(); err != nil {
		return err
	}
	log := o.Log
	if log == nil {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(EnvFile()), "fleet.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		s.onStop(f.Close)
		log = f
	}
	var err error
	s.app, err = app.New(s.cfg, app.Parts{Log: log, Admin: s.admin, Settled: account, CleanEpoch: true, WaitInRun: 3 * time.Second,
		Roles: []string{app.RoleWorker}}) // nothing is due by the clock here, and whoever tries a table of schedules beside us is to lead it
	if err != nil {
		return err
	}
	s.onStop(func() error {
		ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		return s.app.Close(ctx)
	})
	return nil
}

// listen takes the usual port if it is free, else any.
func listen(usual string) (net.Listener, error) {
	if l, err := net.Listen("tcp", usual); err == nil {
		return l, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
