// Package exit gives every failure of the command line its exit code and its next step. The codes are part of the
// interface: scripts depend on them, and docs/reference/cli.md lists them.
package exit

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
)

// The exit codes.
const (
	Done          = 0
	Failed        = 1
	Usage         = 2
	Partly        = 3   // some of it was done
	Nothing       = 4   // nothing matched
	Configuration = 5   // the configuration is not valid, or names what is not there
	NotAllowed    = 6   // a credential was refused
	Unreachable   = 7   // the broker, Redis or the CSU does not answer
	Interrupted   = 130 // by a signal
)

// Error is a failure with its code. It prints one sentence; Next says what to do about it.
type Error struct {
	Code int
	Err  error  // what went wrong; nil when the output has said it already
	Next string // what to do; may be empty
}

// Error prints the failure.
func (e *Error) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a failure of a code.
func New(code int, what, next string) *Error { return &Error{code, errors.New(what), next} }

// Quiet ends with a code and no message, because the output has said it already.
func Quiet(code int) error {
	if code == Done {
		return nil
	}
	return &Error{Code: code}
}

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// From finds the code and the next step of any failure; nil for a nil error.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	for _, c := range classes {
		if c.is(err) {
			return &Error{c.code, err, c.next}
		}
	}
	return &Error{Failed, err, ""}
}

type class struct {
	is   func(error) bool
	code int
	next string
}

func anyOf(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
}

// classes are asked in order: what is refused is also a network error, to some clients.
var classes = []class{
	{taken, Failed, "see what listens there; another signalbox run of this machine takes an address of its own: admin.listen, 127.0.0.1:0 is a free port"},
	{anyOf(ErrInterrupted, context.Canceled), Interrupted, ""},
	{func(err error) bool { return len(config.Problems(err)) > 0 }, Configuration, "correct them and try: signalbox config check"},
	{anyOf(worker.ErrUnauthorized), NotAllowed, "check the key in servicebus.connection_string: it needs Listen and Send on these queues"},
	{unreachableCSU, Unreachable, "check csu.url and csu.token_url, and that the CSU is up: signalbox doctor"},
	{func(err error) bool { return fault.KindOf(err) == fault.Blocked }, NotAllowed, "check csu.client_id, csu.client_secret, the audience and the role: signalbox doctor"},
	{refusedByRedis, NotAllowed, "check user and password in redis.url"},
	{anyOf(worker.ErrNotFound), Configuration, "create the queue, or correct its name: signalbox config show --origin"},
	{unreachable, Unreachable, "check the address and that it is up: signalbox config show --origin"},
}

// refusedByRedis knows a refused credential by the words that Redis begins its answer with.
func refusedByRedis(err error) bool {
	for _, word := range []string{"WRONGPASS", "NOAUTH", "NOPERM"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}

// unreachableCSU knows a CSU that does not answer: its client hands on no network error, which would name addresses.
func unreachableCSU(err error) bool {
	f := new(fault.Error)
	return errors.As(err, &f) && (f.Class == "network" || f.Class == "timeout")
}

// taken knows an address of ours that another process has.
func taken(err error) bool {
	var own *net.OpError
	return errors.As(err, &own) && own.Op == "listen"
}

func unreachable(err error) bool {
	var network net.Error
	if taken(err) {
		return false
	}
	return errors.As(err, &network) ||
		anyOf(worker.ErrConnectionLost, worker.ErrTimeout, context.DeadlineExceeded)(err)
}
