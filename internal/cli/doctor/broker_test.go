package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	adapter "github.com/signalbox/signalbox/worker/servicebus"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	goleak.VerifyTestMain(m)
}

// quiet drops the Redis client's own log lines, as the command does.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// settings is a configuration as an operator has it who sets nothing special.
func settings() *config.Config {
	return &config.Config{
		ServiceBus: config.ServiceBus{Queues: []string{"in"}, OwnQueue: config.OwnQueue{Live: "live", Bulk: "bulk", Replay: "replay"}, MaxDeliveryCount: 10, OwnMaxDeliveryCount: 50},
		CSU:        config.CSU{Name: "default", MaxExecution: 2 * time.Minute, SearchLag: 30 * time.Second},
		Channels:   orchestration.Channels{{Name: "main", CSU: "default", OUN: "HOUSTON", LegalEntity: "usrt", Currency: "USD", Language: "en-us"}},
		Run:        config.Run{Lease: 15 * time.Second, Keep: 336 * time.Hour, Patience: 168 * time.Hour},
		Sampler:    config.Sampler{Interval: 30 * time.Second},
		Heartbeat:  config.Heartbeat{Interval: time.Minute},
	}
}

func examine(t *testing.T, parts ...doctor.Part) doctor.Report {
	t.Helper()
	r := doctor.Examine(t.Context(), parts...)
	for _, f := range r.Findings {
		require.Contains(t, names(), f.Check, "a check that is not on the list")
		require.NotEmpty(t, f.What, f.Check)
		if f.Status == doctor.Warn || f.Status == doctor.Fail {
			require.NotEmpty(t, f.Why, f.Check)
			require.NotEmpty(t, f.Do, f.Check)
		}
	}
	return r
}

func names() (all []string) {
	for _, c := range doctor.Checks() {
		all = append(all, c.Name)
	}
	return all
}

