package telemetry

import (
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
)

const namespace = "signalbox"

// The metrics. Units are in the names; docs/reference/metrics.md says what each means.
const (
	ClientOperationDuration = "messaging_client_operation_duration_seconds"
	ClientSentMessages      = "messaging_client_sent_messages_total"
	ClientConsumedMessages  = "messaging_client_consumed_messages_total"
	ProcessDuration         = "messaging_process_duration_seconds"

	MessageWait          = namespace + "_message_wait_seconds"
	MessageFreshness     = namespace + "_message_freshness_seconds"
	MessageDeliveries    = namespace + "_message_deliveries"
	MessageSize          = namespace + "_message_size_bytes"
	Messages             = namespace + "_messages_total"
	MessagesInflight     = namespace + "_messages_inflight"
	WorkerReceivers      = namespace + "_worker_receivers"
	WorkerSlots          = namespace + "_worker_slots"
	WorkerPaused         = namespace + "_worker_paused"
	ReceiverReconnects   = namespace + "_receiver_reconnects_total"
	LockRenewals         = namespace + "_lock_renewals_total"
	LastSuccess          = namespace + "_last_success_timestamp_seconds"
	RescheduledMessages  = namespace + "_rescheduled_messages_total"
	ShutdownAbandoned    = namespace + "_shutdown_abandoned_messages_total"
	DeadLetters          = namespace + "_dead_letters_total"
	ReplayMessages       = namespace + "_replay_messages_total"
	Taints               = namespace + "_taints_total"
	EffectsAlreadyThere  = namespace + "_effects_already_there_total"
	ScenarioRuns         = namespace + "_scenario_runs_total"
	ScenarioResumes      = namespace + "_scenario_resumes_total"
	ScenarioDuration     = namespace + "_scenario_duration_seconds"
	StepRuns             = namespace + "_step_runs_total"
	StepDuration         = namespace + "_step_duration_seconds"
	StepRetries          = namespace + "_step_retries_total"
	IdempotencyChecks    = namespace + "_idempotency_checks_total"
	IdempotencyLeaseLost = namespace + "_idempotency_lease_lost_total"
	RunsAlone            = namespace + "_runs_alone_total"
	Members              = namespace + "_members"
	MappingWrites        = namespace + "_mapping_writes_total"
	MappingLookups       = namespace + "_mapping_lookups_total"
	StepEnabled          = namespace + "_step_enabled"
	Waiting              = namespace + "_waiting"
	CSURequests          = namespace + "_csu_requests_total"
	CSURequestDuration   = namespace + "_csu_request_duration_seconds"
	CSUErrors            = namespace + "_csu_errors_total"
	CSUInflight          = namespace + "_csu_inflight_requests"
	CSUTokenRefresh      = namespace + "_csu_token_refresh_total"
	CSUTokenExpiry       = namespace + "_csu_token_expiry_timestamp_seconds"
	GateRetryAfter       = namespace + "_gate_retry_after_seconds"
	GateWait             = namespace + "_gate_wait_seconds_total"
	GateConcurrencyLimit = namespace + "_gate_concurrency_limit"
	GateRateLimit        = namespace + "_gate_rate_limit"
	CircuitOpen          = namespace + "_circuit_open"
	CircuitTransitions   = namespace + "_circuit_transitions_total"
	GateClosedUntil      = namespace + "_gate_closed_until_timestamp_seconds"
	RedisCommandDuration = namespace + "_redis_command_duration_seconds"
	RedisErrors          = namespace + "_redis_errors_total"
	RedisPoolConnections = namespace + "_redis_pool_connections"
	RedisPoolTimeouts    = namespace + "_redis_pool_timeouts_total"
	RedisEvictionRisk    = namespace + "_redis_eviction_risk"
	RedisPersistenceOK   = namespace + "_redis_persistence_ok"
	QueueMessages        = namespace + "_queue_messages"
	QueueOldest          = namespace + "_queue_oldest_message_enqueued_timestamp_seconds"
	QueueSize            = namespace + "_queue_size_bytes"
	QueueMaxSize         = namespace + "_queue_max_size_bytes"
	QueueSampleDuration  = namespace + "_queue_sample_duration_seconds"
	QueueLastSample      = namespace + "_queue_last_sample_timestamp_seconds"
	QueueSampleFailures  = namespace + "_queue_sample_failures_total"
	HeartbeatSent        = namespace + "_heartbeat_sent_timestamp_seconds"
	HeartbeatSeen        = namespace + "_heartbeat_seen_timestamp_seconds"
	DependencyUp         = namespace + "_dependency_up"
	SinkDeliveries       = namespace + "_sink_deliveries_total"
	SinkDuration         = namespace + "_sink_delivery_duration_seconds"
	SinkClosedUntil      = namespace + "_sink_closed_until_timestamp_seconds"
	Sweeps               = namespace + "_sweeps_total"
	SweepWrong           = namespace + "_sweep_wrong_records_total"
	SweepLastWhole       = namespace + "_sweep_last_whole_timestamp_seconds"
	ScheduleRuns         = namespace + "_schedule_runs_total"
	ScheduleDuration     = namespace + "_schedule_duration_seconds"
	ScheduleInterval     = namespace + "_schedule_interval_seconds"
	ScheduleLastSuccess  = namespace + "_schedule_last_success_timestamp_seconds"
	ScheduleLeader       = namespace + "_schedule_leader"
	BuildInfo            = namespace + "_build_info"
	Ready                = namespace + "_ready"
	Draining             = namespace + "_draining"
	LogMessages          = namespace + "_log_messages_total"
	PanicsRecovered      = namespace + "_panics_recovered_total"
	Redactions           = namespace + "_redactions_total"
	FieldMapWarnings     = namespace + "_field_map_warnings_total"

	HTTPRequestDuration = "http_server_request_duration_seconds"
)

