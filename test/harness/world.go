// Package harness puts the whole of Signalbox on its stand-ins for tests: a broker, a Commerce Scale Unit and Redis that
// outlive the fleet's processes, and processes that can be stopped at any boundary between two effects.
//
// A virtual world runs inside a testing/synctest bubble: the SDK over net.Pipe, HTTP over net.Pipe, miniredis by Dial.
// A real world listens on loopback and runs a redis-server, for child processes that are killed for real.
package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/inventoryvisibility"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker/envelope"
	busadapter "github.com/signalbox/signalbox/worker/servicebus"

	"github.com/signalbox/signalbox/worker"
)

// The names that every world uses.
const (
	SourceQueue = "signalbox-in"
	OwnQueue    = "signalbox-live"
	BulkQueue   = "signalbox-bulk"
	ReplayQueue = "signalbox-replay"
	Source      = "https://shop.example.com"
	oun         = "HOUSTON"
	csuName     = "default"
	hashKey     = "0123456789abcdef0123456789abcdef"
)

// Options of a world. The times are those of the fleet's configuration and of the stand-ins alike.
type Options struct {
	Lease        time.Duration // default 2 s
	MaxExecution time.Duration // the CSU's limit; default 2 s
	SearchLag    time.Duration // default 3 s: longer than the lease
	Lock         time.Duration // of the queues; default 10 s
	CSU          csu.Options   // latency, commit delay, …
	RedisArgs    []string
	RedisURL     string // real worlds: a Redis that the caller has started, in place of a redis-server of the world's own
	Slots        int
	Sink         bool              // the channel has a sink, and the world a receiver
	Asked        http.Handler      // answers what configured steps call
	Visibility   bool              // the world has an Inventory Visibility
	Dirty        bool              // do not write a clean epoch: the fleet starts on a Redis it knows nothing of
	Duplicates   bool              // every queue detects duplicates, which our own must not need and should not have
	Defaults     bool              // the times that an operator gets who sets none, instead of short ones
	Env          map[string]string // more settings, over everything else

	Queues []servicebus.Queue // more of them
	Topics []servicebus.Topic
	From   string // the fleet's source in place of SourceQueue, such as a subscription of one of the topics
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.Defaults {
		o.Lease, o.MaxExecution, o.SearchLag, o.Lock = 15*time.Second, 2*time.Minute, 30*time.Second, time.Minute
	}
	set(&o.Lease, 2*time.Second)
	set(&o.MaxExecution, 2*time.Second)
	set(&o.SearchLag, 3*time.Second)
	set(&o.Lock, 5*time.Second)
	if o.Slots == 0 {
		o.Slots = 8
	}
	if o.From == "" {
		o.From = SourceQueue
	}
	o.CSU.SearchLag = o.SearchLag
	return o
}

// World is the stand-ins, and how to reach them.
type World struct {
	T      testing.TB
	Broker *servicebus.Broker
	CSU    *csu.Simulator
	Sink   *sink.Simulator // with Options.Sink
	Redis  *redislink.Client

	Visibility *inventoryvisibility.Simulator // with Options.Visibility

	Server *simredis.Server     // real worlds without Options.RedisURL
	Mini   *miniredis.Miniredis // virtual worlds only

	opts Options
	env  map[string]string
	pipe *pipeListener // virtual worlds only
	bus  *busadapter.Namespace

	sinkURL string

	toRedis, toCSU, toSink, toAsked, toVisibility *line // virtual worlds only
}

// NewVirtual makes a world inside the caller's synctest bubble.
func NewVirtual(t testing.TB, o Options) *World {
	w := &World{T: t, opts: o.withDefaults(), pipe: newPipeListener()}
	w.startStandIns()
	server := &http.Server{Handler: w.CSU.Handler()}
	go func() { _ = server.Serve(w.pipe) }() // returns when the server is closed
	w.Mini = miniredis.NewMiniRedis()
	w.Mini.ClockTTL(true)
	w.toRedis = &line{dial: func(context.Context) (net.Conn, error) { return simredis.Dial(w.Mini) }}
	w.toCSU = &line{dial: w.pipe.dial}
	stopSink, stopAsked, stopVisibility := w.startSink(), w.startAsked(), w.startVisibility()
	w.env = w.environment("memory", "http://127.0.0.1:1", "redis://127.0.0.1:1/0")
	w.connect()
	t.Cleanup(func() {
		_ = w.bus.Close(context.Background())
		_ = w.Redis.Close()
		w.Mini.Close()
		w.CSU.Close()
		stopSink()
		stopAsked()
		stopVisibility()
		_ = server.Close()
		_ = w.Broker.Close()
	})
	return w
}

