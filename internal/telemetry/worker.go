package telemetry

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/worker"
)

type workerMetrics struct {
	calls, process, wait, freshness, deliveries, size *prometheus.HistogramVec
	sent, consumed, messages, reconnects, renewals    *prometheus.CounterVec
	rescheduled, shutdownAbandoned, deadLetters       *prometheus.CounterVec
	replays                                           *prometheus.CounterVec
	lastSuccess                                       *prometheus.GaugeVec
}

func (m *Metrics) newWorkerMetrics(k Known) workerMetrics {
	m.section = sectionTransport
	semconv := []string{LabelSystem, LabelDestination, LabelBrokerCall, LabelErrorType}
	w := workerMetrics{
		calls:      m.histogram(ClientOperationDuration, "Calls to the broker. A receive waits on purpose: never alert on it.", semconvBuckets, semconv...),
		sent:       m.counter(ClientSentMessages, "Attempts to send a message.", semconv...),
		consumed:   m.counter(ClientConsumedMessages, "Deliveries, counted at receive.", semconv...),
		process:    m.histogram(ProcessDuration, "From receive to settlement; error_type is empty for what did what it was for.", processBuckets, semconv...),
		wait:       m.histogram(MessageWait, "From enqueued to received; only the first delivery of a published message.", waitBuckets, LabelQueue),
		freshness:  m.histogram(MessageFreshness, "From the event's own time to completed or dead-lettered.", freshnessBuckets, LabelEventType),
		deliveries: m.histogram(MessageDeliveries, "Delivery count at settlement.", deliveryBuckets, LabelQueue),
		size:       m.histogram(MessageSize, "Size of message bodies.", sizeBuckets, LabelQueue),
	}
	m.section = sectionWorker
	w.messages = m.counter(Messages, "Deliveries by how they ended, one each: the main counter. Heartbeats count nowhere but among dead letters.", LabelQueue, LabelEventType, LabelOutcome)
	w.reconnects = m.counter(ReceiverReconnects, "Receivers that failed or stood still and were opened again.", LabelQueue, LabelReason)
	w.renewals = m.counter(LockRenewals, "Renewals of message locks.", LabelQueue, LabelOutcome)
	w.lastSuccess = m.gauge(LastSuccess, "When a message was last done; 0 for never.", LabelQueue)
	w.rescheduled = m.counter(RescheduledMessages, "Messages put off by a copy on our own queue, by the queue they came from.", LabelQueue, LabelReason)
	w.shutdownAbandoned = m.counter(ShutdownAbandoned, "Messages given back because the drain time was over.", LabelQueue)
	w.replays = m.counter(ReplayMessages, "Replayed events by how they ended: resubmitted is all that were not dead-lettered again.", LabelQueue, LabelOutcome)
	w.deadLetters = m.counter(DeadLetters, "Dead letters by reason and by whose fault it is.", LabelQueue, LabelEventType, LabelReason, LabelFault)
	queues, types := m.queues.list(), m.types.and(unknown)
	one, sending := []string{system}, closedSet(k.OwnQueues).list()
	for _, call := range brokerCalls {
		at := queues
		if call == callAbandon || call == callRenew { // few queues ever see them, and no rule asks for their increase
			continue
		}
		if call == callSend || call == callSchedule {
			at = sending
			start(w.sent, one, at, []string{call}, []string{""})
		}
		start(w.calls, one, at, []string{call}, []string{""})
	}
	start(w.consumed, one, queues, []string{callReceive}, []string{""})
	start(w.process, one, queues, []string{callProcess}, []string{""})
	for _, v := range []*prometheus.HistogramVec{w.wait, w.deliveries, w.size} {
		start(v, queues)
	}
	start(w.freshness, types)
	start(w.messages, queues, closedSet(foreign(k.Scenarios)).and(unknown), texts(worker.Results()))
	start(w.messages, sending, closedSet(internal(k.Scenarios)).list(), texts(worker.Results())) // they come by no other queue
	start(w.reconnects, queues, reconnects)
	start(w.renewals, queues, renewals)
	start(w.lastSuccess, queues)
	start(w.rescheduled, queues, texts(worker.Whys()))
	start(w.shutdownAbandoned, queues)
	start(w.replays, queues, replayOutcomes)
	// Of dead letters only those without a type: with every type and reason they would be most of the series there
	// are. The alert on arrivals also fires for a series that is born.
	for _, r := range fault.Reasons() {
		start(w.deadLetters, queues, []string{unknown}, []string{r.Label()}, []string{string(r.Blame())})
	}
	return w
}

