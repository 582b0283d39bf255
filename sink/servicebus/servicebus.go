// Package servicebus tells another system through a queue or a topic of Azure Service Bus.
//
// A delivery is one message: a CloudEvent in binary mode, with its attributes as application properties cloudEvents_* and its data as
// the body. Its message id is the event's id, so that an entity with duplicate detection drops what is sent again because it got no
// answer; its subject is the event's type and its correlation id the event's, which correlation filters can select by. With Sessions its
// session id is the event's subject: then an entity that demands sessions gives what is about one subject to one receiver, in order.
//
// A delivery is tried once: what is said a second time must be asked for first (package claim). The SDK sends once more by itself when it
// learns, as it sends, that its link was detached before.
//
// Errors: always a *fault.Error with the sink's name, the broker's condition and words of ours: never a part of the connection string or
// of the event.
// Concurrency: one Sink for the process and entity; all of its deliveries share one gate (internal/outgate).
// Source: CloudEvents 1.0.2, AMQP protocol binding; azservicebus 1.11.0.
package servicebus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/internal/bounded"
	"github.com/signalbox/signalbox/internal/outgate"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/claim"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

// Options of a Sink.
type Options struct {
	Name             string        // of the row in the sink table; in every error
	ConnectionString secret.String // of the namespace, with Send
	Entity           string        // the queue or topic
	Sessions         bool          // give each message its subject as session id
	Timeout          time.Duration // of one delivery; default 10 s
	Concurrency      int           // deliveries at once from this process; default 4

	// Changed is told when the entity is left alone, until when at first and for an answer of which class, and with zero when it takes
	// deliveries again; nil: nobody is.
	Changed func(until time.Time, class string)

	// NewConn replaces the TCP connection, for a broker inside the process.
	NewConn func(ctx context.Context) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	return o
}

// Validate reports everything that is wrong, without quoting the connection string.
func (o Options) Validate() error {
	var problems []error
	say := func(ok bool, what string) {
		if !ok {
			problems = append(problems, fmt.Errorf("sink %s: %s", o.Name, what))
		}
	}
	say(o.Name != "", "needs a name")
	say(o.Entity != "", "needs a queue or topic")
	say(!o.ConnectionString.IsZero(), "needs a connection string")
	say(o.Timeout >= 0 && o.Concurrency >= 0, "timeout and concurrency are not negative")
	return errors.Join(problems...)
}

// Sink tells one queue or topic.
type Sink struct {
	opts Options
	gate *outgate.Gate

	mu      sync.Mutex
	line    *line // nil until used, and after it was lost
	closing sync.WaitGroup
}

// line is a connection with its one link. One that has failed is replaced: without tries of its own the SDK does not mend it.
type line struct {
	client *azservicebus.Client
	sender *azservicebus.Sender
}

// New makes a sink. It opens no connection.
func New(o Options) (*Sink, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{opts: o.withDefaults()}
	s.gate = outgate.New(s.opts.Concurrency, o.Changed)
	if _, err := s.current(); err != nil {
		return nil, fmt.Errorf("sink %s: %w", o.Name, err)
	}
	return s, nil
}

// ClosedUntil is when the entity is sent to again, after it refused or failed; zero while it takes deliveries.
func (s *Sink) ClosedUntil() time.Time { return s.gate.Closed() }

// Format prints the name alone: a sink holds a key.
func (s *Sink) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "servicebus "+s.opts.Name) }

const (
	goodbye = 5 * time.Second // for closing a connection
	grace   = time.Second     // in which a call that was cut short may still say how it ended
)

// Close closes the connection.
func (s *Sink) Close() error {
	s.mu.Lock()
	last := s.line
	s.line = nil
	s.mu.Unlock()
	s.hangUp(last)
	s.closing.Wait()
	return nil
}

// hangUp closes a connection in the background: one that was lost may well not answer.
func (s *Sink) hangUp(l *line) {
	if l == nil {
		return
	}
	s.closing.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		_ = bounded.Call(ctx, 0, func() error { return l.client.Close(ctx) })
	})
}

