// Package simulate serves the stand-ins on sockets of their own, for whoever wants one without the rest of
// Signalbox, and says which environment makes a fleet use it.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// Variable is one variable of an environment.
type Variable struct{ Name, Value string }

// Ready is told once, when connections are accepted.
type Ready func(listening []string, env []Variable)

// ServiceBus is what a broker is made from. An address that is empty is not served; one that is only Usual gives way to any
// free port when it is taken.
type ServiceBus struct {
	Listen         string
	Administration Address
	Admin          string // on which it is told to misbehave
	Queues         []servicebus.Queue
	SinkQueues     []servicebus.Queue // made, too, and no sources: a fleet sends to them
	Topics         []servicebus.Topic
}

// Address is where to listen, and whether another port will do.
type Address struct {
	At    string
	Usual bool
}

// Serve serves the broker, its administration API and its fault port until the context ends.
func (s ServiceBus) Serve(ctx context.Context, ready Ready) (err error) {
	broker, err := servicebus.New(servicebus.Options{Queues: slices.Concat(s.Queues, s.SinkQueues), Topics: s.Topics})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	l, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	listening := []string{l.Addr().String()}
	env := brokerEnvironment(broker.ConnectionString(l.Addr().String()), s.Queues, s.Topics)
	group, ctx := errgroup.WithContext(ctx)
	if s.Administration.At != "" {
		a, err := s.Administration.listen(ctx)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		listening = append(listening, a.Addr().String())
		env = append(env, Variable{"SIGNALBOX_SERVICEBUS_ADMIN_ENDPOINT", "http://" + a.Addr().String()})
		serve(ctx, group, a, broker.AdministrationHandler(), func() {})
	}
	if s.Admin != "" {
		a, err := listen(ctx, s.Admin)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		listening = append(listening, a.Addr().String())
		serve(ctx, group, a, broker.FaultHandler(), func() {})
	}
	group.Go(func() error {
		if err := broker.Serve(l); !errors.Is(err, servicebus.ErrClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return broker.Close()
	})
	ready(listening, env)
	return group.Wait()
}

func (a Address) listen(ctx context.Context) (net.Listener, error) {
	l, err := listen(ctx, a.At)
	if err == nil || !a.Usual {
		return l, err
	}
	host, _, _ := net.SplitHostPort(a.At)
	return listen(ctx, net.JoinHostPort(host, "0"))
}

// CSU is what a scale unit's simulator is made from.
type CSU struct {
	Listen, Admin string
	Options       csu.Options
	Faults        []csu.Fault
}

// Serve serves the simulator and its admin port until the context ends.
func (c CSU) Serve(ctx context.Context, ready Ready) error {
	sim := csu.New(c.Options)
	defer sim.Close()
	for _, f := range c.Faults {
		if _, err := sim.Inject(f); err != nil {
			return err
		}
	}
	front, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, c.Admin)
	if err != nil {
		return errors.Join(err, front.Close())
	}
	ready([]string{front.Addr().String(), admin.Addr().String()}, c.environment("http://"+front.Addr().String()))
	group, ctx := errgroup.WithContext(ctx)
	serve(ctx, group, front, sim.Handler(), sim.Close)
	serve(ctx, group, admin, sim.AdminHandler(), func() {})
	return group.Wait()
}

// Sink is what a receiver's simulator is made from.
type Sink struct {
	Listen, Admin string
	Options       sink.Options
	Faults        []sink.Fault
}

// Serve serves the receiver and its admin port until the context ends.
func (s Sink) Serve(ctx context.Context, ready Ready) error {
	sim, err := sink.New(s.Options)
	if err != nil {
		return &exit.Error{Code: exit.Usage, Err: err, Next: "make one with: echo whsec_$(openssl rand -base64 32)"}
	}
	defer sim.Close()
	for _, f := range s.Faults {
		if _, err := sim.Inject(f); err != nil {
			return err
		}
	}
	front, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, s.Admin)
	if err != nil {
		return errors.Join(err, front.Close())
	}
	ready([]string{front.Addr().String(), admin.Addr().String()}, s.environment("http://"+front.Addr().String()))
	group, ctx := errgroup.WithContext(ctx)
	serve(ctx, group, front, sim.Handler(), sim.Close)
	serve(ctx, group, admin, sim.AdminHandler(), func() {})
	return group.Wait()
}

func serve(ctx context.Context, group *errgroup.Group, l net.Listener, h http.Handler, before func()) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		before()
		return server.Close()
	})
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &exit.Error{Code: exit.Failed, Err: fmt.Errorf("listen on %s: %w", address, err), Next: "choose another address: --listen 127.0.0.1:0 takes a free port"}
	}
	return l, nil
}

// Local says whether only this machine can reach an address.
func Local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
