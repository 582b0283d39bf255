package servicebus

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/signalbox/signalbox/internal/outgate"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func (s *Sink) fault(kind fault.Kind, reason fault.Reason, class, detail string) *fault.Error {
	f := fault.New(kind, reason, "the sink "+s.opts.Name+" "+detail)
	f.Operation, f.Class = "Sink.Deliver", class
	return f
}

func (s *Sink) cancelled(ctx context.Context) *fault.Error {
	f := s.fault(fault.Transient, "", "cancelled", "was not sent to: the run was cut short")
	f.Err = context.Cause(ctx)
	return f
}

// verdict is what a condition of the broker means.
type verdict struct {
	kind   fault.Kind
	reason fault.Reason
	class  string
	detail string
	said   outgate.Word
}

// byCondition has the refusals. What is said of the event is final. What is said of the door (there is nothing here, you may not, it is
// switched off) is said of every event alike, so that a person has to repair something and the events wait; what is said of the load costs
// no attempt.
// Source: Service Bus "AMQP errors", and Microsoft's list of messaging exceptions.
var byCondition = map[amqp.ErrCond]verdict{
	"com.microsoft:server-busy": {fault.Throttled, "", "throttled", "is busy, and asks to wait", outgate.Refused},
	amqp.ErrCondResourceLimitExceeded: {fault.Throttled, "", "throttled",
		"is full: let its receivers catch up, handle its dead letters, or give it a larger maximum size", outgate.Refused},
	amqp.ErrCondMessageSizeExceeded: {fault.Permanent, fault.SinkRejected, "invalid",
		"takes no messages as large as this event: give the queue or topic a larger maximum message size (256 KB in the Standard tier, up to 100 MB in Premium), or keep events of this type from it with types", outgate.Served},
	amqp.ErrCondNotFound: {fault.Transient, "", "not_found",
		"is not there: create the queue or topic, or correct the sink's entity", outgate.Failed},
	amqp.ErrCondUnauthorizedAccess: {fault.Transient, "", "unauthorized",
		"may not be sent to: give the policy of its connection string Send", outgate.Failed},
	"com.microsoft:entity-disabled": {fault.Transient, "", "server_error",
		"is disabled: set the status of the queue or topic to Active", outgate.Failed},
	amqp.ErrCondNotAllowed: {fault.Transient, "", "invalid",
		"does not take such messages: if it demands sessions, set sessions to true", outgate.Failed},
}

var byCode = map[azservicebus.Code]amqp.ErrCond{
	azservicebus.CodeNotFound: amqp.ErrCondNotFound, azservicebus.CodeUnauthorizedAccess: amqp.ErrCondUnauthorizedAccess,
}

// failed explains a delivery that did not succeed; sent: the message may have left. A refusal of the message leaves the link as it is.
func (s *Sink) failed(ctx, timed context.Context, l *line, err error, sent bool) (*fault.Error, outgate.Said) {
	condition, refusal := conditionOf(err)
	if known, ok := byCondition[condition]; ok && (refusal || !sent) {
		if !refusal || known.said == outgate.Failed {
			s.lost(l)
		}
		f := s.fault(known.kind, known.reason, known.class, known.detail)
		f.Code = code(condition)
		return f, outgate.Said{Word: known.said}
	}
	s.lost(l)
	if ctx.Err() != nil {
		f := s.cancelled(ctx)
		if sent {
			f.Kind = fault.Ambiguous
		}
		return f, outgate.Said{}
	}
	class, detail := "network", "dropped the connection, or failed"
	deadline, _ := timed.Deadline() // the SDK puts it on the connection, which may tell before the context does
	if known := (*azservicebus.Error)(nil); !time.Now().Before(deadline) || errors.As(err, &known) && known.Code == azservicebus.CodeTimeout {
		class, detail = "timeout", "did not answer in time"
	}
	f := s.fault(fault.Transient, "", class, detail)
	if sent { // it may still arrive
		f.Kind = fault.Ambiguous
	}
	return f, outgate.Said{Word: outgate.Failed}
}

// conditionOf finds what the broker said; refusal: it said it of the message, on a link that lives.
func conditionOf(err error) (condition amqp.ErrCond, refusal bool) {
	if errors.Is(err, azservicebus.ErrMessageTooLarge) {
		return amqp.ErrCondMessageSizeExceeded, true
	}
	var broken *amqp.LinkError
	var ended *amqp.SessionError
	var cut *amqp.ConnError
	dead := errors.As(err, &broken) || errors.As(err, &ended) || errors.As(err, &cut)
	if raw := (*amqp.Error)(nil); errors.As(err, &raw) {
		return raw.Condition, !dead
	}
	if broken != nil && broken.RemoteErr != nil {
		return broken.RemoteErr.Condition, false
	}
	if known := (*azservicebus.Error)(nil); errors.As(err, &known) {
		return byCode[known.Code], false
	}
	return "", false
}

// code is a condition as a code: the last part of its name.
func code(condition amqp.ErrCond) string {
	text := string(condition)
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == ':' {
			return text[i+1:]
		}
	}
	return text
}
