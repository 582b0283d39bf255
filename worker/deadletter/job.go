package deadletter

import (
	"context"
	"time"
)

// Job is one thing an operator does to many dead letters. It is kept so that it can be looked at, and taken up again after its
// process died: what was done is in the ledger, so going on is doing the same again.
type Job struct {
	ID        string    `json:"id"`
	Action    Action    `json:"action"`
	Queues    []string  `json:"queues"`
	Selection Selection `json:"selection"`
	State     JobState  `json:"state"`
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended,omitzero"`
	Count     Count     `json:"count"`
}

// JobState is how far a job is.
type JobState string

// The states of a job. One that is running although no process works on it was cut off: take it up again.
const (
	JobRunning   JobState = "running"
	JobCompleted JobState = "completed"
	JobStopped   JobState = "stopped" // by a person, or by an error
)

// Count is what became of the letters of a job.
type Count struct {
	Done     int `json:"done"`               // replayed or discarded, and noted; the ledger counts it as it notes, so it survives the process
	Skipped  int `json:"skipped"`            // were noted before, or are Withheld
	Withheld int `json:"withheld,omitempty"` // of the skipped: their body was not kept, so nothing can be replayed
	Failed   int `json:"failed"`             // could not be sent; they stay where they are
}

// Jobs keeps jobs for as long as their letters may matter. Errors: the storage's.
type Jobs interface {
	Put(ctx context.Context, j Job) error
	Get(ctx context.Context, id string) (Job, bool, error)
	List(ctx context.Context) ([]Job, error) // the newest first
}
