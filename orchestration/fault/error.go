package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Error is a failure with its kind. Every field is safe to log, to count and to put on a dead letter.
type Error struct {
	Kind      Kind
	Reason    Reason        // for Permanent and Poison: what the dead letter says; may be empty for the rest
	Operation string        // what was being done: a CSU call template such as Customers.Create, or a step's own words
	Status    int           // HTTP status, 0 if there was no answer
	Code      string        // the target's stable error code, allow-listed or empty
	RequestID string        // the target's own request id, for its support
	Pointer   string        // JSON pointer of the offending field
	Detail    string        // one sentence without personal data: what is wrong and what to do
	Wait      time.Duration // Throttled: how long the server asked for, 0 if it did not say; Dependency, Blocked: when to look again
	Waits     Wait          // Dependency: what for; empty: a binding that is not there. Transient, Ambiguous: what it fails for, and will until that is there; empty: not known
	Class     string        // error_type label: timeout, network, throttled, unauthorized, not_found, conflict, invalid, server_error, ...
	Err       error         // the cause, already free of personal data; may be nil
}

// Error prints operation, status, code, pointer and detail: codes and identifiers only.
func (e *Error) Error() string {
	parts := make([]string, 0, 6)
	if e.Operation != "" {
		parts = append(parts, e.Operation)
	}
	parts = append(parts, e.Kind.String())
	if e.Reason != "" {
		parts[len(parts)-1] += " (" + string(e.Reason) + ")"
	}
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	for _, s := range []string{e.Code, e.Pointer, e.Detail} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// briefly is the longest Brief.
const briefly = 80

// Brief says what failed in codes alone, for places where space is dear: the operation, the status or else the class, the
// target's code, as in "Customers.Create 400 InvalidStateProvince". Empty if none of them is known. It holds printable ASCII
// without the sign |, and at most 80 characters.
func (e *Error) Brief() string {
	parts := make([]string, 0, 3)
	status := e.Class
	if e.Status != 0 {
		status = strconv.Itoa(e.Status)
	}
	for _, s := range []string{e.Operation, status, e.Code} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '|' {
			return -1
		}
		return r
	}, strings.Join(parts, " "))
	return text[:min(len(text), briefly)]
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a failure of a kind with one sentence of detail.
func New(kind Kind, reason Reason, detail string) *Error {
	return &Error{Kind: kind, Reason: reason, Detail: detail}
}

// Wrap gives err a kind; operation says what was being done.
func Wrap(kind Kind, operation string, err error) *Error {
	return &Error{Kind: kind, Operation: operation, Err: err}
}

// As finds the failure in err's chain, or makes an Unknown one around err. It is nil for a nil error.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Kind: Unknown, Err: err}
}

// KindOf is the kind of err: Unknown for nil and for errors without one.
func KindOf(err error) Kind {
	if f := As(err); f != nil {
		return f.Kind
	}
	return Unknown
}

// FailedAt says of an HTTP status that a system failed at what it was asked: 5xx, but 502, 503 and 504, which what stands before it says of a system
// that is down or under repair, perhaps for days (RFC 9110, 15.6.3 to 15.6.5).
func FailedAt(status int) bool { return status >= 500 && (status < 502 || status > 504) }