// foreign and internal are the types of events that sources send, and that only we send, as a rule: what asks for an export comes from a timer.
func foreign(all []orchestration.Outline) []string  { return handled(all, false) }
func internal(all []orchestration.Outline) []string { return handled(all, true) }

func handled(all []orchestration.Outline, ours bool) (types []string) {
	for _, o := range all {
		if (o.Internal || o.Lane == orchestration.LaneBulk) == ours && o.Name != heartbeat.Name {
			types = append(types, o.Handles)
		}
	}
	return types
}

// Worker observes the worker and writes the line of each message's outcome. With sampling, lines at info are thinned
// out per outcome above a hundred a second; warnings and errors never are.
func (m *Metrics) Worker(log *zap.Logger, h *keyhash.Hasher, sampling bool) worker.Observer {
	o := &workerObserver{m: m, log: log.Named("worker"), hash: h, info: map[worker.Result]*zap.Logger{},
		calls: closedSet(brokerCalls), reconnects: closedSet(reconnects), renewals: closedSet(renewals), whys: closedSet(texts(worker.Whys()))}
	for _, r := range worker.Results() {
		o.info[r] = o.log
		if sampling { // a sampler each, since zap's tells lines apart by message only
			o.info[r] = o.log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
				return zapcore.NewSamplerWithOptions(c, time.Second, 100, 100)
			}))
		}
	}
	return o
}

type workerObserver struct {
	m                                 *Metrics
	log                               *zap.Logger
	hash                              *keyhash.Hasher
	info                              map[worker.Result]*zap.Logger
	calls, reconnects, renewals, whys closed
}

func (o *workerObserver) Received(ctx context.Context, d worker.Delivery) context.Context {
	q := o.m.queues.or(d.Queue, other)
	o.m.consumed.WithLabelValues(system, q, callReceive, "").Inc()
	o.m.size.WithLabelValues(q).Observe(float64(d.Bytes))
	return withMessage(ctx, []zap.Field{zap.String(fieldQueue, d.Queue), zap.String(fieldMessageID, identity(o.hash, "message-id", d.MessageID)),
		zap.Int64(fieldSequence, d.Sequence), zap.Int(fieldDeliveries, d.DeliveryCount)})
}

func (o *workerObserver) Settled(ctx context.Context, s worker.Settled) {
	q, typ := o.m.queues.or(s.Delivery.Queue, other), o.m.types.or(s.Event.Type, unknown)
	if s.Event.Type == heartbeat.EventType && s.Result != worker.ResultDeadLettered {
		o.beat(ctx, s)
		return
	}
	errType := outcomeError(s)
	o.m.process.WithLabelValues(system, q, callProcess, errType).Observe(s.Took.Seconds())
	o.m.messages.WithLabelValues(q, typ, string(s.Result)).Inc()
	if s.Result != worker.ResultLockLost {
		o.m.deliveries.WithLabelValues(q).Observe(float64(s.Delivery.DeliveryCount))
	}
	if s.Wait > 0 {
		o.m.wait.WithLabelValues(q).Observe(s.Wait.Seconds())
	}
	if successes[s.Result] {
		o.m.lastSuccess.WithLabelValues(q).SetToCurrentTime()
	}
	if s.Drained && s.Result == worker.ResultAbandoned {
		o.m.shutdownAbandoned.WithLabelValues(q).Inc()
	}
	if s.Event.Replay != "" {
		o.replayed(q, s)
	} else if (s.Result == worker.ResultCompleted || s.Result == worker.ResultDeadLettered) && !s.Event.Time.IsZero() {
		o.m.freshness.WithLabelValues(typ).Observe(max(0, time.Since(s.Event.Time).Seconds()))
	}
	reason := deadLetterReason(s)
	if reason != "" {
		o.m.deadLetters.WithLabelValues(q, typ, reason.Label(), string(reason.Blame())).Inc()
	}
	o.line(ctx, s, reason, errType)
}