var errUnusable = errors.New("the connection string cannot be used: it needs Endpoint, SharedAccessKeyName and SharedAccessKey, or SharedAccessSignature")

// current is the connection in use, or a new one, which dials when it is first used.
func (s *Sink) current() (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil {
		return s.line, nil
	}
	o := &azservicebus.ClientOptions{ApplicationID: "signalbox-sink", RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}}
	if s.opts.NewConn != nil {
		o.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return s.opts.NewConn(ctx)
		}
	}
	client, err := azservicebus.NewClientFromConnectionString(s.opts.ConnectionString.Reveal(), o)
	if err != nil { // the SDK's text quotes parts of the string
		return nil, errUnusable
	}
	sender, err := client.NewSender(s.opts.Entity, nil)
	if err != nil {
		return nil, errUnusable
	}
	s.line = &line{client, sender}
	return s.line, nil
}

// lost lets the next delivery dial anew.
func (s *Sink) lost(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == l {
		s.line = nil
		s.hangUp(l)
	}
}

// Deliver sends the event once, in its turn. nil: the broker has it.
func (s *Sink) Deliver(ctx context.Context, ev orchestration.Event) error {
	leave, wait := s.gate.Enter(ctx)
	switch {
	case ctx.Err() != nil:
		if leave != nil {
			leave(outgate.Said{})
		}
		return s.cancelled(ctx)
	case leave == nil:
		f := s.fault(fault.Throttled, "", "throttled", "is left alone for a while, because it refused or did not answer")
		f.Wait, f.Code = wait, s.gate.Class()
		return f
	}
	f, verdict := s.send(ctx, ev)
	if f != nil {
		verdict.Class = f.Class
	}
	wait = leave(verdict)
	if f == nil {
		return nil
	}
	if f.Kind == fault.Throttled {
		f.Wait = wait
	}
	return f
}

// send makes the link, asks whether it still may, and sends. Only what fails after that may have arrived.
func (s *Sink) send(ctx context.Context, ev orchestration.Event) (*fault.Error, outgate.Said) {
	l, err := s.current()
	if err != nil {
		return s.fault(fault.Transient, "", "invalid", errUnusable.Error()), outgate.Said{Word: outgate.Failed}
	}
	timed, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	err = bounded.Call(timed, grace, func() error {
		_, err := l.sender.NewMessageBatch(timed, nil) // it needs the link, which says how large a message may be
		return err
	})
	if err != nil {
		return s.failed(ctx, timed, l, err, false)
	}
	if check := claim.Check(ctx); check != nil {
		if err := check(); err != nil {
			f := s.fault(fault.Transient, "", "cancelled", "was not sent to: the claim is over")
			f.Err = err
			return f, outgate.Said{}
		}
	}
	began := time.Now()
	if err := bounded.Call(timed, grace, func() error { return l.sender.SendMessage(timed, s.message(ev), nil) }); err != nil {
		return s.failed(ctx, timed, l, err, true)
	}
	return nil, outgate.Said{Word: outgate.Served, Took: time.Since(began)}
}

// message is the event as it leaves.
func (s *Sink) message(ev orchestration.Event) *azservicebus.Message {
	kind := cloudevent.TypeBinary
	m := &azservicebus.Message{MessageID: &ev.ID, ContentType: &kind, Subject: &ev.Type, ApplicationProperties: cloudevent.Properties(ev), Body: ev.Data}
	if ev.CorrelationID != "" {
		m.CorrelationID = &ev.CorrelationID
	}
	if s.opts.Sessions {
		session := sessionOf(ev)
		m.SessionID = &session
	}
	return m
}

// longestSession is what Service Bus takes as a session id.
const longestSession = 128

// sessionOf is what an event is kept in order with: its subject, or, if it has none, itself. A subject that is too long has its hash's.
func sessionOf(ev orchestration.Event) string {
	switch {
	case ev.Subject == "":
		return ev.ID
	case len(ev.Subject) > longestSession:
		sum := sha256.Sum256([]byte(ev.Subject))
		return hex.EncodeToString(sum[:])
	}
	return ev.Subject
}
