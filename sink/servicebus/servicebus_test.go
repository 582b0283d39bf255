package servicebus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
	"github.com/signalbox/signalbox/sink/claim"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
	adapter "github.com/signalbox/signalbox/worker/servicebus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "outcomes"

// stand is a broker, and what is read from it.
type stand struct {
	*sim.Broker
	bus  *adapter.Namespace
	dial func(context.Context) (net.Conn, error)
}

// bubble runs a test on a broker in memory, in virtual time.
func bubble(t *testing.T, story func(t *testing.T, s *stand)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker, err := sim.New(sim.Options{
			Queues: []sim.Queue{{Name: "q", DuplicateDetection: true, MaxSizeMegabytes: 1}, {Name: "off", Status: sim.StatusDisabled}},
			Topics: []sim.Topic{{Name: topic, Subscriptions: []sim.Subscription{{Name: "crm"}, {Name: "audit"}}}},
		})
		require.NoError(t, err)
		s := &stand{Broker: broker, dial: func(context.Context) (net.Conn, error) { return broker.Pipe(), nil }}
		s.bus, err = adapter.Open(adapter.Options{ConnectionString: secret.New(broker.ConnectionString("memory")), NewConn: s.dial})
		require.NoError(t, err)
		t.Cleanup(func() {
			_ = s.bus.Close(context.Background())
			require.NoError(t, broker.Close())
		})
		story(t, s)
	})
}

func (s *stand) sink(t *testing.T, entity string, change ...func(*Options)) *Sink {
	t.Helper()
	o := Options{Name: "erp", ConnectionString: secret.New(s.ConnectionString("memory")), Entity: entity, NewConn: s.dial}
	for _, f := range change {
		f(&o)
	}
	made, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, made.Close()) })
	return made
}

// has gives what lies in a queue or subscription.
func (s *stand) has(t *testing.T, address string) []worker.Message {
	t.Helper()
	b := s.bus.Queue(address).Browse()
	defer b.Close(context.Background())
	got, err := b.Peek(t.Context(), 0, 250)
	require.NoError(t, err)
	return got
}

func event(id string) orchestration.Event {
	return orchestration.Event{Source: "https://shop.example.com", ID: id, Type: "signalbox.customer.relayed.v1", Subject: "1001", Channel: "web", Sink: "erp",
		CorrelationID: "002551e0-8dca-5eca-a9ea-9c45419fd504", Time: time.Now().UTC(), Origin: orchestration.Origin{Queue: "signalbox-live", Enqueued: time.Now(), Sequence: 23},
		Generation: 3, Attempt: 2, Data: json.RawMessage(`{"id":"1001"}`)}
}

func TestAnEventArrivesAsACloudEventInBinaryMode(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		ev := event("5f0f")
		require.NoError(t, s.sink(t, topic).Deliver(t.Context(), ev))
		for _, name := range []string{"crm", "audit"} {
			got := s.has(t, topic+"/Subscriptions/"+name)
			require.Len(t, got, 1)
			m := got[0]
			require.Equal(t, []string{"5f0f", ev.Type, ev.CorrelationID, "application/json", `{"id":"1001"}`},
				[]string{m.ID, m.Subject, m.CorrelationID, m.ContentType, string(m.Body)})
			require.Equal(t, map[string]any{
				"cloudEvents_specversion": "1.0", "cloudEvents_id": "5f0f", "cloudEvents_source": ev.Source, "cloudEvents_type": ev.Type, "cloudEvents_subject": "1001",
				"cloudEvents_time": ev.Time.Format(time.RFC3339Nano), "cloudEvents_correlationid": ev.CorrelationID, "cloudEvents_signalboxchannel": "web",
				"cloudEvents_sequence": fmt.Sprintf("%013d-%020d", ev.Origin.Enqueued.UnixMilli(), 23),
			}, m.Properties, "nothing that means something to us alone")
			read, err := envelope.Decode(envelope.Parts{ContentType: m.ContentType, Properties: m.Properties, Body: m.Body}, envelope.Arrival{}, envelope.Limits{})
			require.NoError(t, err, "another Signalbox could take it")
			require.Equal(t, []string{ev.ID, ev.Type, ev.Subject}, []string{read.ID, read.Type, read.Subject})
		}
	})
}

func TestARepeatHasTheSameIDSoThatTheBrokerDropsIt(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		one := s.sink(t, "q")
		for range 3 {
			require.NoError(t, one.Deliver(t.Context(), event("same")))
		}
		require.NoError(t, s.sink(t, "q").Deliver(t.Context(), event("same")), "by another process")
		require.NoError(t, one.Deliver(t.Context(), event("other")))
		require.Len(t, s.has(t, "q"), 2)
	})
}

