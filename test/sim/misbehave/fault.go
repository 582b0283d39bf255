// Package misbehave is how the simulated HTTP services are told to misbehave: faults that can be set, listed and cleared while a
// service runs, from Go and over HTTP. A service asks at each place in a request's life whether one of them hits it there.
//
// Time is the standard library's, and no goroutine is started, so all of it runs inside a testing/synctest bubble.
package misbehave

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Kind says what a fault does.
type Kind string

// The kinds that every service has. Those that fail a request do so before it has any effect. A service may have more.
const (
	Latency  Kind = "latency"  // wait Delay, plus up to Jitter, at Point
	Hold     Kind = "hold"     // wait at Point until the fault is cleared
	Throttle Kind = "throttle" // answer 429 over Rate and Burst
	Error    Kind = "error"    // answer Status (default 500)
	Drop     Kind = "drop"     // close the connection
)

// Point is a place in a request's life at which it can be made to wait.
type Point string

// The first and the last point of every service.
const (
	PointReceived Point = "received" // read from the connection, nothing decided
	PointAnswer   Point = "answer"   // the effect, if any, has happened; default
)

// RetryAfter is the form of the header that tells a client how long to stay away.
type RetryAfter string

// The forms. A Throttle sends seconds unless its fault says otherwise; every other kind sends none unless it does.
const (
	RetryAfterSeconds RetryAfter = "seconds"
	RetryAfterDate    RetryAfter = "date"
	RetryAfterNone    RetryAfter = "none"
)

// Fault is one way to misbehave, until it is cleared or used up. The members of its first two groups narrow it together; those
// of the second are each known to one service only.
type Fault struct {
	ID          string        `json:"id,omitempty"` // injecting an ID again replaces that fault; default: a fresh one
	Kind        Kind          `json:"kind"`
	Next        int           `json:"next,omitempty"`        // only so many requests; default: no limit
	For         time.Duration `json:"-"`                     // only so long from now; default: no limit
	Every       int           `json:"every,omitempty"`       // only each so many-th request; default: each
	Probability float64       `json:"probability,omitempty"` // of each request, drawn from the seed; default: 1

	Operation string `json:"operation,omitempty"` // of the CSU; default: all under /Commerce
	OUN       string `json:"oun,omitempty"`       // of the CSU: only requests that name this channel; default: all
	Type      string `json:"type,omitempty"`      // of the sink: only events of a type that fits this pattern; default: all
	Subject   string `json:"subject,omitempty"`   // of the sink: only events about this subject; default: all

	Point  Point         `json:"point,omitempty"` // Latency and Hold
	Delay  time.Duration `json:"-"`               // Latency
	Jitter time.Duration `json:"-"`               // Latency
	Status int           `json:"status,omitempty"`

	Rate       float64       `json:"rate,omitempty"`       // Throttle: requests per second
	Burst      int           `json:"burst,omitempty"`      // Throttle: default 1, but with a rate of zero none
	RetryAfter RetryAfter    `json:"retryAfter,omitempty"` // Throttle and what answers a status
	Wait       time.Duration `json:"-"`                    // what RetryAfter says; default: until the bucket has a token, else 1 s
}

// SetRetryAfter sets the header in the fault's form. Both forms count whole seconds, so both are rounded up: a client that obeys
// is not refused again.
func (f Fault) SetRetryAfter(header map[string]string, now time.Time) {
	wait := f.Wait
	if wait <= 0 {
		wait = time.Second
	}
	switch f.RetryAfter {
	case RetryAfterSeconds:
		header["Retry-After"] = strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	case RetryAfterDate:
		at := now.Add(wait).UTC()
		if whole := at.Truncate(time.Second); whole.Before(at) {
			at = whole.Add(time.Second)
		}
		header["Retry-After"] = at.Format(http.TimeFormat)
	}
}

// doc is a Fault as JSON shows it: durations are text such as "1m30s".
type doc struct {
	*plain
	For    Duration `json:"for,omitempty"`
	Delay  Duration `json:"delay,omitempty"`
	Jitter Duration `json:"jitter,omitempty"`
	Wait   Duration `json:"wait,omitempty"`
}

type plain Fault

// MarshalJSON writes durations as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(doc{(*plain)(&f), Duration(f.For), Duration(f.Delay), Duration(f.Jitter), Duration(f.Wait)})
}

// UnmarshalJSON reads what MarshalJSON writes and refuses members it does not know.
func (f *Fault) UnmarshalJSON(b []byte) error {
	d := doc{plain: (*plain)(f)}
	if err := Decode(bytes.NewReader(b), &d); err != nil {
		return err
	}
	f.For, f.Delay = time.Duration(d.For), time.Duration(d.Delay)
	f.Jitter, f.Wait = time.Duration(d.Jitter), time.Duration(d.Wait)
	return nil
}

// Duration is a time.Duration that is text in JSON.
type Duration time.Duration

// MarshalText writes it as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads it.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}
