package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/rediscircuit"
)

// What the intake stands still for while nothing can be had of the CSU, by the cause of its circuit.
var pausedByCircuit = map[string]string{csuclient.CauseBlocked: "blocked", csuclient.CauseErrors: "circuit"}

// openBreaker makes this process's view of the fleet's circuits.
func (a *App) openBreaker() {
	if a.parts.LookOnly {
		return // a plan says what the CSU says
	}
	a.breaks = csuclient.NewBreaker(csuclient.BreakerOptions{
		Store: rediscircuit.New(a.redis, a.keys(), a.owner, a.cfg.CSU.ProbeEvery), Every: min(5*time.Second, a.cfg.CSU.ProbeEvery/6), Probe: a.probeCSU, Changed: a.circuitsChanged, Turned: a.metrics.CircuitTurned})
	a.metrics.WatchCircuits(a.breaks)
}

// probeCSU asks for a token and for the cheapest call that needs one, for a channel.
func (a *App) probeCSU(ctx context.Context) error {
	_, err := a.csu.Channel(a.cfg.Channels[0].OUN).ReadEnvironment(ctx)
	return err
}

// guard keeps in touch with the fleet's circuits until ctx ends; stop waits for its end.
func (a *App) guard(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.breaks.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// circuitsChanged stops the intake while the CSU as a whole does not work or does not let us in: what is taken then could only be
// sent away again. As while the gate is shut, our own queues of events go on.
func (a *App) circuitsChanged() {
	if a.worker == nil {
		return
	}
	a.circuits.Lock() // changes may come at once; the last of them sees what is so now
	defer a.circuits.Unlock()
	open := a.breaks.Open()
	names, paused := make([]string, 0, len(open)), ""
	for _, c := range open {
		names = append(names, c.Name+" ("+c.Cause+")")
		if c.Name == csuclient.CircuitCSU {
			paused = pausedByCircuit[c.Cause]
		}
	}
	slices.Sort(names)
	for _, reason := range pausedByCircuit {
		if reason == paused {
			a.worker.Pause(reason, a.alwaysTaken()...)
		} else {
			a.worker.Resume(reason)
		}
	}
	if len(names) == 0 {
		a.log.Info("every circuit is closed: calls of the CSU go again")
		return
	}
	a.log.Info("circuits are open: their calls are not made until a probe is served", zap.String("operation", strings.Join(names, ", ")))
}
