package virtual

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// patience is how long, of virtual time, a fleet has to come to rest.
const patience = 2 * time.Hour

// story is a plan that is carried out.
type story struct {
	*harness.World
	plan  plan
	began time.Time
	parts func(*app.Parts) // what is broken on purpose; nil: nothing

	mu      sync.Mutex
	running []*process
	all     []*process
	over    bool           // no more processes are started
	pending sync.WaitGroup // what is to happen later
}

// process is one of the fleet, at its place in it.
type process struct {
	*harness.Process
	place   int
	stopped atomic.Bool
	gone    chan struct{} // closed when it has stopped
}

// tell carries a plan out in a bubble of its own, checks what is left, and gives what was wrong with it; empty for nothing.
func tell(t *testing.T, p plan, parts func(*app.Parts), check func(*story)) (wrong string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{World: harness.NewVirtual(t, p.options), plan: p, began: time.Now(), parts: parts}
		s.running = make([]*process, p.processes)
		wrong = judge(&s.T, func() {
			s.bindBread()
			for i := range p.processes {
				s.start(i)
			}
			s.carryOut()
			s.calm()
			s.Settle(patience)
			s.stop()
			<-time.After(10 * time.Minute) // late writes would show, and goroutines of the dead end
			check(s)
		})
		if wrong != "" {
			s.T = t
			s.calm()
			s.stop()
			<-time.After(10 * time.Minute)
		}
	})
	return wrong
}

func (s *story) stop() {
	s.mu.Lock()
	s.over = true
	all := slices.Clone(s.all)
	s.mu.Unlock()
	for _, one := range all {
		one.stop()
	}
}

// verdict is a testing.TB that remembers what failed, so that a bubble can be left in order.
type verdict struct {
	testing.TB
	mu    sync.Mutex
	wrong strings.Builder
}

// Errorf remembers.
func (v *verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(&v.wrong, format, args...)
}

// FailNow ends the goroutine.
func (v *verdict) FailNow() { runtime.Goexit() }

// judge runs what may fail against a TB of its own.
func judge(tb *testing.TB, run func()) string {
	v := &verdict{TB: *tb}
	*tb = v
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	<-done
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.wrong.String()
}

// carryOut publishes and strikes as planned.
func (s *story) carryOut() {
	messages, troubles := s.plan.messages, s.plan.troubles
	for len(messages)+len(troubles) > 0 {
		if len(troubles) == 0 || len(messages) > 0 && messages[0].at <= troubles[0].at {
			s.until(messages[0].at)
			s.Send(s.message(messages[0]))
			messages = messages[1:]
			continue
		}
		s.until(troubles[0].at)
		s.strike(troubles[0])
		troubles = troubles[1:]
	}
}

// calm waits until nothing goes wrong any more.
func (s *story) calm() {
	s.until(lastTrouble)
	s.mu.Lock()
	for _, p := range s.all {
		p.Forget()
	}
	s.mu.Unlock()
	synctest.Wait()
	s.pending.Wait()
	s.CSU.ClearFaults()
	if s.Sink != nil {
		s.Sink.ClearFaults()
	}
}

func (s *story) until(at time.Duration) { <-time.After(time.Until(s.began.Add(at))) }

// later does something after a while, before the calm ends.
func (s *story) later(d time.Duration, do func()) {
	s.pending.Go(func() {
		<-time.After(d)
		do()
	})
}

func (s *story) start(place int) {
	p := &process{place: place, gone: make(chan struct{}), Process: s.StartWith(nil, s.change())}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[place] = p
	s.all = append(s.all, p)
	go s.supervise(p)
}

// supervise starts another process where one has ended by itself, as whatever runs the fleet does: one that cannot reach Redis or
// the broker when it starts gives up.
func (s *story) supervise(p *process) {
	<-p.Ended()
	if p.stopped.Load() {
		return
	}
	<-time.After(time.Second)
	s.replace(p)
}

// change is what is broken on purpose in every process.
func (s *story) change() func(*app.Parts) {
	if s.parts == nil {
		return func(*app.Parts) {}
	}
	return s.parts
}

// at is the process at a place.
func (s *story) at(place int) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[place]
}

// replace ends a process, cleanly unless it is dead, and starts another one in its place. It may be called by the process.
func (s *story) replace(p *process) {
	s.pending.Go(func() {
		p.stop()
		s.mu.Lock()
		current := s.running[p.place] == p && !s.over
		s.mu.Unlock()
		if current {
			s.start(p.place)
		}
	})
}

func (p *process) stop() {
	if p.stopped.Swap(true) {
		<-p.gone
		return
	}
	p.Thaw()
	p.Stop()
	close(p.gone)
}

// message is what is sent.
func (s *story) message(m publication) worker.Message {
	if m.what == sale {
		return s.order(m)
	}
	if m.what != poison {
		is := m.is
		is.At = s.began.Add(-time.Minute + time.Duration(is.Event[len(is.Event)-1])*time.Second)
		if source(is) == secondShop {
			is.At = s.began.Add(-time.Second)
		}
		return is.Message(s.T)
	}
	parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: uuid.NewString(), Type: "signalbox.customer.changed.v1", Time: s.began,
		CorrelationID: uuid.NewString()})
	return worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: []byte(m.body)}
}

func ctx() context.Context { return context.Background() }
