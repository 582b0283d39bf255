package httpout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/internal/outgate"
	"github.com/signalbox/signalbox/internal/retryafter"
	"github.com/signalbox/signalbox/orchestration/fault"
)

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
)

func (c *Client) fault(kind fault.Kind, reason fault.Reason, class, detail string) *fault.Error {
	f := fault.New(kind, reason, c.opts.Who+" "+detail)
	f.Operation, f.Class = c.opts.Operation, class
	return f
}

// answered reads a status. What a receiver says of the event is final; what it says of the door (who are you, there is nothing
// here, go elsewhere) waits for a person like a receiver that is down, because it is said of every event alike: dead-lettering
// them all at once would help nobody.
func (c *Client) answered(status int, h http.Header) (*fault.Error, outgate.Said) {
	f, verdict := c.verdict(status, h)
	if f != nil {
		f.Status = status
	}
	return f, verdict
}

func (c *Client) verdict(status int, h http.Header) (*fault.Error, outgate.Said) {
	wait, told := retryafter.Parse(h, time.Now())
	down := outgate.Said{Word: outgate.Failed}
	switch {
	case status >= 200 && status < 300:
		return nil, outgate.Said{Word: outgate.Served}
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && told:
		return c.fault(fault.Throttled, "", classThrottled, "asks to wait"), outgate.Said{Word: outgate.Refused, Wait: wait}
	case status < 400:
		return c.fault(fault.Transient, "", classNetwork, "sends requests elsewhere; set its url to where it really is"), down
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return c.fault(fault.Transient, "", classUnauthorized, "does not accept our secret or address; compare its secret with ours"), down
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return c.fault(fault.Transient, "", classNotFound, "has nothing at its url that takes such requests"), down
	case status == http.StatusRequestTimeout:
		return c.fault(fault.Ambiguous, "", classTimeout, "did not get the whole request in time"), down
	case status == http.StatusTooEarly:
		return c.fault(fault.Transient, "", classServerError, "asks for the request once more"), down
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout: // whoever is behind may still be at it
		return c.fault(fault.Ambiguous, "", classServerError, "did not answer for itself"), down
	case status >= 500:
		return c.fault(fault.Transient, "", classServerError, "failed"), down
	case status == http.StatusGone:
		return c.fault(fault.Permanent, c.opts.Refused, classNotFound, "is gone for good, it says; take it out of the configuration"), outgate.Said{Word: outgate.Served}
	case status == http.StatusConflict:
		return c.fault(fault.Permanent, c.opts.Refused, classConflict, "refused the event for good"), outgate.Said{Word: outgate.Served}
	}
	return c.fault(fault.Permanent, c.opts.Refused, classInvalid, "refused the event for good"), outgate.Said{Word: outgate.Served}
}

// broken explains a round trip without an answer. The error itself is dropped: it holds the URL. What may have left is
// ambiguous: it may still arrive.
func (c *Client) broken(ctx context.Context, err error, left bool) (*fault.Error, outgate.Said) {
	if ctx.Err() != nil {
		f := c.cancelled(ctx)
		if left {
			f.Kind = fault.Ambiguous
		}
		return f, outgate.Said{}
	}
	class, detail := network(err)
	f := c.fault(fault.Transient, "", class, detail)
	if left {
		f.Kind = fault.Ambiguous
	}
	return f, outgate.Said{Word: outgate.Failed}
}

// over is a request that we stopped ourselves; left: not before a part of it may have been sent.
func (c *Client) over(lost error, left bool) *fault.Error {
	f := c.fault(fault.Transient, "", classCancelled, "was not asked: the claim is over")
	if left {
		f = c.fault(fault.Ambiguous, "", classCancelled, "was not sent the whole request: the claim is over")
	}
	f.Err = lost
	return f
}

func (c *Client) cancelled(ctx context.Context) *fault.Error {
	f := c.fault(fault.Transient, "", classCancelled, "was not asked: the run was cut short")
	f.Err = context.Cause(ctx)
	return f
}

func network(err error) (class, detail string) {
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.Is(err, errAddress):
		return classInvalid, "has an address that is never told anything: one of this machine, of the link, or of the cloud's own services"
	case errors.As(err, &dns) && dns.IsNotFound:
		return classNetwork, "is at a host that nobody knows"
	case errors.As(err, &untrusted), errors.As(err, &noTLS):
		return classNetwork, "has a certificate that is not trusted"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return classTimeout, "did not answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return classNetwork, "refuses connections"
	}
	return classNetwork, "dropped the connection"
}