// said gives the findings that are not ok, as "status check about: what".
func said(r doctor.Report) []string {
	all := []string{}
	for _, f := range r.Findings {
		if f.Status != doctor.OK {
			all = append(all, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s: %s", f.Status, f.Check, f.About, f.What)), " "))
		}
	}
	return all
}

// bus is a broker of which tests say what goes wrong.
type bus struct {
	peek map[string]error
	send map[string]error
}

func (b bus) Browse(queue string) deadletter.Peeker         { return peeker{b.peek[queue]} }
func (b bus) CanSend(_ context.Context, queue string) error { return b.send[queue] }

type peeker struct{ err error }

func (p peeker) Peek(context.Context, int64, int) ([]worker.Message, error) { return nil, p.err }

// administration knows every queue as good ones are, and as tests change them.
type administration struct {
	change map[string]func(*adapter.QueueProperties)
	counts adapter.QueueCounts
	err    error
	ahead  time.Duration
}

func good(queue string) adapter.QueueProperties {
	p := adapter.QueueProperties{LockDuration: 30 * time.Second, MaxDeliveryCount: 50, Status: "Active"}
	if queue == "in" {
		p.MaxDeliveryCount = 10
	}
	return p
}

func (a administration) Properties(_ context.Context, queue string) (adapter.QueueProperties, error) {
	p := good(queue)
	if c := a.change[queue]; c != nil {
		c(&p)
	}
	return p, a.err
}

func (a administration) Counts(context.Context, string) (adapter.QueueCounts, error) {
	return a.counts, nil
}
func (a administration) Ahead() (time.Duration, bool) { return a.ahead, true }

func TestEachClashOfAQueueIsExplained(t *testing.T) {
	t.Parallel()
	require.Empty(t, said(examine(t, doctor.Broker(settings(), bus{}, administration{}))))
	for want, c := range map[string]struct {
		queue  string
		change func(*adapter.QueueProperties)
	}{
		"fail queue.status in: its status is Disabled":                                                            {"in", func(p *adapter.QueueProperties) { p.Status = "Disabled" }},
		"warn queue.status in: takes no messages: its status is SendDisabled":                                     {"in", func(p *adapter.QueueProperties) { p.Status = "SendDisabled" }},
		"fail queue.status live: its status is SendDisabled":                                                      {"live", func(p *adapter.QueueProperties) { p.Status = "SendDisabled" }},
		"fail queue.status in: its status is ReceiveDisabled":                                                     {"in", func(p *adapter.QueueProperties) { p.Status = "ReceiveDisabled" }},
		"fail queue.sessions in: demands sessions":                                                                {"in", func(p *adapter.QueueProperties) { p.Sessions = true }},
		"fail queue.forwarding in: forwards every message to another queue or topic":                              {"in", func(p *adapter.QueueProperties) { p.ForwardTo = "x" }},
		"warn queue.forwarding in: forwards its dead letters":                                                     {"in", func(p *adapter.QueueProperties) { p.ForwardDeadLettersTo = "x" }},
		"fail queue.duplicates live: detects duplicates":                                                          {"live", func(p *adapter.QueueProperties) { p.DetectsDuplicates = true }},
		"fail queue.expiry in: drops messages after 1h0m0s":                                                       {"in", func(p *adapter.QueueProperties) { p.TimeToLive = time.Hour }},
		"fail queue.expiry live: drops messages after 2400h0m0s":                                                  {"live", func(p *adapter.QueueProperties) { p.TimeToLive = 2400 * time.Hour }},
		"fail queue.expiry live: lets messages expire after 1h0m0s, sooner than run.patience (168h0m0s)":          {"live", func(p *adapter.QueueProperties) { p.TimeToLive, p.DeadLettersExpired = time.Hour, true }},
		"fail queue.expiry replay: is deleted when it is idle for 5m0s":                                           {"replay", func(p *adapter.QueueProperties) { p.DeleteWhenIdle = 5 * time.Minute }},
		"fail queue.deliveries live: gives up after 10 deliveries":                                                {"live", func(p *adapter.QueueProperties) { p.MaxDeliveryCount = 10 }},
		"warn queue.deliveries live: gives up after 60 deliveries, and servicebus.own_max_delivery_count says 50": {"live", func(p *adapter.QueueProperties) { p.MaxDeliveryCount = 60 }},
		"fail queue.deliveries in: gives up after 5 deliveries, and servicebus.max_delivery_count says 10":        {"in", func(p *adapter.QueueProperties) { p.MaxDeliveryCount = 5 }},
		"warn queue.deliveries in: gives up after 20 deliveries, and servicebus.max_delivery_count says 10":       {"in", func(p *adapter.QueueProperties) { p.MaxDeliveryCount = 20 }},
		"warn queue.lock in: a lock lasts 5s":                                                                     {"in", func(p *adapter.QueueProperties) { p.LockDuration = 5 * time.Second }},
		"warn queue.lock in: a lock lasts 5m0s":                                                                   {"in", func(p *adapter.QueueProperties) { p.LockDuration = 5 * time.Minute }},
	} {
		r := examine(t, doctor.Broker(settings(), bus{}, administration{change: map[string]func(*adapter.QueueProperties){c.queue: c.change}}))
		require.Equal(t, []string{want}, said(r))
	}
	for _, harmless := range []func(*adapter.QueueProperties){
		func(p *adapter.QueueProperties) { p.DetectsDuplicates = true },
		func(p *adapter.QueueProperties) { p.TimeToLive, p.DeadLettersExpired = time.Hour, true },
		func(p *adapter.QueueProperties) { p.DeleteWhenIdle = time.Hour },
	} {
		require.Empty(t, said(examine(t, doctor.Broker(settings(), bus{}, administration{change: map[string]func(*adapter.QueueProperties){"in": harmless}}))), "on a source queue")
	}
	full := administration{counts: adapter.QueueCounts{Active: 1, DeadLetters: 7, SizeBytes: 90, MaxSizeBytes: 100}}
	require.Contains(t, said(examine(t, doctor.Broker(settings(), bus{}, full))), "warn queue.size in: 1 active, 0 scheduled, 7 dead letters; 90 % of its size")
	require.Contains(t, said(examine(t, doctor.Broker(settings(), bus{}, administration{ahead: -time.Minute}))), "warn broker.clock : is 1m0s behind this machine's")
}

func TestWithoutTheRightToManageItSaysWhatItCouldNotSee(t *testing.T) {
	t.Parallel()
	r := examine(t, doctor.Broker(settings(), bus{}, administration{err: fmt.Errorf("read: %w", worker.ErrUnauthorized)}))
	require.Len(t, said(r), 1, "once, not for each queue")
	require.Contains(t, said(r)[0], "unknown queue.properties : lock, delivery count")
	require.Contains(t, r.Findings[len(r.Findings)-2].Do, "Manage")
	require.Zero(t, r.Counts[doctor.Fail])
	require.NoError(t, r.Verdict())
	require.Contains(t, said(examine(t, doctor.Broker(settings(), bus{}, administration{err: errors.New("odd")})))[0], "odd")
	require.Len(t, said(examine(t, doctor.Broker(settings(), bus{}, nil))), 2, "properties and clock")
}

func TestAQueueThatCannotBeUsedIsSaid(t *testing.T) {
	t.Parallel()
	no := func(err error) bus { return bus{peek: map[string]error{"live": fmt.Errorf("peek: %w", err)}} }
	r := examine(t, doctor.Broker(settings(), no(worker.ErrNotFound), administration{}))
	require.Equal(t, []string{"fail queue.reach live: is not there"}, said(r))
	require.Equal(t, exit.Failed, exit.From(r.Verdict()).Code)
	require.Equal(t, []string{"fail queue.reach live: may not be listened to"}, said(examine(t, doctor.Broker(settings(), no(worker.ErrUnauthorized), administration{}))))
	r = examine(t, doctor.Broker(settings(), bus{peek: map[string]error{"in": worker.ErrConnectionLost}}, administration{}))
	require.Len(t, r.Findings, 1, "nor would the others be reached")
	require.Equal(t, exit.Unreachable, exit.From(r.Verdict()).Code)

	deaf := bus{send: map[string]error{"in": worker.ErrUnauthorized, "live": worker.ErrUnauthorized}}
	require.Equal(t, []string{"warn queue.send in: may not be sent to, and the heartbeat is on: worker: the broker refuses our credential",
		"fail queue.send live: may not be sent to: worker: the broker refuses our credential"}, said(examine(t, doctor.Broker(settings(), deaf, administration{}))))
	quiet := settings()
	quiet.Heartbeat.Interval = 0
	require.Len(t, said(examine(t, doctor.Broker(quiet, deaf, administration{}))), 1, "without a heartbeat nothing is sent to a source queue")
}

// A subscription is held to what a source queue is held to, and gets no heartbeat.
func TestASubscriptionIsExaminedAndNotSentTo(t *testing.T) {
	t.Parallel()
	const address = "events/Subscriptions/signalbox"
	cfg := settings()
	cfg.ServiceBus.Queues = []string{address}
	deaf := bus{send: map[string]error{address: worker.ErrUnauthorized}}
	set := func(rules, deliveries int) administration {
		return administration{change: map[string]func(*adapter.QueueProperties){address: func(p *adapter.QueueProperties) { p.Rules, p.MaxDeliveryCount = rules, deliveries }}}
	}
	require.Empty(t, said(examine(t, doctor.Broker(cfg, deaf, set(1, 10)))))
	require.Equal(t, []string{"fail queue.deliveries " + address + ": gives up after 5 deliveries, and servicebus.max_delivery_count says 10",
		"warn queue.rules " + address + ": has no rule that selects anything"}, said(examine(t, doctor.Broker(cfg, deaf, set(0, 5)))))
	idle := administration{change: map[string]func(*adapter.QueueProperties){address: func(p *adapter.QueueProperties) { p.Rules, p.MaxDeliveryCount, p.DeleteWhenIdle = 1, 10, time.Hour }}}
	require.Equal(t, []string{"fail queue.expiry " + address + ": is deleted when nobody receives from it for 1h0m0s, and then its topic drops our events"},
		said(examine(t, doctor.Broker(cfg, deaf, idle))))
}

// Each clash of a queue as the local broker has it, seen through the SDK.
func TestARealBrokerIsLookedAtWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	broker, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{
		{Name: "in", LockDuration: 30 * time.Second, DefaultTTL: time.Hour},
		{Name: "live", LockDuration: 30 * time.Second, MaxDeliveryCount: 50, DuplicateDetection: true},
		{Name: "shut", LockDuration: 30 * time.Second, MaxDeliveryCount: 50},
	}})
	require.NoError(t, err)
	l, front := listen(t), httptest.NewServer(broker.AdministrationHandler())
	defer front.Close()
	served := make(chan struct{})
	go func() { defer close(served); _ = broker.Serve(l) }()
	connection := secret.New(broker.ConnectionString(l.Addr().String()))
	namespace, err := adapter.Open(adapter.Options{ConnectionString: connection})
	require.NoError(t, err)
	admin, err := adapter.OpenAdmin(adapter.AdminOptions{ConnectionString: connection, Endpoint: front.URL})
	require.NoError(t, err)
	t.Cleanup(func() {
		admin.Close()
		require.NoError(t, namespace.Close(context.Background()))
		require.NoError(t, broker.Close())
		<-served
	})
	cfg := settings()
	cfg.ServiceBus.Queues = []string{"in", "shut"}
	require.NoError(t, broker.DenyTokens("shut", true))
	require.Equal(t, []string{
		"fail queue.reach shut: may not be listened to",
		"fail queue.reach bulk: is not there", "fail queue.reach replay: is not there",
		"fail queue.duplicates live: detects duplicates",
		"fail queue.expiry in: drops messages after 1h0m0s",
		"warn queue.deliveries shut: gives up after 50 deliveries, and servicebus.max_delivery_count says 10",
	}, said(examine(t, doctor.Broker(cfg, doctor.OverBus(namespace), admin))))
	counts, err := broker.Counts("in")
	require.NoError(t, err)
	require.Zero(t, counts.Active)

	front.Close()
	require.Contains(t, said(examine(t, doctor.Broker(cfg, doctor.OverBus(namespace), admin)))[3], "unknown queue.properties : lock, delivery count")
}