func TestASubjectIsASessionWhereThatIsWanted(t *testing.T) {
	require.Equal(t, "1001", sessionOf(event("x")))
	long := event("x")
	long.Subject = strings.Repeat("1", 129)
	require.Len(t, sessionOf(long), 64)
	other := long
	other.Subject += "2"
	require.NotEqual(t, sessionOf(long), sessionOf(other))
	nobody := event("x")
	nobody.Subject = ""
	require.Equal(t, "x", sessionOf(nobody))

	bubble(t, func(t *testing.T, s *stand) {
		subject := "1001"
		require.NoError(t, s.CreateSubscription(sim.Subscription{Topic: topic, Name: "ordered", Rules: []sim.Rule{{Name: "r", Filter: sim.CorrelationFilter{SessionID: &subject}}}}))
		require.NoError(t, s.sink(t, topic).Deliver(t.Context(), event("without")))
		require.NoError(t, s.sink(t, topic, func(o *Options) { o.Sessions = true }).Deliver(t.Context(), event("with")))
		got := s.has(t, topic+"/Subscriptions/ordered")
		require.Len(t, got, 1)
		require.Equal(t, "with", got[0].ID)
	})
}

// A delivery whose answer is lost may have arrived. It is made again by the engine, under the same id.
func TestWhatGetsNoAnswerIsInDoubtAndTheNextOneFindsANewConnection(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		one := s.sink(t, "q", func(o *Options) { o.Timeout = 5 * time.Second })
		require.NoError(t, one.Deliver(t.Context(), event("first")))
		kinds := map[fault.Kind]int{}
		for i := range 20 {
			ev := event(fmt.Sprintf("e%d", i))
			switch i % 3 {
			case 0:
				s.DropConnections()
			case 1:
				s.CloseConnections()
			default:
				require.NoError(t, s.DetachLinks("q"))
			}
			for tries := 0; ; tries++ {
				require.Less(t, tries, 10)
				err := one.Deliver(t.Context(), ev)
				if err == nil {
					break
				}
				f := fault.As(err)
				kinds[f.Kind]++
				require.Contains(t, []fault.Kind{fault.Ambiguous, fault.Transient, fault.Throttled}, f.Kind, "%v", err)
				require.Contains(t, sinks.Results(), f.Class)
				<-time.After(f.Wait)
			}
		}
		require.Positive(t, kinds[fault.Ambiguous], "%v", kinds)
		require.Len(t, s.has(t, "q"), 21, "each once: duplicate detection has dropped what came twice")
	})
}

func TestARefusalOfTheBrokerHasItsMeaning(t *testing.T) {
	for name, tc := range map[string]struct {
		entity string
		before func(s *stand) error
		kind   fault.Kind
		reason fault.Reason
		class  string
		code   string
		says   string
		closes bool
	}{
		"busy":       {"q", func(s *stand) error { return s.RejectSends("q", 1, "com.microsoft:server-busy") }, fault.Throttled, "", "throttled", "server-busy", "asks to wait", true},
		"full":       {"q", func(s *stand) error { return s.RejectSends("q", 1, "amqp:resource-limit-exceeded") }, fault.Throttled, "", "throttled", "resource-limit-exceeded", "larger maximum size", true},
		"missing":    {"none", nil, fault.Transient, "", "not_found", "not-found", "create the queue or topic", false},
		"forbidden":  {"q", func(s *stand) error { return s.DenyTokens("q", true) }, fault.Transient, "", "unauthorized", "unauthorized-access", "Send", false},
		"off":        {"off", nil, fault.Transient, "", "server_error", "entity-disabled", "Active", false},
		"sessions":   {"q", func(s *stand) error { return s.RejectSends("q", 1, "amqp:not-allowed") }, fault.Transient, "", "invalid", "not-allowed", "set sessions to true", false},
		"timeout":    {"q", func(s *stand) error { return s.RejectSends("q", 1, "com.microsoft:timeout") }, fault.Ambiguous, "", "timeout", "", "in time", false},
		"fault":      {"q", func(s *stand) error { return s.RejectSends("q", 1, "amqp:internal-error") }, fault.Ambiguous, "", "network", "", "failed", false},
		"unheard-of": {"q", func(s *stand) error { return s.RejectSends("q", 1, "com.example:odd") }, fault.Ambiguous, "", "network", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *stand) {
				one := s.sink(t, tc.entity)
				if tc.before != nil {
					require.NoError(t, tc.before(s))
				}
				f := fault.As(one.Deliver(t.Context(), event("5f0f")))
				require.NotNil(t, f)
				require.Equal(t, []any{tc.kind, tc.reason, tc.class, tc.code, "Sink.Deliver"}, []any{f.Kind, f.Reason, f.Class, f.Code, f.Operation}, "%v", f)
				require.Contains(t, f.Error(), tc.says)
				require.Contains(t, f.Error(), "the sink erp")
				require.Contains(t, sinks.Results(), f.Class)
				require.NotContains(t, f.Error(), "SAS_KEY_VALUE")
				require.Equal(t, tc.closes, !one.ClosedUntil().IsZero())
				require.NoError(t, s.DenyTokens("q", false))
				if tc.entity == "q" { // whatever it was, it passes
					<-time.After(f.Wait)
					require.NoError(t, one.Deliver(t.Context(), event("5f0f")))
				}
			})
		})
	}
}

