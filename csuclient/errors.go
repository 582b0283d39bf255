package csuclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/internal/flight"
	"github.com/signalbox/signalbox/internal/retryafter"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ErrNotFound is in the chain of an error that says: the CSU knows no such object.
var ErrNotFound = errors.New("not found")

// errTokenRefused marks the one failure that is worth a second attempt, with a fresh token.
var errTokenRefused = errors.New("token refused")

// The classes of failure: values of the label error_type.
const (
	classTimeout      = "timeout"
	classNetwork      = "network"
	classThrottled    = "throttled"
	classUnauthorized = "unauthorized"
	classNotFound     = "not_found"
	classConflict     = "conflict"
	classInvalid      = "invalid"
	classServerError  = "server_error"
	classCancelled    = "cancelled"
	classOther        = "_OTHER"
)

// uncertain is the kind of a failure that leaves open whether the call had its effect: for a read there is none.
func (o operation) uncertain() fault.Kind {
	if o.write {
		return fault.Ambiguous
	}
	return fault.Transient
}

// fault starts a failure of this operation.
func (o operation) fault(kind fault.Kind, class, detail string) *fault.Error {
	f := fault.New(kind, "", detail)
	f.Operation, f.Class = o.name, class
	if kind == fault.Permanent {
		f.Reason = fault.CsuRejected
	}
	return f
}

// Refused says whether the CSU has refused an operation to our role: now, or before, so that its circuit is open.
func Refused(err error) bool {
	f := fault.As(err)
	return f != nil && (f.Status == http.StatusForbidden || f.Waits == fault.ForCircuit && f.Class == classUnauthorized)
}

// bug is a call that must not be made: nothing was sent.
func (o operation) bug(detail string) *fault.Error {
	f := o.fault(fault.Permanent, classInvalid, detail)
	f.Reason = fault.Bug
	return f
}

// notFound says that there is no such object.
func (o operation) notFound(status int) *fault.Error {
	f := o.fault(fault.Permanent, classNotFound, "")
	f.Status, f.Err = status, ErrNotFound
	return f
}

// unreadable is a success whose body says nothing that can be understood.
func (o operation) unreadable(a *answer, detail string) *fault.Error {
	f := o.fault(o.uncertain(), classServerError, detail)
	f.Status, f.RequestID = a.status, requestID(a.header, "")
	return f
}

// refusal reads an answer that is no success. The error's id goes first, then the status; the exception's type decides
// only what a plain 400 leaves open, for beside a 5xx it proves nothing about a write.
func (o operation) refusal(a *answer, now time.Time) *fault.Error {
	c := parseComplaint(a.body)
	code, v, byType := c.verdict()
	wait, told := retryafter.Parse(a.header, now)
	var f *fault.Error
	switch {
	case a.status == http.StatusTooManyRequests:
		f = o.fault(fault.Throttled, classThrottled, "")
		f.Wait = wait
	case a.status == http.StatusServiceUnavailable && told:
		f = o.fault(fault.Throttled, classThrottled, "")
		if o.write {
			f.Kind = fault.Ambiguous
		}
		f.Wait = wait
	case v == unlisted, byType && a.status != http.StatusBadRequest:
		f = o.byStatus(a.status, c.found)
	default:
		f = o.byVerdict(v)
	}
	if a.status == http.StatusUnauthorized {
		f.Class, f.Err = classUnauthorized, errTokenRefused
	}
	if said := c.violated(); said != "" && f.Kind == fault.Permanent {
		f.Detail = said
	}
	f.Status, f.Code, f.RequestID = a.status, code, requestID(a.header, c.correlationID)
	return f
}

func (o operation) byVerdict(v verdict) *fault.Error {
	switch v {
	case missing:
		return o.notFound(0)
	case outdated:
		return o.fault(fault.Conflict, classConflict, "")
	case unsettled:
		return o.fault(o.uncertain(), classServerError, "")
	case away: // the answer says why, not whether: a write may have got through before the connection went
		f := o.fault(o.uncertain(), classServerError, "headquarters cannot be reached")
		f.Waits = fault.ForHQ
		return f
	case premature:
		f := o.fault(fault.Dependency, classConflict, "headquarters has not converted the asynchronously created customer yet")
		f.Waits = fault.ForPromotion
		return f
	case stale:
		f := o.fault(fault.Blocked, classUnauthorized, "check the relying party and its server resource id in headquarters")
		f.Err = errTokenRefused
		return f
	case forbidden:
		return o.fault(fault.Blocked, classUnauthorized, "not permitted to the application's role")
	case misplaced:
		return o.fault(fault.Blocked, classInvalid, "the CSU is not set up for this client: check audience, channel and address")
	default:
		return o.fault(fault.Permanent, classInvalid, "")
	}
}