// replayed counts the end of a replayed event. It says nothing of freshness: the event lay among the dead letters until a person
// came, and whoever replays a thousand of them must not be paged for how late they are.
func (o *workerObserver) replayed(queue string, s worker.Settled) {
	switch {
	case successes[s.Result]:
		o.m.replays.WithLabelValues(queue, replayOutcomes[0]).Inc()
	case s.Result == worker.ResultDeadLettered:
		o.m.replays.WithLabelValues(queue, replayOutcomes[1]).Inc()
	}
}

// beat notes a heartbeat that came through to its settlement. One that was rescheduled is still on its way, and comes
// through by the copy, which knows the queue it was sent to.
func (o *workerObserver) beat(ctx context.Context, s worker.Settled) {
	if s.Result == worker.ResultCompleted || s.Result == worker.ResultSuperseded {
		o.m.seen(s.Event.Origin.Queue, time.Now())
	}
	if e := o.log.Check(zap.DebugLevel, "heartbeat settled"); e != nil {
		e.Write(fieldsOf(ctx, zap.String(fieldOutcome, string(s.Result)), zap.Float64(fieldDuration, s.Took.Seconds()))...)
	}
}

// outcomeError is the error_type of a delivery: empty when it did what it was for.
func outcomeError(s worker.Settled) string {
	switch {
	case successes[s.Result]:
		return ""
	case s.Result == worker.ResultLockLost && s.Err == nil:
		return "lock_lost"
	case s.Err != nil:
		return errorType(s.Err)
	case s.Result == worker.ResultDeadLettered && s.Outcome.Err == nil:
		return otherType
	default:
		return errorType(s.Outcome.Err)
	}
}

// deadLetterReason is the reason that the worker gave the broker; empty when it is no dead letter. Without a verdict
// that rejects, it was a message with no room for the properties of a copy.
func deadLetterReason(s worker.Settled) fault.Reason {
	switch {
	case s.Result != worker.ResultDeadLettered:
		return ""
	case s.Outcome.Verdict != orchestration.Rejected:
		return fault.TooLarge
	case s.Outcome.Reason == "":
		return fault.Bug
	}
	return s.Outcome.Reason
}

func (o *workerObserver) line(ctx context.Context, s worker.Settled, reason fault.Reason, errType string) {
	err := s.Err
	if err == nil {
		err = s.Outcome.Err
	}
	about := fieldsOf(ctx,
		text(fieldCorrelationID, guid(s.Event.CorrelationID)), text(fieldEventID, identity(o.hash, "event-id", s.Event.ID)),
		text(fieldEventType, s.Event.Type), text(fieldEventSource, s.Event.Source),
		text(fieldScenario, s.Outcome.Scenario), text(fieldStep, s.Outcome.Step), zap.Int(fieldAttempt, s.Outcome.Attempt),
		zap.String(fieldOutcome, string(s.Result)), text(fieldCause, string(s.Outcome.Cause)), text(fieldErrorType, errType), text(fieldDeadLetter, string(reason)),
		zap.Float64(fieldDuration, s.Took.Seconds()), zap.Float64(fieldWait, s.Wait.Seconds()), zap.Int(fieldSize, s.Delivery.Bytes),
		text(fieldError, describe(err)))
	switch {
	case reason != "" && reason.Blame() == fault.Platform:
		o.log.Error("message dead-lettered", about...)
	case reason != "":
		o.log.Warn("message dead-lettered", about...)
	case s.Err != nil || s.Result == worker.ResultLockLost:
		o.log.Warn("message not settled", about...)
	default:
		o.info[s.Result].Info("message settled", about...)
	}
}

func (o *workerObserver) Rescheduled(_ context.Context, queue string, why worker.Why, _ time.Time) {
	o.m.rescheduled.WithLabelValues(o.m.queues.or(queue, other), o.whys.or(string(why), string(worker.WhyTransient))).Inc()
}

