package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/csuclient"
)

type csuMetrics struct {
	requests, csuErrors, tokens, gateWait, circuitTurns *prometheus.CounterVec
	requestDuration                                     *prometheus.HistogramVec
	retryAfter                                          prometheus.Observer
	csuInflight, tokenExpiry                            prometheus.Gauge
}

func (m *Metrics) newCSUMetrics() csuMetrics {
	m.section = sectionCSU
	m.codes = closedSet(csuclient.Codes())
	c := csuMetrics{
		requests:        m.counter(CSURequests, "HTTP attempts at the CSU; operations on carts share a label, and so do those of publishing, and reads of orders, of products and of the channel.", LabelOperation, LabelResult),
		requestDuration: m.histogram(CSURequestDuration, "Duration of HTTP attempts at the CSU, by the same labels.", csuBuckets, LabelOperation),
		csuErrors:       m.counter(CSUErrors, "Refusals by the CSU, by its own error code.", LabelErrorCode),
		csuInflight:     m.gauge(CSUInflight, "HTTP attempts under way.").WithLabelValues(),
		tokens:          m.counter(CSUTokenRefresh, "Attempts at a new token.", LabelOutcome),
		tokenExpiry:     m.gauge(CSUTokenExpiry, "When the token in use expires; 0 before the first.").WithLabelValues(),
		retryAfter:      m.histogram(GateRetryAfter, "Waits that the CSU asked for.", retryBuckets).WithLabelValues(),
		gateWait:        m.counter(GateWait, "Time that calls were held back at the gate, or were told to stay away because a circuit is open.", LabelSource),
		circuitTurns:    m.counter(CircuitTransitions, "What circuits turned to; each turn is counted by one process of the fleet.", LabelCircuit, LabelTo),
	}
	start(c.requests, m.operations.and(other), csuclient.Results())
	start(c.requestDuration, m.operations.and(other))
	start(c.csuErrors, []string{other}) // the catalogue has hundreds; a code gets its series when it is first seen
	start(c.tokens, okOrError)
	start(c.gateWait, append(csuclient.Sources(), other))
	start(c.circuitTurns, []string{csuclient.CircuitCSU}, csuclient.Turns()) // an operation's get theirs when they turn
	return c
}

// CSU observes the CSU client.
func (m *Metrics) CSU(log *zap.Logger) csuclient.Observer {
	return &csuObserver{m: m, log: log.Named("csu"), results: closedSet(csuclient.Results()), sources: closedSet(csuclient.Sources()),
		names: closedSet(csuclient.Operations())}
}

// refusals are the results for which the CSU owes a code.
var refusals = map[string]bool{csuclient.ResultConflict: true, csuclient.ResultClientError: true, csuclient.ResultServerError: true}

// away are the results of a CSU that cannot be worked with.
var away = map[string]bool{csuclient.ResultTimeout: true, csuclient.ResultNetwork: true, csuclient.ResultServerError: true}

type csuObserver struct {
	m       *Metrics
	log     *zap.Logger
	results closed
	sources closed
	names   closed // of operations, finer than their labels
}

func (o *csuObserver) Request(r csuclient.Request) {
	operation := o.m.operations.or(csuclient.LabelOf(r.Operation), other)
	o.m.requests.WithLabelValues(operation, o.results.or(r.Result, csuclient.ResultClientError)).Inc()
	o.m.requestDuration.WithLabelValues(operation).Observe(r.Took.Seconds())
	o.m.up.is(dependencyCSU, !away[r.Result])
	if r.Code != "" || refusals[r.Result] {
		o.m.csuErrors.WithLabelValues(o.m.codes.or(r.Code, other)).Inc()
	}
	if e := o.log.Check(zap.DebugLevel, "request to the CSU"); e != nil {
		e.Write(present(zap.String(fieldOperation, o.names.or(r.Operation, operation)), zap.String(fieldOutcome, r.Result), zap.Int(fieldStatus, r.Status),
			text(fieldErrorCode, r.Code), text(fieldRequestID, r.RequestID), text(fieldCorrelationID, guid(r.CorrelationID)),
			zap.Float64(fieldDuration, r.Took.Seconds()))...)
	}
}

func (o *csuObserver) Throttled(wait time.Duration, told bool) {
	if told {
		o.m.retryAfter.Observe(wait.Seconds())
	}
	o.log.Debug("the CSU refused by load", zap.Float64(fieldRetryAfter, wait.Seconds()))
}

func (o *csuObserver) Waited(source string, took time.Duration) {
	o.m.gateWait.WithLabelValues(o.sources.or(source, other)).Add(max(0, took.Seconds()))
}

func (o *csuObserver) TokenRefreshed(ok bool, expiry time.Time) {
	o.m.up.is(dependencyEntra, ok)
	if !ok {
		o.m.tokens.WithLabelValues("error").Inc()
		o.log.Warn("no new token for the CSU; check the application's secret and the token endpoint")
		return
	}
	o.m.tokens.WithLabelValues("ok").Inc()
	o.m.tokenExpiry.Set(float64(expiry.Unix()))
}

func (o *csuObserver) InFlight(delta int) { o.m.csuInflight.Add(float64(delta)) }
