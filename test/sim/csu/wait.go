package csu

import "time"

// wait spends the time that options and faults ask for at a point. A write waits even when its client has gone; false
// means that the request is not to go on.
func (c *call) wait(at Point) bool {
	now := time.Now()
	delay, holds := c.waits(at, now)
	if at == PointCommit {
		delay += max(0, c.received.Add(c.sim.options().CommitDelay).Sub(now))
	}
	if at == PointAnswer && c.op.commerce {
		delay += c.sim.options().Latency
	}
	if delay > 0 && !c.sleep(delay, nil) {
		return false
	}
	for _, r := range holds {
		left := forever
		if !r.until.IsZero() {
			left = max(0, time.Until(r.until))
		}
		c.sim.countHeld(+1)
		ok := c.sleep(left, r.gone)
		c.sim.countHeld(-1)
		if !ok {
			return false
		}
	}
	return true
}

// waits adds up the latencies that hit at a point, and lists the holds.
func (c *call) waits(at Point, now time.Time) (delay time.Duration, holds []*rule) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	for _, r := range c.sim.faults.rules {
		switch {
		case r.Point != at:
		case r.hits(c, Latency, now):
			delay += r.Delay
			if r.Jitter > 0 {
				delay += time.Duration(r.random.Int64N(int64(r.Jitter)))
			}
		case r.hits(c, Hold, now):
			holds = append(holds, r)
		}
	}
	return delay, holds
}

// forever waits without a timer: inside a testing/synctest bubble even a far-off one would be reached at once.
const forever time.Duration = -1

func (c *call) sleep(d time.Duration, released <-chan struct{}) bool {
	var leave <-chan struct{}
	if !c.op.write {
		leave = c.r.Context().Done()
	}
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
	case <-leave:
		return false
	case <-c.sim.done:
		return false
	}
}

// Held says how many requests wait in a Hold at this moment.
func (s *Simulator) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.held
}

func (s *Simulator) countHeld(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.held += by
}