// NewReal makes a world on loopback with a redis-server of its own.
func NewReal(t testing.TB, o Options) *World {
	w := &World{T: t, opts: o.withDefaults()}
	w.startStandIns()
	bus, web := listen(t), listen(t)
	go func() { _ = w.Broker.Serve(bus) }() // returns when the broker is closed
	server := &http.Server{Handler: w.CSU.Handler()}
	go func() { _ = server.Serve(web) }() // returns when the server is closed
	stopSink := w.startSink()
	manage := listen(t)
	administration := &http.Server{Handler: w.Broker.AdministrationHandler()}
	go func() { _ = administration.Serve(manage) }() // returns when the server is closed
	stopRedis := w.startRedis()
	w.env = w.environment(bus.Addr().String(), "http://"+web.Addr().String(), w.opts.RedisURL)
	if _, chosen := w.env[adminEndpoint]; !chosen {
		w.env[adminEndpoint] = "http://" + manage.Addr().String()
	}
	w.connect()
	t.Cleanup(func() {
		_ = w.bus.Close(context.Background())
		_ = w.Redis.Close()
		w.CSU.Close()
		stopSink()
		_ = server.Close()
		_ = administration.Close()
		_ = w.Broker.Close()
		require.NoError(t, stopRedis())
	})
	return w
}

// startRedis starts a redis-server, unless the caller has.
func (w *World) startRedis() (stop func() error) {
	if w.opts.RedisURL != "" {
		return func() error { return nil }
	}
	var err error
	w.Server, err = simredis.Start(context.Background(), simredis.Options{Args: w.opts.RedisArgs})
	require.NoError(w.T, err)
	w.opts.RedisURL = w.Server.URL()
	return w.Server.Close
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func (w *World) startStandIns() {
	var err error
	queues := []servicebus.Queue{
		{Name: SourceQueue, LockDuration: w.opts.Lock}, {Name: OwnQueue, LockDuration: w.opts.Lock, MaxDeliveryCount: 50},
		{Name: BulkQueue, LockDuration: w.opts.Lock, MaxDeliveryCount: 50}, {Name: ReplayQueue, LockDuration: w.opts.Lock, MaxDeliveryCount: 50}}
	for i := range queues {
		queues[i].DuplicateDetection, queues[i].DuplicateWindow = w.opts.Duplicates, 7*24*time.Hour
	}
	w.Broker, err = servicebus.New(servicebus.Options{Queues: append(queues, w.opts.Queues...), Topics: w.opts.Topics})
	require.NoError(w.T, err)
	if len(w.opts.CSU.Channels) == 0 {
		w.opts.CSU.Channels = []csu.Channel{{}}
	}
	w.opts.CSU.Channels[0].OUN, w.opts.CSU.Channels[0].Currency, w.opts.CSU.Channels[0].Language = oun, "USD", "en-us"
	w.CSU = csu.New(w.opts.CSU)
}

// environment is what the fleet is configured with.
func (w *World) environment(bus, web, redisURL string) map[string]string {
	env := map[string]string{
		"SIGNALBOX_ENVIRONMENT":                  "test",
		"SIGNALBOX_SERVICEBUS_CONNECTION_STRING": w.Broker.ConnectionString(bus),
		"SIGNALBOX_SERVICEBUS_QUEUES":            w.opts.From,
		"SIGNALBOX_SERVICEBUS_OWN_QUEUE_LIVE":    OwnQueue,
		"SIGNALBOX_SERVICEBUS_OWN_QUEUE_BULK":    BulkQueue,
		"SIGNALBOX_SERVICEBUS_OWN_QUEUE_REPLAY":  ReplayQueue,
		"SIGNALBOX_REDIS_URL":                    redisURL,
		"SIGNALBOX_CSU_NAME":                     csuName,
		"SIGNALBOX_CSU_URL":                      web,
		"SIGNALBOX_CSU_TOKEN_URL":                web + "/contoso/oauth2/token",
		"SIGNALBOX_CSU_CLIENT_ID":                csu.DefaultClientID,
		"SIGNALBOX_CSU_CLIENT_SECRET":            csu.DefaultClientSecret,
		"SIGNALBOX_CSU_RESOURCE":                 web,
		"SIGNALBOX_CHANNELS":                     `[{"name":"main","csu":"default","oun":"` + oun + `","legal_entity":"usrt","currency":"USD","language":"en-us"}]`,
		"SIGNALBOX_HASH_KEY":                     hashKey,
		"SIGNALBOX_ADMIN_LISTEN":                 "127.0.0.1:0",
		"SIGNALBOX_WORKER_SLOTS":                 fmt.Sprint(w.opts.Slots),
		"SIGNALBOX_SAMPLER_INTERVAL":             "0s", // what comes by the clock is no part of a story, unless it asks for it
		"SIGNALBOX_HEARTBEAT_INTERVAL":           "0s",
	}
	w.sinkEnvironment(env)
	w.visibilityEnvironment(env)
	if !w.opts.Defaults {
		maps.Copy(env, w.opts.short())
	}
	maps.Copy(env, w.opts.Env)
	return env
}

// short are the settings of a fleet that a test need not wait for.
func (o Options) short() map[string]string {
	timeout := min(o.MaxExecution, 2*time.Second)
	return map[string]string{
		"SIGNALBOX_CSU_READ_TIMEOUT":        timeout.String(),
		"SIGNALBOX_CSU_WRITE_TIMEOUT":       timeout.String(),
		"SIGNALBOX_CSU_MAX_EXECUTION":       o.MaxExecution.String(),
		"SIGNALBOX_CSU_SEARCH_LAG":          o.SearchLag.String(),
		"SIGNALBOX_RUN_LEASE":               o.Lease.String(),
		"SIGNALBOX_RUN_RENEW":               (o.Lease / 4).String(),
		"SIGNALBOX_RUN_RETRY_FOR":           "2s",
		"SIGNALBOX_CUSTOMERS_PROMOTE_AFTER": "1s",
		"SIGNALBOX_RUN_RESCHEDULE":          "1s,1s,2s,2s,3s,3s,5s,5s,5s,5s,5s,5s",
		"SIGNALBOX_WORKER_RECEIVE_WAIT":     "2s",
		"SIGNALBOX_WORKER_DRAIN":            "1s",
	}
}

// connect opens the world's own connections: to publish, and to look behind the scenes.
func (w *World) connect() {
	cfg := w.Config()
	o, err := app.RedisLink(cfg)
	require.NoError(w.T, err)
	options := busadapter.Options{ConnectionString: secret.New(w.env["SIGNALBOX_SERVICEBUS_CONNECTION_STRING"])}
	if w.Mini != nil {
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return simredis.Dial(w.Mini) } // not on the fleet's line
		options.NewConn = w.dialBroker
	}
	w.Redis, err = redislink.Open(o)
	require.NoError(w.T, err)
	w.bus, err = busadapter.Open(options)
	require.NoError(w.T, err)
	if w.opts.Dirty {
		return
	}
	epoch := redisstore.NewEpoch(w.Keys(), 0, nil)
	require.NoError(w.T, epoch.Refresh(context.Background(), w.Redis))
	require.NoError(w.T, epoch.WriteClean(context.Background(), w.Redis))
}

