package misbehave

import "time"

// Request is a request that may be made to wait.
type Request struct {
	Fits  Fits
	Leave <-chan struct{} // its client has gone and it is not to go on; nil: it goes on
	Done  <-chan struct{} // the service has closed
}

// Wait spends the time that faults ask for at a point, and more besides; false means that the request is not to go on.
func (fs *Faults) Wait(at Point, more time.Duration, r Request) bool {
	delay, holds := fs.waits(at, r.Fits)
	if delay += more; delay > 0 && !r.sleep(delay, nil) {
		return false
	}
	for _, h := range holds {
		left := forever
		if !h.until.IsZero() {
			left = max(0, time.Until(h.until))
		}
		fs.countHeld(+1)
		ok := r.sleep(left, h.gone)
		fs.countHeld(-1)
		if !ok {
			return false
		}
	}
	return true
}

// waits adds up the latencies that hit at a point, and lists the holds.
func (fs *Faults) waits(at Point, fits Fits) (delay time.Duration, holds []*rule) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := time.Now()
	for _, r := range fs.rules {
		switch {
		case r.Point != at:
		case r.hits(Latency, fits, now):
			delay += r.Delay
			if r.Jitter > 0 {
				delay += time.Duration(r.random.Int64N(int64(r.Jitter)))
			}
		case r.hits(Hold, fits, now):
			holds = append(holds, r)
		}
	}
	return delay, holds
}

func (fs *Faults) countHeld(by int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.held += by
}

// forever waits without a timer: inside a testing/synctest bubble even a far-off one would be reached at once.
const forever time.Duration = -1

func (r Request) sleep(d time.Duration, released <-chan struct{}) bool {
	var over <-chan time.Time
	if d != forever {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-released:
		return true
	case <-r.Leave:
		return false
	case <-r.Done:
		return false
	}
}