func TestAnEventThatIsTooLargeIsForAPersonWhoIsToldWhatToDo(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		one, large := s.sink(t, "q"), event("large")
		large.Data = json.RawMessage(`{"pad":"` + strings.Repeat("x", 300<<10) + `"}`)
		f := fault.As(one.Deliver(t.Context(), large))
		require.Equal(t, []any{fault.Permanent, fault.SinkRejected, "invalid"}, []any{f.Kind, f.Reason, f.Class}, "%v", f)
		require.Contains(t, f.Detail, "give the queue or topic a larger maximum message size")
		require.NoError(t, one.Deliver(t.Context(), event("small")), "the link is as it was")
		require.Zero(t, one.ClosedUntil())
	})
}

// A namespace that throttles is left alone by all deliveries of the process, and probed by one at a time.
func TestABusyBrokerIsLeftAloneForAWhile(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		var news []bool
		one := s.sink(t, "q", func(o *Options) { o.Changed = func(until time.Time, _ string) { news = append(news, until.IsZero()) } })
		require.NoError(t, s.RejectSendsFor("q", 10*time.Second, "com.microsoft:server-busy"))
		require.Equal(t, fault.Throttled, fault.KindOf(one.Deliver(t.Context(), event("0"))))
		asked := 0
		for began := time.Now(); ; {
			f := fault.As(one.Deliver(t.Context(), event("0")))
			if f == nil {
				break
			}
			require.Equal(t, fault.Throttled, f.Kind)
			require.Positive(t, f.Wait)
			if f.Code == "server-busy" { // and not the class of what it is left alone for
				asked++
			}
			require.Less(t, time.Since(began), time.Minute)
			<-time.After(100 * time.Millisecond)
		}
		require.Less(t, asked, 6, "the rests grow")
		require.Equal(t, []bool{false, true}, news)
		require.Len(t, s.has(t, "q"), 1)
	})
}

func TestWhoLostItsClaimSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		one, lost := s.sink(t, "q"), errors.New("the claim is over")
		err := one.Deliver(claim.WithCheck(t.Context(), func() error { return lost }), event("x"))
		require.ErrorIs(t, err, lost)
		require.Equal(t, []any{fault.Transient, "cancelled"}, []any{fault.As(err).Kind, fault.As(err).Class})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, "cancelled", fault.As(one.Deliver(ended, event("x"))).Class)
		require.Empty(t, s.has(t, "q"))
		require.NoError(t, one.Deliver(claim.WithCheck(t.Context(), func() error { return nil }), event("x")))
	})
}

// A broker that takes a connection and says nothing costs its time and no more.
func TestABrokerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, s *stand) {
		var silent []net.Conn
		one := s.sink(t, "q", func(o *Options) {
			o.Timeout = 3 * time.Second
			o.NewConn = func(context.Context) (net.Conn, error) {
				client, server := net.Pipe()
				silent = append(silent, server)
				go func() { _, _ = server.Read(make([]byte, 1<<20)) }()
				return client, nil
			}
		})
		began := time.Now()
		f := fault.As(one.Deliver(t.Context(), event("x")))
		require.Equal(t, []any{fault.Transient, "timeout"}, []any{f.Kind, f.Class}, "%v", f)
		require.LessOrEqual(t, time.Since(began), 5*time.Second)
		for _, c := range silent {
			_ = c.Close()
		}
	})
}

func TestOptionsAreCheckedAndNothingPrintsTheKey(t *testing.T) {
	_, err := New(Options{Timeout: -1})
	for _, want := range []string{"needs a name", "needs a queue or topic", "needs a connection string", "not negative"} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(Options{Name: "erp", Entity: "q", ConnectionString: secret.New("Endpoint=canary")})
	require.ErrorContains(t, err, "sink erp: the connection string cannot be used")
	require.NotContains(t, err.Error(), "canary")
	one, err := New(Options{Name: "erp", Entity: "q", ConnectionString: secret.New("Endpoint=sb://x;SharedAccessKeyName=k;SharedAccessKey=canary")})
	require.NoError(t, err)
	defer one.Close()
	require.Equal(t, "servicebus erp", fmt.Sprintf("%+v", one))
}