const adminEndpoint = "SIGNALBOX_SERVICEBUS_ADMIN_ENDPOINT"

// administration carries requests to the broker without a network.
type administration struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (a administration) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	a.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func (w *World) dialBroker(context.Context) (net.Conn, error) { return w.Broker.Pipe(), nil }

// Set changes a setting of the processes that start from now on.
func (w *World) Set(variable, value string) { w.env[variable] = value }

// Env is the environment of a process of the fleet, for children.
func (w *World) Env() []string {
	out := make([]string, 0, len(w.env))
	for k, v := range w.env {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// Config is the fleet's configuration, read as a process would.
func (w *World) Config() *config.Config {
	cfg, err := config.Load(config.Sources{Env: w.Env()})
	require.NoError(w.T, err)
	return cfg
}

// Keys builds the fleet's Redis keys.
func (w *World) Keys() rediskey.Keys {
	return rediskey.New(csuName, keyhash.New("k1", []byte(hashKey)))
}

// Customer is one state of a customer, as a source publishes it.
type Customer struct {
	Event, ID, Email, First, Last, Phone, City string
	Source                                     string // default Source
	At                                         time.Time
}

// Message is the customer's event as a message.
func (c Customer) Message(t testing.TB) worker.Message {
	data, err := json.Marshal(map[string]any{"id": c.ID, "email": c.Email, "firstName": c.First, "lastName": c.Last, "phone": c.Phone,
		"addresses": []any{map[string]any{"street": "1 Harbour Street", "city": c.City, "state": "WA", "zip": "98052", "country": "USA", "primary": true}}})
	require.NoError(t, err)
	source := c.Source
	if source == "" {
		source = Source
	}
	parts := envelope.Encode(orchestration.Event{Source: source, ID: c.Event, Type: "signalbox.customer.changed.v1", Time: c.At, Data: data,
		CorrelationID: orchestration.DeriveCorrelationID(source, c.Event)})
	return worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
}

// Bus is the world's own way to the broker, beside the fleet's.
func (w *World) Bus() *busadapter.Namespace { return w.bus }

// Hasher makes the fleet's keyed hashes.
func (w *World) Hasher() *keyhash.Hasher { return keyhash.New("k1", []byte(hashKey)) }

// Publish sends customers' events to the source queue.
func (w *World) Publish(customers ...Customer) {
	messages := make([]worker.Message, 0, len(customers))
	for _, c := range customers {
		messages = append(messages, c.Message(w.T))
	}
	w.Send(messages...)
}

// Send sends messages to the source queue, or to the topic of the source, whatever is in them.
func (w *World) Send(messages ...worker.Message) {
	w.SendTo(subscription.SendTo(w.opts.From), messages...)
}

// SendTo sends messages to one of the queues.
func (w *World) SendTo(queue string, messages ...worker.Message) {
	for _, err := range w.bus.Publish(context.Background(), queue, messages) {
		require.NoError(w.T, err)
	}
}

// Queues are all that the fleet receives from.
func (w *World) Queues() []string { return []string{w.opts.From, OwnQueue, BulkQueue, ReplayQueue} }

// Empty says whether the broker holds nothing outside its dead-letter queues.
func (w *World) Empty() bool {
	for _, q := range w.Queues() {
		c, err := w.Broker.Counts(q)
		require.NoError(w.T, err)
		if c.Active > 0 || c.Scheduled > 0 {
			return false
		}
	}
	return true
}

// DeadLetters counts the broker's dead letters.
func (w *World) DeadLetters() int {
	n := 0
	for _, q := range w.Queues() {
		c, err := w.Broker.Counts(q)
		require.NoError(w.T, err)
		n += c.DeadLetter
	}
	return n
}

// Bound is the account a customer is bound to, and who is bound to that account; empty if nothing is.
func (w *World) Bound(source, id string) (account string, back []mapping.Ref) {
	return w.BoundTo("customer", source, id)
}

// Bind binds what harness.Source calls something to the id that D365 has for it, as signalbox mapping import does.
func (w *World) Bind(kind, id, to string) {
	w.T.Helper()
	require.NoError(w.T, w.TryBind(mapping.Ref{Kind: kind, Source: Source, ID: id}, to))
}

// TryBind is Bind of what any source calls something, where Redis may be in trouble.
func (w *World) TryBind(ref mapping.Ref, to string) error {
	ref.Scope = csuName + "/usrt"
	answers, err := redistable.New(w.Redis, w.Keys()).Bind(context.Background(), []mapping.Entry{{Ref: ref, Target: mapping.Target{Kind: ref.Kind, Scope: ref.Scope, ID: to}}}, false)
	if err == nil && !slices.Contains([]mapping.Result{mapping.Bound, mapping.Unchanged, mapping.Completed}, answers[0].Result) {
		err = fmt.Errorf("%s %s was not bound: %v", ref.Kind, ref.ID, answers[0].Result)
	}
	return err
}

// Bread is a product that the CSU sells: its record id.
func Bread() string { return fmt.Sprint(csu.MakeProducts(1)[0].RecordID) }

// BoundTo is the same of any kind of business object.
func (w *World) BoundTo(kind, source, id string) (record string, back []mapping.Ref) {
	table := redistable.New(w.Redis, w.Keys())
	target, err := table.Find(context.Background(), mapping.Ref{Kind: kind, Scope: csuName + "/usrt", Source: source, ID: id})
	if errors.Is(err, mapping.ErrNotBound) {
		return "", nil
	}
	require.NoError(w.T, err)
	back, err = table.Sources(context.Background(), target)
	require.NoError(w.T, err)
	return target.ID, back
}

// RequireState asserts that the CSU has exactly one account for the e-mail address, that it says what the customer's
// state says, and that it is bound both ways.
func (w *World) RequireState(c Customer) {
	w.T.Helper()
	var with []csu.Customer
	for _, got := range w.CSU.Customers() {
		if strings.EqualFold(got.Email(), c.Email) {
			with = append(with, got)
		}
	}
	require.Len(w.T, with, 1, "accounts with one e-mail address")
	got := with[0]
	require.Equal(w.T, []any{c.First, c.Last, c.Phone, c.Email, "USD", "en-us"},
		[]any{got["FirstName"], got["LastName"], got["Phone"], got["ReceiptEmail"], got["CurrencyCode"], got["Language"]})
	require.Len(w.T, got.Addresses(), 1)
	at := got.Addresses()[0]
	require.Equal(w.T, []any{"1 Harbour Street", c.City, "WA", "98052", "USA", true},
		[]any{at["Street"], at["City"], at["State"], at["ZipCode"], at["ThreeLetterISORegionName"], at["IsPrimary"]})
	source := c.Source
	if source == "" {
		source = Source
	}
	account, back := w.Bound(source, c.ID)
	require.Equal(w.T, got.AccountNumber(), account, "bound forwards")
	require.True(w.T, slices.ContainsFunc(back, func(r mapping.Ref) bool { return r.Source == source && r.ID == c.ID }), "bound backwards")
}
