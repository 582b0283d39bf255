package local

import (
	"context"
	"sync"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
)

// account keeps books on published messages, not on deliveries: each message that was published ends exactly once,
// whatever copies and redeliveries it took. Copies are told apart by their origin, which they carry from the message
// they stand for.
type account struct {
	worker.NoObserver

	mu          sync.Mutex
	wanted      int
	ends        map[string]end               // by origin
	told        map[string]map[string]string // what each sink has: the type of each event, by origin
	exports     map[string]bool              // by the id of the event that asked for one: whether it came to a good end
	rescheduled int
	surplus     int
	changed     time.Time
}

// end is how a published message ended; of two the greater stands. A message whose run was finished just before its
// worker lost the lock comes back as a duplicate of itself: it is completed all the same.
type end int

const (
	none end = iota
	duplicate
	superseded
	deadLettered
	completed
)

func newAccount() *account {
	return &account{ends: map[string]end{}, told: map[string]map[string]string{}, exports: map[string]bool{}, changed: time.Now()}
}

func (a *account) published(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted += n
}

// asks books an export before it is asked for.
func (a *account) asks(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.exports[id] = false
}

// own books what we said ourselves, which was published by nobody.
func (a *account) own(s worker.Settled) {
	if s.Outcome.Verdict != orchestration.Completed {
		return
	}
	if _, asked := a.exports[s.Event.ID]; asked {
		a.exports[s.Event.ID] = true
	}
	if sink := s.Event.Sink; sink != "" {
		if a.told[sink] == nil {
			a.told[sink] = map[string]string{}
		}
		a.told[sink][s.Event.Origin.String()] = s.Event.Type
	}
}

// Settled implements worker.Observer.
func (a *account) Settled(_ context.Context, s worker.Settled) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = time.Now()
	origin := s.Event.Origin.String()
	if s.Event.Origin.Queue != sourceQueue {
		a.own(s)
		return
	}
	e := none
	switch {
	case s.Outcome.Verdict == orchestration.Completed:
		e = completed
	case s.Result == worker.ResultDeadLettered:
		e = deadLettered
	case s.Result == worker.ResultSuperseded:
		e = superseded
	case s.Result == worker.ResultDuplicate:
		e = duplicate
	case s.Result == worker.ResultSurplus:
		a.surplus++
	case s.Result == worker.ResultRescheduled:
		a.rescheduled++
	}
	a.ends[origin] = max(a.ends[origin], e)
}

// counts is the state of the books.
type counts struct {
	published, completed, duplicates, superseded, deadLettered, rescheduled, surplus int
	ended, told                                                                      int
	asked, exported                                                                  int
	records                                                                          map[string]int // what was exported, by type
	quiet                                                                            time.Duration  // since the last settlement
}

func (a *account) counts() counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := counts{published: a.wanted, rescheduled: a.rescheduled, surplus: a.surplus, told: len(a.told[sinkOutcomes]), quiet: time.Since(a.changed),
		asked: len(a.exports), records: map[string]int{}}
	for _, done := range a.exports {
		if done {
			c.exported++
		}
	}
	for _, typ := range a.told[sinkCatalogue] {
		c.records[typ]++
	}
	for _, e := range a.ends {
		switch e {
		case completed:
			c.completed++
		case duplicate:
			c.duplicates++
		case superseded:
			c.superseded++
		case deadLettered:
			c.deadLettered++
		}
	}
	c.ended = c.completed + c.duplicates + c.superseded + c.deadLettered
	return c
}
