package doctor

import (
	"net/http"
	"sync"
	"time"
)

// drift is how far two clocks may be apart. Some tell whole seconds only, and take a moment to answer.
const drift = 5 * time.Second

// clock judges how far a clock is ahead of ours.
func clock(check string, ahead time.Duration) Finding {
	if ahead.Abs() <= drift {
		return ok(check, "", "agrees with this machine's")
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	return warn(check, "", "is "+ahead.Abs().Round(time.Second).String()+" "+side+" this machine's", "keep both clocks right (NTP)")
}

// DateWatch reads the clock of whoever answers over HTTP. Safe for concurrent use.
type DateWatch struct {
	Host string // whose answers count, with its port if its address has one; empty: everybody's

	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// Wrap puts the watch around a transport.
func (d *DateWatch) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil && (d.Host == "" || d.Host == r.URL.Host) {
			d.Read(resp)
		}
		return resp, err
	})
}

// Read notes the clock of an answer, if it tells.
func (d *DateWatch) Read(resp *http.Response) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ahead, d.known = time.Until(at), true
}

// Ahead is how far that clock was ahead of ours at its last answer; false if it has not said.
func (d *DateWatch) Ahead() (time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ahead, d.known
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