func (o operation) byStatus(status int, ofCSU bool) *fault.Error {
	switch {
	case status == http.StatusUnauthorized:
		return o.byVerdict(stale)
	case status == http.StatusForbidden:
		return o.byVerdict(forbidden)
	case status == http.StatusNotFound && ofCSU:
		return o.notFound(0)
	case status == http.StatusNotFound: // some gateway's page: the service was not there
		return o.fault(o.uncertain(), classServerError, "the service did not answer for itself")
	case status == http.StatusProxyAuthRequired, status < 200, status >= 300 && status < 400:
		return o.fault(fault.Blocked, classNetwork, "another endpoint was named or put in between: check the address of the CSU")
	case status == http.StatusRequestTimeout:
		return o.fault(o.uncertain(), classTimeout, "")
	case status == http.StatusConflict:
		return o.fault(fault.Conflict, classConflict, "")
	case status >= 500:
		return o.fault(o.uncertain(), classServerError, "")
	default:
		return o.fault(fault.Permanent, classInvalid, "")
	}
}

// broken explains a round trip without an answer. The error itself is dropped: it may hold addresses and URLs.
// ctx is the caller's; f tells whether the request may have left.
func (o operation) broken(ctx context.Context, err error, f *flight.Flight) *fault.Error {
	out := o.network(ctx, err)
	if guard := f.Refused(); guard != nil {
		out = o.notOurs(guard)
	}
	if f.Left() {
		out.Kind = o.uncertain()
	}
	return out
}

// notOurs is a request stopped by Call.StillOurs.
func (o operation) notOurs(err error) *fault.Error {
	f := o.fault(fault.Transient, classCancelled, "stopped before it was sent")
	f.Err = err
	return f
}

// cancelled is a call whose caller gave up, or whose time was over, before anything was sent.
func (o operation) cancelled(ctx context.Context) *fault.Error {
	f := o.fault(fault.Transient, classCancelled, "")
	f.Err = context.Canceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Class, f.Err = classTimeout, context.DeadlineExceeded
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, f.Err) {
		f.Err = fmt.Errorf("%w: %w", f.Err, cause)
	}
	return f
}

// network gives an error of the network the kind it has when nothing was sent.
func (o operation) network(ctx context.Context, err error) *fault.Error {
	if ctx.Err() != nil {
		return o.cancelled(ctx)
	}
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return o.fault(fault.Blocked, classNetwork, "unknown host")
	case ofCertificate(err):
		return o.fault(fault.Blocked, classNetwork, "the server's certificate is not trusted")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		f := o.fault(fault.Transient, classTimeout, "no answer in time")
		f.Err = context.DeadlineExceeded
		return f
	case errors.Is(err, syscall.ECONNREFUSED):
		return o.fault(fault.Transient, classNetwork, "connection refused")
	case errors.Is(err, errTooLarge):
		f := o.fault(fault.Transient, classServerError, "the answer is too large")
		f.Err = errTooLarge
		return f
	default:
		return o.fault(fault.Transient, classNetwork, "connection failed")
	}
}

func ofCertificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		noTLS        tls.RecordHeaderError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &noTLS)
}

// result is the label under which an attempt is counted.
func result(f *fault.Error) string {
	if f == nil {
		return ResultOK
	}
	switch f.Class {
	case classNotFound:
		return ResultNotFound
	case classConflict:
		return ResultConflict
	case classInvalid:
		return ResultClientError
	case classUnauthorized:
		return ResultUnauthorized
	case classThrottled:
		return ResultThrottled
	case classServerError:
		return ResultServerError
	case classTimeout:
		return ResultTimeout
	default:
		return ResultNetwork
	}
}
