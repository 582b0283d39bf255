package wire

import "fmt"

// Error conditions of AMQP and of Service Bus.
const (
	CondInternalError      Symbol = "amqp:internal-error"
	CondNotFound           Symbol = "amqp:not-found"
	CondNotAllowed         Symbol = "amqp:not-allowed"
	CondNotImplemented     Symbol = "amqp:not-implemented"
	CondInvalidField       Symbol = "amqp:invalid-field"
	CondDecodeError        Symbol = "amqp:decode-error"
	CondUnauthorizedAccess Symbol = "amqp:unauthorized-access"
	CondResourceLimit      Symbol = "amqp:resource-limit-exceeded"

	CondConnectionForced Symbol = "amqp:connection:forced"
	CondFramingError     Symbol = "amqp:connection:framing-error"

	CondWindowViolation  Symbol = "amqp:session:window-violation"
	CondHandleInUse      Symbol = "amqp:session:handle-in-use"
	CondUnattachedHandle Symbol = "amqp:session:unattached-handle"
	CondDetachForced     Symbol = "amqp:link:detach-forced"
	CondMessageSize      Symbol = "amqp:link:message-size-exceeded"
	CondMessageLockLost  Symbol = "com.microsoft:message-lock-lost"
	CondMessageNotFound  Symbol = "com.microsoft:message-not-found"
	CondDeadLetter       Symbol = "com.microsoft:dead-letter"
	CondArgumentError    Symbol = "com.microsoft:argument-error"
	CondEntityDisabled   Symbol = "com.microsoft:entity-disabled"
)

// Error is the AMQP error a peer is told, or tells.
type Error struct {
	Condition   Symbol
	Description string
	Info        map[Symbol]any
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Condition, e.Description) }

func (e *Error) code() uint64 { return 0x1d }

func (e *Error) fields() []any {
	return []any{e.Condition, nonZero(e.Description), mapOrNil(e.Info)}
}
