package certify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
	busadapter "github.com/signalbox/signalbox/worker/servicebus"
)

const (
	sourceQueue = "signalbox-in"
	ownQueue    = "signalbox-live"
	bulkQueue   = "signalbox-bulk"
	replayQueue = "signalbox-replay"
	products    = 3 // that the channel sells: an export tells of each
	oun         = "HOUSTON"
	sinkName    = "sink"
)

var queues = []string{sourceQueue, ownQueue, bulkQueue, replayQueue}

// The times of a world: short, because a stopped process is waited for, and long enough for a busy machine. The search lags, so
// that what was just written is not found.
const (
	lease        = 2500 * time.Millisecond
	renew        = time.Second     // also how long one send or save may take: too short, and a busy machine never gets one done
	lock         = 5 * time.Second // the shortest that Service Bus has; those of a dead process are ended at once
	maxExecution = 2 * time.Second
	searchLag    = 250 * time.Millisecond
	conversion   = 100 * time.Millisecond // of provisional records; the fleet looks a second later
	waitInRun    = 2 * time.Second
)

// world is the stand-ins of one run of a story, which outlive the fleet's processes.
type world struct {
	ground *ground
	broker *servicebus.Broker
	csu    *csu.Simulator
	sink   *sink.Simulator
	bus    *busadapter.Namespace
	name   string // of the CSU, and so of the keys in Redis
	addr   struct{ broker, csu, sink string }
	env    []string
	cfg    *config.Config
	stops  []func() error
}

// newWorld starts stand-ins. On an error nothing is left running.
func newWorld(ctx context.Context, g *ground, number int, s story) (*world, error) {
	w := &world{ground: g, name: fmt.Sprintf("certify-%s-%d", g.run, number)}
	for _, up := range []func() error{w.startBroker, func() error { return w.startCSU(s) }, w.startSink, func() error { return w.configure(s) }, func() error { return w.connect(ctx) }, func() error { return w.bind(ctx, s) }} {
		if err := up(); err != nil {
			w.close()
			return nil, fmt.Errorf("start the stand-ins: %w", err)
		}
	}
	return w, nil
}

func (w *world) close() {
	for _, stop := range slices.Backward(w.stops) {
		_ = stop() // the world is over
	}
}

func (w *world) onStop(f func() error) { w.stops = append(w.stops, f) }

func (w *world) startBroker() (err error) {
	w.broker, err = servicebus.New(servicebus.Options{Queues: []servicebus.Queue{
		{Name: sourceQueue, LockDuration: lock, MaxDeliveryCount: 50}, {Name: ownQueue, LockDuration: lock, MaxDeliveryCount: 50},
		{Name: bulkQueue, LockDuration: lock, MaxDeliveryCount: 50}, {Name: replayQueue, LockDuration: lock, MaxDeliveryCount: 50}}})
	if err != nil {
		return err
	}
	w.onStop(w.broker.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.addr.broker = l.Addr().String()
	go func() { _ = w.broker.Serve(l) }() // returns when the broker is closed
	return nil
}

func (w *world) startCSU(s story) (err error) {
	w.csu = csu.New(csu.Options{Channels: []csu.Channel{{OUN: oun, Currency: "USD", Language: "en-us"}}, SearchLag: searchLag, Products: csu.MakeProducts(products), LabRoles: s.OrderMode == orchestration.OrderCart,
		AsyncCustomers: s.Provisional, Conversion: conversion, OrderSync: conversion})
	w.onStop(func() error { w.csu.Close(); return nil })
	for _, r := range s.There {
		if _, err := w.csu.AddCustomer(r.Fields); err != nil {
			return err
		}
	}
	w.addr.csu, err = w.serve(w.csu.Handler())
	return err
}

func (w *world) startSink() (err error) {
	if w.sink, err = sink.New(sink.Options{}); err != nil {
		return err
	}
	w.onStop(func() error { w.sink.Close(); return nil })
	w.addr.sink, err = w.serve(w.sink.Handler())
	return err
}

func (w *world) serve(h http.Handler) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.onStop(server.Close)
	go func() { _ = server.Serve(l) }() // returns when the server is closed
	return l.Addr().String(), nil
}

