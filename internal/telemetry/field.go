package telemetry

import (
	"context"
	"errors"
	"net/url"
	"runtime"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
)

// The fields of log lines; docs/reference/logs.md says what each means.
const (
	fieldTime          = "time"
	fieldLevel         = "level"
	fieldMessage       = "msg"
	fieldLogger        = "logger"
	fieldServiceName   = "service.name"
	fieldVersion       = "service.version"
	fieldInstance      = "service.instance.id"
	fieldEnvironment   = "deployment.environment.name"
	fieldCorrelationID = "correlation_id"
	fieldEventID       = "event_id"
	fieldEventType     = "event_type"
	fieldEventSource   = "event_source"
	fieldQueue         = "queue"
	fieldMessageID     = "message_id"
	fieldSequence      = "sequence_number"
	fieldDeliveries    = "delivery_count"
	fieldScenario      = "scenario"
	fieldStep          = "step"
	fieldAttempt       = "attempt"
	fieldOutcome       = "outcome"
	fieldErrorType     = "error_type"
	fieldDeadLetter    = "dead_letter_reason"
	fieldReason        = "reason"
	fieldDetail        = "detail"
	fieldCause         = "cause"
	fieldOperation     = "operation"
	fieldStatus        = "http.response.status_code"
	fieldErrorCode     = "csu_error_code"
	fieldRequestID     = "csu_request_id"
	fieldRetryAfter    = "retry_after_s"
	fieldEntity        = "entity"
	fieldDuration      = "duration_s"
	fieldWait          = "wait_s"
	fieldSize          = "size_b"
	fieldError         = "error"
	fieldStack         = "stack"
	fieldCheck         = "check" // internal/app's, as are count, sink and audit_entry
	fieldCount         = "count"
	fieldSink          = "sink"
	fieldAuditEntry    = "audit_entry"
	fieldSchedule      = "schedule"
)

// fields lists them all, for the test of the reference.
var fields = []string{fieldTime, fieldLevel, fieldMessage, fieldLogger, fieldServiceName, fieldVersion, fieldInstance, fieldEnvironment,
	fieldCorrelationID, fieldEventID, fieldEventType, fieldEventSource, fieldQueue, fieldMessageID, fieldSequence, fieldDeliveries,
	fieldScenario, fieldStep, fieldAttempt, fieldOutcome, fieldErrorType, fieldDeadLetter, fieldReason, fieldDetail, fieldCause, fieldOperation,
	fieldStatus, fieldErrorCode, fieldRequestID, fieldRetryAfter, fieldEntity, fieldDuration, fieldWait, fieldSize, fieldError, fieldStack, fieldCheck, fieldCount, fieldSink, fieldAuditEntry, fieldSchedule}

const maxText = 256 // of what a producer chooses: longer text is cut

type messageKey struct{}

// withMessage lets every line below say which message it belongs to.
func withMessage(ctx context.Context, about []zap.Field) context.Context {
	return context.WithValue(ctx, messageKey{}, about)
}

// fieldsOf are the context's message and what the caller adds; empty texts are left out.
func fieldsOf(ctx context.Context, add ...zap.Field) []zap.Field {
	about, _ := ctx.Value(messageKey{}).([]zap.Field)
	all := append([]zap.Field(nil), about...)
	for _, f := range add {
		if f.Key != "" {
			all = append(all, f)
		}
	}
	return all
}

// text is a field unless it is empty; what producers choose is cut to a bearable length.
func text(key, value string) zap.Field {
	if value == "" {
		return zap.Field{}
	}
	if len(value) > maxText {
		value = value[:maxText] + "…"
	}
	return zap.String(key, value)
}

// identity is a GUID as it is and anything else as its keyed hash: producers choose ids, and some choose addresses.
// The hash begins with h-, so that nobody takes it for the id.
func identity(h *keyhash.Hasher, domain, id string) string {
	if id == "" || uuid.Validate(id) == nil {
		return id
	}
	return "h-" + h.Ref(domain, id)
}

// guid is id if it is one, else nothing.
func guid(id string) string {
	if uuid.Validate(id) != nil {
		return ""
	}
	return id
}

// describe is what a log may say of err: our own errors are codes and ids only; of others, a URL is taken out.
func describe(err error) string {
	var address *url.Error
	var ours *fault.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &address): // its text has the whole URL, with keys and queries
		return address.Op + ": " + describe(address.Err)
	case errors.As(err, &ours):
		return ours.Error()
	default:
		return err.Error()
	}
}

// panicOf is what a log may say of a panic's value: the runtime's own words, or only its type.
func panicOf(value any) string {
	if r, ok := value.(runtime.Error); ok {
		return r.Error()
	}
	return "panic"
}

var kindTypes = map[fault.Kind]string{fault.Throttled: "throttled", fault.Conflict: "conflict", fault.Poison: "invalid"}

var brokerTypes = map[string]string{"connlost": "connection_lost", "closed": "connection_lost", "unauthorized": "unauthorized",
	"notfound": "not_found", "timeout": "timeout"}

var knownTypes = closedSet(errorTypes)

// errorType is the label of an error; empty for none.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	var f *fault.Error
	switch {
	case errors.Is(err, worker.ErrLockLost):
		return "lock_lost"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &f) && knownTypes[f.Class]:
		return f.Class
	case f != nil && kindTypes[f.Kind] != "":
		return kindTypes[f.Kind]
	case brokerTypes[worker.ReasonOf(err)] != "":
		return brokerTypes[worker.ReasonOf(err)]
	}
	return otherType
}

// present drops the fields that text left empty.
func present(all ...zap.Field) []zap.Field { return fieldsOf(context.Background(), all...) }
