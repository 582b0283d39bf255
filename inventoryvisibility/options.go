package inventoryvisibility

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/internal/secret"
)

// The defaults of Options.
const (
	DefaultTimeout     = 30 * time.Second
	DefaultConcurrency = 4
)

// Options of a Client. Zero values mean the default, where there is one.
type Options struct {
	BaseURL      string // the service's endpoint, as the Inventory Visibility app shows it
	TokenURL     string // Entra's token endpoint, v2
	SecurityURL  string // the security service of the region; the general one answers with a redirect, and redirects are not followed
	ClientID     string // an application that is registered for the add-in
	ClientSecret secret.String
	Environment  string // id of the environment

	Timeout     time.Duration // of one request; default 30 s
	Concurrency int           // requests at once from one process; default 4

	AllowPlaintext bool // permit http:// to another machine: tokens go in clear

	// Changed is told when the service is left alone, until when at first, and with zero when it is asked again; nil: nobody is.
	Changed func(until time.Time, class string)

	RootCAs *x509.CertPool // trusted authorities; default: the system's
	// DialContext replaces the network in tests, and with it the check of addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Wrap puts a boundary around every request to the service, not around those for tokens; see httpout.Options.
	Wrap func(next http.RoundTripper) http.RoundTripper
}

// Validate reports everything that is wrong, naming fields and no values.
func (o Options) Validate() error {
	var errs []error
	for _, f := range []struct{ name, value string }{{"BaseURL", o.BaseURL}, {"TokenURL", o.TokenURL}, {"SecurityURL", o.SecurityURL}} {
		switch err := httpout.CheckURL(f.value, o.AllowPlaintext); {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
		case httpout.HasQuery(f.value):
			errs = append(errs, fmt.Errorf("%s: has a query", f.name))
		}
	}
	for _, f := range []struct {
		name  string
		lacks bool
	}{{"ClientID", o.ClientID == ""}, {"ClientSecret", o.ClientSecret.IsZero()}, {"Environment", o.Environment == ""}} {
		if f.lacks {
			errs = append(errs, fmt.Errorf("%s: is required", f.name))
		}
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("%s: is negative", "Timeout"))
	}
	if o.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("%s: is negative", "Concurrency"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Concurrency == 0 {
		o.Concurrency = DefaultConcurrency
	}
	return o
}
