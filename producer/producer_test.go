package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/producer"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 5, 12, 0, 0, 123456789, time.FixedZone("x", 3600))

func attributes(id, typ string) producer.Attributes {
	return producer.Attributes{ID: id, Source: "https://shop.example.com", Type: typ, Time: noon}
}

const ana = `{"id":"1001","email":"ana@example.com","firstName":"Ana","lastName":"Contoso"}`

func customer(t *testing.T, id, data string) producer.Event {
	t.Helper()
	e, err := producer.Build(attributes(id, producer.CustomerChanged), json.RawMessage(data))
	require.NoError(t, err)
	return e
}

func TestTheMessageIsWhatAWorkerReads(t *testing.T) {
	t.Parallel()
	a := attributes("customer-1001-v1", producer.CustomerChanged)
	a.Subject, a.Channel, a.Sequence, a.CorrelationID = "1001", "main", "7", "11111111-1111-4111-8111-111111111111"
	e, err := producer.Build(a, json.RawMessage(ana))
	require.NoError(t, err)
	require.NoError(t, producer.Validate(e))
	m := e.Message()
	got, err := envelope.Decode(envelope.Parts{ContentType: *m.ContentType, Properties: m.ApplicationProperties, Body: m.Body}, envelope.Arrival{}, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, orchestration.Event{ID: a.ID, Source: a.Source, Type: a.Type, Time: noon.UTC(), Subject: "1001", Channel: "main", Sequence: "7",
		CorrelationID: a.CorrelationID, Data: json.RawMessage(ana), Generation: got.Generation, Attempt: got.Attempt}, got)
	require.NoError(t, checker(t).Check(got))
	require.Equal(t, a.CorrelationID, *m.CorrelationID)
	again := customer(t, "customer-1001-v1", ana).Message()
	require.Equal(t, *m.MessageID, *again.MessageID, "the same event has the same message id")
	require.NotEqual(t, *m.MessageID, *customer(t, "customer-1001-v2", ana).Message().MessageID)
	require.Nil(t, again.CorrelationID)
}

func TestWhatCannotBeAnEventIsRefusedWithoutItsValues(t *testing.T) {
	t.Parallel()
	good := attributes("1", producer.CustomerChanged)
	for pointer, change := range map[string]func(*producer.Attributes){
		"/id":               func(a *producer.Attributes) { a.ID = "" },
		"/source":           func(a *producer.Attributes) { a.Source = "canary\n" },
		"/type":             func(a *producer.Attributes) { a.Type = strings.Repeat("canary", 200) },
		"/time":             func(a *producer.Attributes) { a.Time = time.Time{} },
		"/subject":          func(a *producer.Attributes) { a.Subject = "canary\xff" },
		"/correlationid":    func(a *producer.Attributes) { a.CorrelationID = "canary" },
		"/signalboxchannel": func(a *producer.Attributes) { a.Channel = "canary\x7f" },
		"/sequence":         func(a *producer.Attributes) { a.Sequence = "\u0085canary" },
	} {
		a := good
		change(&a)
		_, err := producer.Build(a, json.RawMessage(ana))
		f := fault.As(err)
		require.Equal(t, []any{fault.Malformed, pointer}, []any{f.Reason, f.Pointer})
		require.NotContains(t, err.Error(), "canary")
	}
	for _, data := range []any{nil, math.Inf(1), json.RawMessage("{canary"), func() {}} {
		_, err := producer.Build(good, data)
		require.Equal(t, "/data", fault.As(err).Pointer)
		require.NotContains(t, err.Error(), "canary")
	}
}

// TestValidateSaysWhatAWorkerWouldSay compares the two, but for what only a worker knows.
func TestValidateSaysWhatAWorkerWouldSay(t *testing.T) {
	t.Parallel()
	c := checker(t)
	for _, data := range []string{ana, `{}`, `[]`, `{"id":7}`, strings.Replace(ana, "ana@example.com", "canary", 1), strings.Replace(ana, `"Ana"`, `"4111111111111111"`, 1),
		strings.Replace(ana, `"Ana"`, `"Ana","phone":"4111111111111111"`, 1), strings.Replace(ana, `"Ana"`, `"Ana","phone":"378282246310005"`, 1),
		strings.Replace(ana, `}`, `,"canary":{"a":1}}`, 1), strings.Replace(ana, `}`, `,"n":1e99999}`, 1)} {
		e := customer(t, "1", data)
		mine, theirs := fault.As(producer.Validate(e)), fault.As(c.Check(orchestration.Event{ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Data: e.Data}))
		if theirs == nil {
			require.Nil(t, mine, data)
			continue
		}
		require.NotNil(t, mine, data)
		require.Equal(t, []any{theirs.Kind, theirs.Reason, "/data" + theirs.Pointer}, []any{mine.Kind, mine.Reason, mine.Pointer}, data)
		require.NotContains(t, mine.Error(), "canary")
		require.NotContains(t, mine.Error(), "4111")
	}
	e := customer(t, "1", ana)
	e.Type = "com.example.other"
	require.Equal(t, fault.UnknownType, fault.As(producer.Validate(e)).Reason)
	e = customer(t, "4111 1111 1111 1111", ana)
	require.Equal(t, fault.CardDataRefused, fault.As(producer.Validate(e)).Reason)
	e = customer(t, "1", strings.Replace(ana, "Ana", strings.Repeat("a", producer.MaxBytes), 1))
	require.Equal(t, fault.TooLarge, fault.As(producer.Validate(e)).Reason)
}

