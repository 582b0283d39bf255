package sink

import "time"

// wait spends the time that options and faults ask for at a point; false means that the delivery is not to go on.
func (c *call) wait(at Point) bool {
	delay, holds := c.waits(at, time.Now())
	if at == PointAnswer {
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

// sleep goes on when its client has gone: a receiver does not notice that at once.
func (c *call) sleep(d time.Duration, released <-chan struct{}) bool {
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
	case <-c.sim.done:
		return false
	}
}

func (s *Simulator) countHeld(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.held += by
}
