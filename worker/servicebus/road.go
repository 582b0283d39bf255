package servicebus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/signalbox/signalbox/worker"
)

// emulatorPort is where the emulator's administration API is by default.
const emulatorPort = "5300"

// road takes the administration client's requests to where the API is. The SDK writes https and the namespace's host into
// each, also for an emulator; tokens are made for those, so only the way changes. It follows no redirection, which would
// take a token elsewhere, and looks at the clock of whoever answers.
type road struct {
	client   http.Client
	endpoint *url.URL // nil: where the SDK wants to go

	mu   sync.Mutex
	lead time.Duration
	seen bool
}

func (o AdminOptions) road() (*road, error) {
	endpoint, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if base, ok := http.DefaultTransport.(*http.Transport); ok && transport == nil {
		transport = base.Clone() // our own connections, so that Close is ours too
	}
	return &road{
		client: http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoint: endpoint,
	}, nil
}

// endpoint is where requests go; nil for where the SDK sends them.
func (o AdminOptions) endpoint() (*url.URL, error) {
	host, emulator := emulated(o.ConnectionString.Reveal())
	if o.Endpoint == "" {
		if emulator {
			return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, emulatorPort)}, nil
		}
		return nil, nil
	}
	u, err := url.Parse(o.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("servicebus: the administration endpoint is not an address like https://host or http://localhost:5300")
	case u.Scheme == "http" && !emulator:
		return nil, errors.New("servicebus: the administration endpoint is http, which only an emulator's may be (UseDevelopmentEmulator=true in the connection string)")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// emulated says whether a connection string is an emulator's, and names its host.
func emulated(connection string) (host string, ok bool) {
	for part := range strings.SplitSeq(connection, ";") {
		key, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(key) {
		case "endpoint":
			if u, err := url.Parse(value); err == nil {
				host = u.Hostname()
			}
		case "usedevelopmentemulator":
			ok, _ = strconv.ParseBool(value)
		}
	}
	return host, ok
}

// Do implements azcore's policy.Transporter.
func (r *road) Do(request *http.Request) (*http.Response, error) {
	if r.endpoint != nil {
		request = request.Clone(request.Context())
		request.URL.Scheme, request.URL.Host = r.endpoint.Scheme, r.endpoint.Host
	}
	asked := time.Now()
	response, err := r.client.Do(request)
	if err == nil {
		r.note(response.Header.Get("Date"), asked, time.Now())
	}
	return response, err
}

// note compares clocks. A Date has whole seconds: the broker's time was between it and a second later.
func (r *road) note(date string, asked, answered time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = true
	r.lead = at.Add(time.Second / 2).Sub(asked.Add(answered.Sub(asked) / 2))
}

func (r *road) ahead() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lead, r.seen
}

// administrative gives an error of the administration client its meaning. The SDK's texts hold addresses and whole answers.
func administrative(ctx context.Context, err error) error {
	var refused *azcore.ResponseError
	var network *url.Error
	switch {
	case errors.As(err, &refused):
		return ofStatus(refused.StatusCode)
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return worker.ErrTimeout
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w", worker.ErrConnectionLost, network.Err)
	default:
		return fmt.Errorf("the administration API cannot be used: %T", err)
	}
}

func ofStatus(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return worker.ErrUnauthorized
	case http.StatusNotFound:
		return worker.ErrNotFound
	}
	return fmt.Errorf("the administration API answered %d", status)
}
