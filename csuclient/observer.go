package csuclient

import "time"

// The results of an HTTP attempt: the closed list of the metric label.
const (
	ResultOK           = "ok"
	ResultNotFound     = "not_found"
	ResultConflict     = "conflict"
	ResultClientError  = "client_error"
	ResultUnauthorized = "unauthorized"
	ResultThrottled    = "throttled"
	ResultServerError  = "server_error"
	ResultTimeout      = "timeout"
	ResultNetwork      = "network"
)

// What holds a call back: the closed list of the metric label.
const (
	SourceRetryAfter  = "retry_after" // the server asked for a pause
	SourceRate        = "rate"        // the fleet keeps below what the server takes
	SourceConcurrency = "concurrency" // enough calls are under way
	SourceCircuit     = "circuit"     // its circuit is open; the time is how long the call was told to stay away
)

// Sources lists every source there is.
func Sources() []string {
	return []string{SourceRetryAfter, SourceRate, SourceConcurrency, SourceCircuit}
}

// Results lists every result there is.
func Results() []string {
	return []string{ResultOK, ResultNotFound, ResultConflict, ResultClientError, ResultUnauthorized, ResultThrottled,
		ResultServerError, ResultTimeout, ResultNetwork}
}

// Request is one HTTP attempt, as it went. Every field is safe to log.
type Request struct {
	Operation     string // template, one of Operations
	Result        string // one of Results
	Status        int    // 0 if there was no answer
	Code          string // the CSU's error code, allow-listed or empty
	RequestID     string // the CSU's own id of the request, if it gave one
	Lane          string
	CorrelationID string
	Took          time.Duration // from sending to the last byte of the answer
}

// Observer is told what the client does. Implementations count and log; they must be quick and safe for concurrent use.
// Embed NoObserver to take only some of the calls.
type Observer interface {
	// Request reports an HTTP attempt at an operation. Attempts that our own side refused are none.
	Request(r Request)
	// Throttled reports a refusal by load; told says whether the server named the wait.
	Throttled(wait time.Duration, told bool)
	// Waited reports how long a call was held back by the budget, also when it then gave up: one of Sources.
	Waited(source string, took time.Duration)
	// TokenRefreshed reports an attempt at a new token and, if ok, when that one expires.
	TokenRefreshed(ok bool, expiry time.Time)
	// InFlight moves the number of requests under way.
	InFlight(delta int)
}

// NoObserver ignores everything.
type NoObserver struct{}

var _ Observer = NoObserver{}

func (NoObserver) Request(Request)                {}
func (NoObserver) Throttled(time.Duration, bool)  {}
func (NoObserver) Waited(string, time.Duration)   {}
func (NoObserver) TokenRefreshed(bool, time.Time) {}
func (NoObserver) InFlight(int)                   {}
