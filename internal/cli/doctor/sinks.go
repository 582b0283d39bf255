package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

const connecting = 10 * time.Second

// Sinks examines the sink table: whether each address takes a connection. Nothing is sent.
func Sinks(cfg *config.Config) Part {
	return func(ctx context.Context) (all []Finding) {
		for _, s := range cfg.Sinks {
			switch s.Type {
			case config.SinkFile:
				all = append(all, file(s))
			case config.SinkServiceBus:
				all = append(all, entity(ctx, s, s.Namespace(cfg)))
			default:
				all = append(all, webhook(ctx, s))
			}
		}
		if len(all) == 0 {
			return []Finding{ok(checkSinkReach, "", "no sink is told anything")}
		}
		return all
	}
}

func webhook(ctx context.Context, s config.SinkRow) Finding {
	return reached(ctx, checkSinkReach, s.Name, s.Address())
}

// entity opens a link to the queue or topic of a sink.
func entity(ctx context.Context, s config.SinkRow, connection secret.String) Finding {
	call, done := context.WithTimeout(ctx, connecting)
	defer done()
	bus, err := servicebus.Open(servicebus.Options{ConnectionString: connection, CallTimeout: connecting, ApplicationID: "signalbox-cli",
		Retry: azservicebus.RetryOptions{MaxRetries: 1, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: time.Second}})
	if err != nil {
		return fail(checkSinkReach, s.Name, "its connection string cannot be used", "copy it anew from a shared access policy of the namespace")
	}
	defer func() { _ = bus.Close(call) }()
	switch err := bus.CanSend(call, s.Entity); {
	case err == nil:
		return ok(checkSinkReach, s.Name, "may be sent to")
	case errors.Is(err, worker.ErrNotFound):
		return fail(checkSinkReach, s.Name, "its queue or topic is not there", "create it, or correct the sink's entity")
	case errors.Is(err, worker.ErrUnauthorized):
		return fail(checkSinkReach, s.Name, "may not be sent to", "give the policy of its connection string Send")
	default:
		return fail(checkSinkReach, s.Name, "takes no link to send by", "check its connection_string, the status of its queue or topic, and the network")
	}
}

// Steps examines the systems that configured steps call, in the same way.
func Steps(cfg *config.Config) Part {
	return func(ctx context.Context) (all []Finding) {
		for _, s := range cfg.Scenarios.Steps {
			if s.URL != "" {
				all = append(all, reached(ctx, checkStepReach, s.Scenario+"/"+s.Name, s.URL))
			}
		}
		if len(all) == 0 {
			return []Finding{ok(checkStepReach, "", "no configured step calls another system")}
		}
		return all
	}
}

// reached says whether an address takes a connection, with TLS where that is its scheme.
func reached(ctx context.Context, check, name, address string) Finding {
	const do = "check its address and the network"
	u, err := url.Parse(address)
	if err != nil { // it may hold a credential: it is not quoted
		return fail(check, name, "its address cannot be read", do)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	call, done := context.WithTimeout(ctx, connecting)
	defer done()
	conn, err := (&net.Dialer{}).DialContext(call, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fail(check, name, "takes no connection", do)
	}
	defer conn.Close()
	if u.Scheme == "https" {
		if err := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}).HandshakeContext(call); err != nil {
			return fail(check, name, "its certificate is not trusted, or it speaks no TLS", "see that it has a certificate of a known authority for its name")
		}
	}
	return ok(check, name, "takes a connection")
}

// file looks at the folder: the fleet may run elsewhere, so what is not there is no failure.
func file(s config.SinkRow) Finding {
	folder := filepath.Dir(s.Path)
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return warn(checkSinkReach, s.Name, "its folder is not on this machine", "see that it is where the fleet runs")
	case !info.IsDir():
		return fail(checkSinkReach, s.Name, "its folder is none", "correct the sink's path")
	}
	return ok(checkSinkReach, s.Name, "its folder is there")
}
