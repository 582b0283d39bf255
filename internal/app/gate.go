package app

import (
	"time"

	"go.uber.org/zap"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/redisgate"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// pausedByGate is the reason for which the intake stands still while the CSU has asked for a pause.
const pausedByGate = "gate"

// shortPause is what messages in hand wait out, without a pause of the intake.
const shortPause = 2 * time.Second

// openGate makes the fleet's budget of the CSU.
func (a *App) openGate() {
	a.gate = csuclient.NewFleetGate(csuclient.FleetGateOptions{
		Own: csuclient.GateOptions{Concurrency: a.cfg.CSU.Concurrency}, Pace: redisgate.New(a.redis, a.keys(), a.owner), Changed: a.gateChanged})
	a.metrics.WatchGate(a.gate)
}

// gateSeen hands on what a claim heard of the gate.
func (a *App) gateSeen(s redisstore.GateSeen) {
	a.gate.Heard(csuclient.PaceState{Rev: s.Rev, Paced: s.Paced, Rate: a.gate.Rate(), Shut: s.Shut, Until: s.Until}, s.Asked)
}

// alwaysTaken are the queues whose intake goes on while the CSU wants to be left alone.
func (a *App) alwaysTaken() []string {
	return []string{a.cfg.ServiceBus.OwnQueue.Live, a.cfg.ServiceBus.OwnQueue.Bulk}
}

// gateChanged stops the intake while the CSU wants to be left alone: what is taken then could only be sent away again. Our own
// queues of events go on: they bring what sinks are told, and what waits for the CSU is due there when the pause is over.
func (a *App) gateChanged(until time.Time) {
	if a.worker == nil {
		return // a plan's
	}
	left := time.Until(until)
	if until.IsZero() || left <= 0 {
		a.worker.Resume(pausedByGate)
		a.log.Debug("the gate is open")
		return
	}
	a.log.Debug("the gate is shut", zap.Float64("retry_after_s", left.Seconds()))
	if left < shortPause {
		return
	}
	a.worker.Pause(pausedByGate, a.alwaysTaken()...)
	a.resumeIn(left)
}

// resumeIn ends the pause of the intake when the gate's is over, for the probe takes a message. A pause that becomes a little longer
// the gate does not tell, and Redis's answer to a refusal makes it longer by its round trip: whoever comes too early comes again.
func (a *App) resumeIn(left time.Duration) {
	time.AfterFunc(max(left, time.Millisecond), func() {
		if left := time.Until(a.gate.ClosedUntil()); left > 0 {
			a.resumeIn(left)
			return
		}
		a.worker.Resume(pausedByGate)
	})
}
