package app

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/worker"
)

// farPace is a Pace that keeps pauses and is some way off.
type farPace struct {
	way time.Duration // there, and again back

	mu    sync.Mutex
	rev   int64
	until time.Time
}

func (p *farPace) asked(change func()) (csuclient.PaceState, error) {
	time.Sleep(p.way)
	defer time.Sleep(p.way)
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.until.IsZero() {
		return csuclient.PaceState{Rev: p.rev}, nil
	}
	return csuclient.PaceState{Rev: p.rev, Paced: true, Rate: 10, Shut: true, Until: max(time.Until(p.until), 0)}, nil
}

func (p *farPace) Refused(_ context.Context, r csuclient.Refusal) (csuclient.PaceState, error) {
	return p.asked(func() {
		if r.Rev == p.rev { // of several on their way together only the first says something new
			p.rev++
		}
		if until := time.Now().Add(r.Wait); until.After(p.until) {
			p.until = until
		}
	})
}

func (p *farPace) Take(context.Context, string, int, int) (csuclient.Moments, error) {
	s, err := p.asked(func() {})
	return csuclient.Moments{PaceState: s, Again: s.Until}, err
}

func (p *farPace) Probed(_ context.Context, _ string, _ int64, served bool) (csuclient.PaceState, error) {
	return p.asked(func() {
		if served {
			p.until = time.Time{}
		}
	})
}

func (p *farPace) Look(context.Context) (csuclient.PaceState, error) { return p.asked(func() {}) }

// namedQueue is a queue that nobody takes from here.
type namedQueue struct {
	worker.Queue
	name string
}

func (q namedQueue) Name() string { return q.name }

func TestTheIntakeGoesOnWhenAPauseOfTheCSUIsOverHoweverFarRedisIs(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]time.Duration{
		"at hand": 0, "near": 20 * time.Microsecond, "usual": 2 * time.Millisecond, "far": 100 * time.Millisecond, "very far": 400 * time.Millisecond,
	} {
		for _, calls := range []int{1, 8} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { refuse(t, &farPace{way: way}, calls) })
			})
		}
	}
}

// refuse has calls refused for some seconds, and says when the intake must stand still and when not.
func refuse(t *testing.T, pace csuclient.Pace, calls int) {
	w, err := worker.New(worker.Options{Intakes: []worker.Intake{{Queue: namedQueue{name: "events"}, Slots: 1, OwnQueue: "own"}},
		Handler: struct{ worker.Handler }{}, Outbox: struct{ worker.Outbox }{}})
	require.NoError(t, err)
	a := &App{cfg: &config.Config{}, log: zap.NewNop(), worker: w}
	a.gate = csuclient.NewFleetGate(csuclient.FleetGateOptions{Pace: pace, Changed: a.gateChanged})
	var wait sync.WaitGroup
	for i := range calls {
		wait.Go(func() {
			end, err := a.gate.Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, Operation: "Customers.Read", MaxWait: time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Duration(50+i) * time.Millisecond)
			end(csuclient.Load{Refused: true, Told: true, Wait: 5 * time.Second})
		})
	}
	wait.Wait()
	until := a.gate.ClosedUntil()
	require.Greater(t, time.Until(until), 4*time.Second)
	time.Sleep(time.Until(until) - time.Millisecond)
	require.Equal(t, []string{pausedByGate}, w.Paused())
	time.Sleep(3 * time.Millisecond)
	synctest.Wait()
	require.Empty(t, w.Paused(), "so that a message can be the probe")
}