// configure makes the fleet's configuration the way an operator would: as environment variables, for children, too.
func (w *world) configure(s story) (err error) {
	web := "http://" + w.addr.csu
	for k, v := range map[string]string{
		"ENVIRONMENT":                  "certify",
		"SERVICEBUS_CONNECTION_STRING": w.broker.ConnectionString(w.addr.broker),
		"SERVICEBUS_QUEUES":            sourceQueue,
		"SERVICEBUS_OWN_QUEUE_LIVE":    ownQueue,
		"SERVICEBUS_OWN_QUEUE_BULK":    bulkQueue,
		"SERVICEBUS_OWN_QUEUE_REPLAY":  replayQueue,
		"REDIS_URL":                    w.ground.url,
		"REDIS_ALLOW_PLAINTEXT":        "true",
		"CSU_NAME":                     w.name,
		"CSU_URL":                      web,
		"CSU_TOKEN_URL":                web + "/contoso/oauth2/token",
		"CSU_CLIENT_ID":                csu.DefaultClientID,
		"CSU_CLIENT_SECRET":            csu.DefaultClientSecret,
		"CSU_RESOURCE":                 web,
		"CSU_READ_TIMEOUT":             maxExecution.String(),
		"CSU_WRITE_TIMEOUT":            maxExecution.String(),
		"CSU_MAX_EXECUTION":            maxExecution.String(),
		"CSU_SEARCH_LAG":               searchLag.String(),
		"CHANNELS":                     `[{"name":"main","csu":"` + w.name + `","oun":"` + oun + `","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["` + sinkName + `"],"service_accounts":["service-account-1"],"order_mode":"` + s.OrderMode + `"}]`,
		"SINKS":                        `[{"name":"` + sinkName + `","url":"http://` + w.addr.sink + `/hooks","secrets":["` + sink.DefaultSecret + `"],"timeout":"5s"}]`,
		"HASH_KEY":                     w.ground.hashKey,
		"ADMIN_LISTEN":                 "127.0.0.1:0",
		"RUN_LEASE":                    lease.String(),
		"RUN_RENEW":                    renew.String(),
		"RUN_RETRY_FOR":                "3s",
		"RUN_RESCHEDULE":               "1s,1s,1s,1s,2s,2s,2s,2s,2s,2s,2s,2s",
		"RUN_WAIT_FIRST":               "1s",
		"RUN_WAIT_MOST":                "2s",
		"CUSTOMERS_PROMOTE_AFTER":      "1s",
		"ORDERS_CONFIRM_AFTER":         "500ms",
		"WORKER_RECEIVE_WAIT":          "20s",
		"WORKER_DRAIN":                 "1s",
		"WORKER_SLOTS":                 "4",
		"WORKER_SWEEP_EVERY":           "0s", // what comes by the clock is no part of a story
		"SAMPLER_INTERVAL":             "0s",
		"HEARTBEAT_INTERVAL":           "0s",
	} {
		w.env = append(w.env, "SIGNALBOX_"+k+"="+v)
	}
	w.cfg, err = config.Load(config.Sources{Env: w.env})
	return err
}

// connect opens what the story itself uses: to publish, and to look at the end.
func (w *world) connect(ctx context.Context) (err error) {
	w.bus, err = busadapter.Open(busadapter.Options{ConnectionString: secret.New(w.broker.ConnectionString(w.addr.broker))})
	if err != nil {
		return err
	}
	w.onStop(func() error {
		closing, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		return w.bus.Close(closing)
	})
	epoch := redisstore.NewEpoch(w.keys(), 0, nil)
	return errors.Join(epoch.Refresh(ctx, w.ground.client), epoch.WriteClean(ctx, w.ground.client))
}

// bind makes the bindings that are there before the story begins, as signalbox mapping import would.
func (w *world) bind(ctx context.Context, s story) error {
	entries := make([]mapping.Entry, len(s.Bound))
	for i, b := range s.Bound {
		scope := w.cfg.Channels[0].Scope()
		entries[i] = mapping.Entry{Ref: mapping.Ref{Kind: b.Kind, Scope: scope, Source: cmp.Or(b.Source, shop), ID: b.ID}, Target: mapping.Target{Kind: b.Kind, Scope: scope, ID: b.To}}
	}
	answers, err := redistable.New(w.ground.client, w.keys()).Bind(ctx, entries, false)
	if err != nil {
		return fmt.Errorf("bind what is there: %w", err)
	}
	for i, a := range answers {
		if a.Result != mapping.Bound {
			return fmt.Errorf("bind %s %s: %s", s.Bound[i].Kind, s.Bound[i].ID, a.Result)
		}
	}
	return nil
}

func (w *world) keys() rediskey.Keys {
	return rediskey.New(w.name, app.Hasher(w.cfg))
}

func (w *world) publish(ctx context.Context, events []orchestration.Event) error {
	messages := make([]worker.Message, 0, len(events))
	for _, ev := range events {
		messages = append(messages, app.Message(ev))
	}
	return errors.Join(w.bus.Publish(ctx, sourceQueue, messages)...)
}

// unlock ends every lock, as if the time of a dead process's locks were up: its messages are delivered again.
func (w *world) unlock() error {
	for _, q := range queues {
		if _, err := w.broker.LoseLocks(q); err != nil {
			return err
		}
	}
	return nil
}

// left counts what the broker holds outside its dead-letter queues.
func (w *world) left() (n int) {
	for _, q := range queues {
		c, err := w.broker.Counts(q)
		if err != nil {
			continue // it knows its own queues
		}
		n += c.Active + c.Scheduled
	}
	return n
}