// The labels.
const (
	LabelSystem      = "messaging_system"
	LabelDestination = "messaging_destination_name"
	LabelBrokerCall  = "messaging_operation_name"
	LabelErrorType   = "error_type"
	LabelQueue       = "queue"
	LabelEventType   = "event_type"
	LabelOutcome     = "outcome"
	LabelReason      = "reason"
	LabelFault       = "fault"
	LabelScenario    = "scenario"
	LabelStep        = "step"
	LabelKind        = "kind"
	LabelResult      = "result"
	LabelEntity      = "entity"
	LabelOperation   = "operation"
	LabelErrorCode   = "error_code"
	LabelSource      = "source"
	LabelCircuit     = "circuit"
	LabelTo          = "to"
	LabelRule        = "rule"
	LabelCommand     = "command"
	LabelState       = "state"
	LabelVersion     = "version"
	LabelRevision    = "revision"
	LabelGoVersion   = "goversion"
	LabelLevel       = "level"
	LabelComponent   = "component"
	LabelClass       = "class"
	LabelCause       = "cause"
	LabelLane        = "lane"
	LabelSink        = "sink"
	LabelSchedule    = "schedule"
	LabelChannel     = "channel"
	LabelFeed        = "feed"
	LabelMismatch    = "mismatch"
	LabelDependency  = "dependency"
	LabelRoute       = "http_route"
	LabelMethod      = "http_request_method"
	LabelStatus      = "http_response_status_code"
)

// What a value that is not of its closed set counts as.
const (
	unknown   = "unknown"
	other     = "other"
	otherType = "_OTHER" // error_type, as OpenTelemetry writes it
)

const (
	system         = "servicebus"
	callReceive    = "receive"
	callSend       = "send"
	callSchedule   = "schedule"
	callProcess    = "process"
	callAbandon    = "abandon"
	callRenew      = "renew_message_lock"
	pausedOperator = "operator"

	dependencyBroker = "servicebus"
	dependencyRedis  = "redis"
	dependencyCSU    = "csu"
	dependencyEntra  = "entra"
)

// The closed sets of label values that no other package lists.
var (
	brokerCalls    = []string{callReceive, callSend, callSchedule, "complete", callAbandon, "dead_letter", callRenew}
	errorTypes     = []string{"timeout", "network", "throttled", "unauthorized", "not_found", "conflict", "invalid", "server_error", "lock_lost", "connection_lost", "cancelled", "panic", otherType}
	reconnects     = []string{"connlost", "unauthorized", "notfound", "timeout", "closed", worker.ReasonStuck, other}
	renewals       = []string{"ok", "error", "lost"}
	stepOutcomes   = []string{"ok", "skipped", "retryable", "permanent", "timeout", "cancelled"}
	replayOutcomes = []string{"resubmitted", "dead_lettered_again"}
	runOutcomes    = []string{"succeeded", "failed", "skipped"}
	writeOutcomes  = []string{"created", "conflict"}
	okOrError      = []string{"ok", "error"}
	poolStates     = []string{"total", "idle"}
	pauseReasons   = []string{pausedOperator, "gate", "circuit", "blocked", "dependency"}
	components     = []string{"worker", "engine"}
	levels         = []string{"debug", "info", "warn", "error"}
	lookups        = []string{"hit", "miss", "error"}
	queueStates    = []string{"active", "scheduled", "dead_letter", "transfer", "transfer_dead_letter"}
	dependencies   = []string{dependencyBroker, dependencyRedis, dependencyCSU, dependencyEntra}
	methods        = []string{"GET", "HEAD", otherType}
	redisFailures  = []string{"timeout", "network", "cancelled", otherType}

	answers = []string{string(orchestration.Go), string(orchestration.LookOnly), string(orchestration.Done), string(orchestration.Held),
		string(orchestration.AnswerSurplus), string(orchestration.AnswerSuperseded), string(orchestration.AnswerConflict), string(orchestration.NewerPipeline), "error"}

	runOutcomeOf = map[orchestration.Verdict]string{
		orchestration.Completed: "succeeded", orchestration.Rejected: "failed", orchestration.Superseded: "skipped",
		orchestration.Duplicate: "skipped", orchestration.Surplus: "skipped",
	}
	successes = map[worker.Result]bool{worker.ResultCompleted: true, worker.ResultDuplicate: true, worker.ResultSuperseded: true, worker.ResultSurplus: true}
)

// The buckets of the classic histograms.
var (
	semconvBuckets   = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	processBuckets   = append(semconvBuckets[:len(semconvBuckets):len(semconvBuckets)], 30, 60, 120, 300)
	waitBuckets      = []float64{.1, .5, 1, 5, 15, 30, 60, 300, 900, 3600, 14400}
	freshnessBuckets = []float64{1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400}
	deliveryBuckets  = []float64{1, 2, 3, 5, 8, 10}
	sizeBuckets      = []float64{256, 1024, 4096, 16384, 65536, 262144, 1048576}
	scenarioBuckets  = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	stepBuckets      = []float64{.01, .05, .25, 1, 5, 15, 60, 300}
	csuBuckets       = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	scheduleBuckets  = []float64{.1, .5, 1, 5, 15, 60, 300, 1800}
	retryBuckets     = []float64{1, 2, 5, 10, 30, 60, 120, 300}
	redisBuckets     = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1}
)