// queue is a broker with one, and a sender to it.
func queue(t *testing.T, o servicebus.Queue) (*servicebus.Broker, *azservicebus.Sender) {
	t.Helper()
	o.Name = "signalbox-in"
	broker, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{o}})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = broker.Serve(listener) }() // returns when the broker is closed
	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(listener.Addr().String()),
		&azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}})
	require.NoError(t, err)
	sender, err := client.NewSender("signalbox-in", nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close(context.Background()))
		require.NoError(t, broker.Close())
	})
	return broker, sender
}

func TestOfEveryEventItIsSaidWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	broker, sender := queue(t, servicebus.Queue{})
	var events []producer.Event
	for i := range 700 { // more than one transfer takes
		events = append(events, customer(t, fmt.Sprint("c-", i), strings.Replace(ana, "Ana", strings.Repeat("a", 20)+fmt.Sprint(i%10), 1)))
	}
	events[3] = customer(t, "bad", `{}`)
	results := producer.Send(t.Context(), sender, events...)
	require.Len(t, results, len(events))
	for i, r := range results {
		require.Equal(t, events[i].ID, r.Event.ID)
		if i == 3 {
			require.Equal(t, []any{producer.Refused, "SchemaInvalid"}, []any{r.Outcome, r.Reason()})
			continue
		}
		require.Equal(t, producer.Sent, r.Outcome, r.Err)
	}
	counts, err := broker.Counts("signalbox-in")
	require.NoError(t, err)
	require.Equal(t, len(events)-1, counts.Active)
}

func TestAQueueThatDetectsDuplicatesDropsAnEventThatIsSentAgain(t *testing.T) {
	t.Parallel()
	broker, sender := queue(t, servicebus.Queue{DuplicateDetection: true, DuplicateWindow: time.Hour})
	for range 2 {
		require.Equal(t, producer.Sent, producer.Send(t.Context(), sender, customer(t, "1", ana))[0].Outcome)
	}
	counts, err := broker.Counts("signalbox-in")
	require.NoError(t, err)
	require.Equal(t, 1, counts.Active)
}

func TestWhatDidNotArriveForSureIsToldFromWhatMayHave(t *testing.T) {
	t.Parallel()
	broker, sender := queue(t, servicebus.Queue{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range producer.Send(ended, sender, customer(t, "1", ana), customer(t, "2", `{}`), customer(t, "3", ana)) {
		if r.Event.ID == "2" {
			require.Equal(t, producer.Refused, r.Outcome)
			continue
		}
		require.Equal(t, producer.Unsent, r.Outcome)
		require.ErrorIs(t, r.Err, context.Canceled)
	}
	require.Empty(t, producer.Send(t.Context(), sender))
	require.Equal(t, producer.Sent, producer.Send(t.Context(), sender, customer(t, "1", ana))[0].Outcome)
	for _, r := range producer.Send(t.Context(), lost{sender}, customer(t, "1", ana), customer(t, "2", ana)) {
		require.Equal(t, producer.Unknown, r.Outcome, "the broker has it, and its answer was lost")
	}
	counts, err := broker.Counts("signalbox-in")
	require.NoError(t, err)
	require.Equal(t, 3, counts.Active)
	require.NoError(t, broker.DeleteQueue("signalbox-in"))
	r := producer.Send(t.Context(), sender, customer(t, "1", ana), customer(t, "2", ana))
	require.NotEqual(t, producer.Sent, r[0].Outcome)
	require.Equal(t, producer.Unsent, r[1].Outcome)
}

// TestABatchThatIsTooLargeIsSentOneByOne: that the broker takes no such transfer says nothing of the events in it.
func TestABatchThatIsTooLargeIsSentOneByOne(t *testing.T) {
	t.Parallel()
	broker, sender := queue(t, servicebus.Queue{})
	events := []producer.Event{customer(t, "1", ana), customer(t, "2", ana), customer(t, "3", ana)}
	events[1].Subject = strings.Repeat("s", 300)
	var outcomes []producer.Outcome
	for _, r := range producer.Send(t.Context(), narrow{sender, 800}, events...) {
		outcomes = append(outcomes, r.Outcome)
	}
	require.Equal(t, []producer.Outcome{producer.Sent, producer.Refused, producer.Sent}, outcomes)
	counts, err := broker.Counts("signalbox-in")
	require.NoError(t, err)
	require.Equal(t, 2, counts.Active)
}

// narrow is a link that takes smaller transfers than it said when it was opened, as that of a queue whose limit was lowered meanwhile.
type narrow struct {
	*azservicebus.Sender
	most uint64
}

func (n narrow) SendMessageBatch(ctx context.Context, b *azservicebus.MessageBatch, o *azservicebus.SendMessageBatchOptions) error {
	if b.NumBytes() > n.most {
		return azservicebus.ErrMessageTooLarge
	}
	return n.Sender.SendMessageBatch(ctx, b, o)
}

// lost loses the answers of the broker.
type lost struct{ *azservicebus.Sender }

func (l lost) SendMessageBatch(ctx context.Context, b *azservicebus.MessageBatch, o *azservicebus.SendMessageBatchOptions) error {
	return errors.Join(l.Sender.SendMessageBatch(ctx, b, o), errors.New("the answer was lost"))
}

// TestAProducerKnowsNothingOfTheRest: whoever only produces must not carry the engine.
func TestAProducerKnowsNothingOfTheRest(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		for _, heavy := range []string{"github.com/redis/", "go.uber.org/zap", "github.com/prometheus/", "github.com/itchyny/gojq", "github.com/spf13/"} {
			require.False(t, strings.HasPrefix(dep, heavy), dep)
		}
		if ours, is := strings.CutPrefix(dep, "github.com/signalbox/signalbox/"); is {
			require.Contains(t, []string{"producer", "orchestration/fault", "internal/cardnumber", "internal/dataschema"}, ours)
		}
	}
}