func (o *workerObserver) LockRenewed(ctx context.Context, queue, outcome string, err error) {
	outcome = o.renewals.or(outcome, "error")
	o.m.renewals.WithLabelValues(o.m.queues.or(queue, other), outcome).Inc()
	if outcome == "lost" {
		o.log.Warn("the message's lock is lost; its run stops", fieldsOf(ctx, text(fieldErrorType, errorType(err)), text(fieldError, describe(err)))...)
	}
}

func (o *workerObserver) Reconnected(_ context.Context, queue, reason string, err error) {
	reason = o.reconnects.or(reason, other)
	o.m.reconnects.WithLabelValues(o.m.queues.or(queue, other), reason).Inc()
	o.log.Warn("the receiver is opened again", present(zap.String(fieldQueue, queue), zap.String(fieldReason, reason), text(fieldError, describe(err)))...)
}

func (o *workerObserver) Called(_ context.Context, queue, operation string, took time.Duration, err error) {
	q, call, errType := o.m.queues.or(queue, other), o.calls.or(operation, other), errorType(err)
	o.m.calls.WithLabelValues(system, q, call, errType).Observe(took.Seconds())
	if call == callSend || call == callSchedule {
		o.m.sent.WithLabelValues(system, q, call, errType).Inc()
	}
}

func (o *workerObserver) Panicked(ctx context.Context, queue string, value any, stack []byte) {
	o.m.panics.WithLabelValues("worker").Inc()
	o.log.Error("the worker recovered from a panic", fieldsOf(ctx, zap.String(fieldQueue, queue), zap.String(fieldError, panicOf(value)), zap.ByteString(fieldStack, stack))...)
}

// WorkerState is what a worker says of itself.
type WorkerState interface {
	Queues() []worker.QueueStatus
	Draining() bool
}

// WatchWorker exports slots, messages in hand, pauses and the drain of a worker.
func (m *Metrics) WatchWorker(w WorkerState) {
	m.up.ask(dependencyBroker, func() bool { return slices.ContainsFunc(w.Queues(), isOpen) })
	m.section = sectionWorker
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		m.remember(name, "gauge", help, labels...)
		return prometheus.NewDesc(name, help, labels, nil)
	}
	m.registry.MustRegister(&stateCollector{m: m, w: w,
		inflight: desc(MessagesInflight, "Messages being worked on.", LabelQueue),
		slots:    desc(WorkerSlots, "Messages that may be worked on at once.", LabelQueue),
		open:     desc(WorkerReceivers, "Open receivers: 1 while the broker answers, 0 while it does not.", LabelQueue),
		paused:   desc(WorkerPaused, "1 while the intake stands still for that reason.", LabelQueue, LabelReason),
		draining: m.drainingDesc(desc),
	})
}

func (m *Metrics) drainingDesc(desc func(name, help string, labels ...string) *prometheus.Desc) *prometheus.Desc {
	m.section = sectionProcess
	return desc(Draining, "1 from SIGTERM on.")
}

// isOpen says whether the broker answers for a queue.
func isOpen(q worker.QueueStatus) bool { return q.Answered && q.Trouble == "" }

type stateCollector struct {
	m                                       *Metrics
	w                                       WorkerState
	inflight, slots, open, paused, draining *prometheus.Desc
}

func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.inflight, c.slots, c.open, c.paused, c.draining} {
		ch <- d
	}
}

func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, q := range c.w.Queues() {
		paused := closed{}
		for _, reason := range q.Paused {
			paused[closedSet(pauseReasons).or(reason, pausedOperator)] = true
		}
		gauge(c.open, number(isOpen(q)), q.Queue)
		gauge(c.inflight, float64(q.InFlight), q.Queue)
		gauge(c.slots, float64(q.Slots), q.Queue)
		for _, reason := range pauseReasons {
			gauge(c.paused, number(paused[reason]), q.Queue, reason)
		}
	}
	gauge(c.draining, number(c.w.Draining()))
}
