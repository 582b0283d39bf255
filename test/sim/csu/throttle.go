package csu

import (
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// throttleID names the fault that SetThrottle keeps.
const throttleID = "throttle"

// SetThrottle limits requests under /Commerce to a rate with a burst, Retry-After in the given form; called again it
// changes the capacity and keeps what is in the bucket.
func (s *Simulator) SetThrottle(perSecond float64, burst int, form RetryAfter) error {
	_, err := s.Inject(Fault{ID: throttleID, Kind: Throttle, Rate: perSecond, Burst: burst, RetryAfter: form})
	return err
}

// throttle takes one token from every bucket that covers the request, or none of them and answers 429. No document
// shows the body of a throttled CSU; it is empty here.
func (c *call) throttle() (reply, bool) {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var taken []*rate.Reservation
	for _, r := range s.faults.rules {
		if r.Kind != Throttle || !r.hits(c, Throttle, now) {
			continue
		}
		reservation := r.limiter.ReserveN(now, 1)
		taken = append(taken, reservation)
		if wait := reservation.DelayFrom(now); wait > 0 {
			for _, t := range taken {
				t.CancelAt(now)
			}
			if wait > 24*time.Hour || r.Wait > 0 { // a rate of zero never has a token
				wait = r.Wait
			}
			return reply{status: http.StatusTooManyRequests, header: r.retryAfter(nil, wait, now)}, true
		}
	}
	return reply{}, false
}

// retryAfter adds the header. Both forms count whole seconds, so both are rounded up: a client that obeys is not
// refused again.
func (f Fault) retryAfter(header map[string]string, wait time.Duration, now time.Time) map[string]string {
	if f.RetryAfter == RetryAfterNone {
		return header
	}
	if header == nil {
		header = map[string]string{}
	}
	if wait <= 0 {
		wait = time.Second
	}
	seconds := (wait + time.Second - 1) / time.Second
	header["Retry-After"] = strconv.Itoa(int(seconds))
	if f.RetryAfter == RetryAfterDate {
		at := now.Add(wait).UTC()
		if whole := at.Truncate(time.Second); whole.Before(at) {
			at = whole.Add(time.Second)
		}
		header["Retry-After"] = at.Format(http.TimeFormat)
	}
	return header
}
