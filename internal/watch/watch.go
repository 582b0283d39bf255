// Package watch is the fleet's watchman: what one process, the elected one, sees and does for all of them. It counts the
// queues, looks for their oldest messages, counts the runs that wait, asks Redis whether it keeps what it is given, and
// sends a heartbeat through every queue that is nobody else's.
//
// All of it only looks, save the heartbeat, whose events are harmless when two processes send them; so the election
// (package leader) needs no fencing. What is seen is kept in memory until the term ends: a process that does not lead
// says nothing about the fleet, and a number that nobody could read is missing, never 0.
//
// Nothing here can fail the process: every part of a round has a time limit and fails by itself.
//
// Concurrency: Lead is called by the elector, one term at a time; Sight by whoever exports, at any time.
package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
)

// Role is the name of the watchman's lease.
const Role = "watch"

// Counts is what the broker says of a queue.
type Counts struct {
	Active, Scheduled, DeadLetter, Transfer, TransferDeadLetter int64
	Size, MaxSize                                               int64 // bytes; MaxSize 0: the broker does not say
}

// Counter asks the broker for a queue's counts. It takes the right to manage the queue, and costs the broker a little.
type Counter interface {
	Counts(ctx context.Context, queue string) (Counts, error)
}

// Peeker shows messages from a sequence number on, in order, without locking them; none when there are no more.
type Peeker interface {
	Peek(ctx context.Context, from int64, most int) ([]worker.Message, error)
	Close(ctx context.Context)
}

// Queue is one queue to watch.
type Queue struct {
	Name        string
	Live        Peeker // its messages
	DeadLetters Peeker
	NoBeat      bool // it gets no heartbeat: it is a subscription, and others have subscribed to its topic, too
}

// Store is what is asked of Redis.
type Store interface {
	Waiting(ctx context.Context, use func(redisstore.Waiting) error) error
	Safety(ctx context.Context) (redisstore.Safety, error)
	// Members counts the processes of the fleet that live.
	Members(ctx context.Context) (int, error)
}

// Sender sends the heartbeat of a queue.
type Sender interface {
	Beat(ctx context.Context, queue string) error
}

// Observer is told how it goes. Implementations count and log.
type Observer interface {
	// Sampled reports a look at a queue; err is nil when everything about it could be read.
	Sampled(queue string, err error)
	// Asked reports the questions to the store, once a round: what waits, and how it keeps its data.
	Asked(err error)
	// Beaten reports a heartbeat that the broker has taken, or has not.
	Beaten(queue string, err error)
}

// Options of a Watch. Every and Beat are 0 for never.
type Options struct {
	Queues  []Queue
	Counter Counter // nil: nobody counts, and only the oldest messages are looked for
	Store   Store
	Every   time.Duration // between two rounds of looking
	Sender  Sender
	Beat    time.Duration // between two heartbeats; each follows a round, so that none is seen as work that waits
	Timeout time.Duration // of everything about one queue in a round; default 10 s
	Observe Observer
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var problems []error
	if o.Every < 0 || o.Beat < 0 || o.Timeout < 0 {
		problems = append(problems, errors.New("watch: a negative time"))
	}
	if o.Every > 0 && o.Store == nil {
		problems = append(problems, errors.New("watch: needs a store to look at"))
	}
	if o.Beat > 0 && o.Sender == nil {
		problems = append(problems, errors.New("watch: needs a sender of heartbeats"))
	}
	if o.Observe == nil {
		problems = append(problems, errors.New("watch: needs an observer"))
	}
	for i, q := range o.Queues {
		if q.Name == "" || o.Every > 0 && (q.Live == nil || q.DeadLetters == nil) {
			problems = append(problems, fmt.Errorf("watch: queue %d has no name or cannot be looked into", i))
		}
	}
	return errors.Join(problems...)
}

// Watch is the watchman of one process.
type Watch struct {
	o Options

	mu     sync.Mutex
	leads  bool
	queues map[string]Sample
	beats  map[string]time.Time
	waits  map[Wait]int
	safety redisstore.Safety
	alive  int // processes
}

// New checks the options.
func New(o Options) (*Watch, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return &Watch{o: o}, nil
}

// Sight is what is known now.
type Sight struct {
	Queues  []Sample             // by name; a queue that was not looked at yet is missing
	Beats   map[string]time.Time // by queue: when the last heartbeat was sent
	Waits   map[Wait]int         // nil: not known
	Safety  redisstore.Safety
	Members int // processes of the fleet that live; 0: not known
}

// Wait is what a run waits for, and in which scenario.
type Wait struct{ Scenario, Cause string }

// Sight gives what this process has seen in its term; false when it does not lead.
func (w *Watch) Sight() (Sight, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Sight{Beats: maps.Clone(w.beats), Waits: maps.Clone(w.waits), Safety: w.safety, Members: w.alive}
	for _, name := range slices.Sorted(maps.Keys(w.queues)) {
		s.Queues = append(s.Queues, w.queues[name])
	}
	return s, w.leads
}

// Lead is one term: it looks and sends until ctx ends.
func (w *Watch) Lead(ctx context.Context) {
	w.begin()
	defer w.end(ctx)
	finds := make([]finder, len(w.o.Queues))
	look, beat := due(w.o.Every), due(w.o.Beat)
	for ctx.Err() == nil {
		now := time.Now()
		if look.is(now) {
			w.round(ctx, finds)
			look.next(time.Now())
		}
		if beat.is(now) {
			w.beat(ctx)
			beat.next(time.Now())
		}
		pause(ctx, earliest(look, beat))
	}
}

func (w *Watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leads, w.queues, w.beats, w.waits, w.safety, w.alive = true, map[string]Sample{}, map[string]time.Time{}, nil, redisstore.Safety{}, 0
}

// end forgets what was seen: it is for the next leader to say. The links are closed, so that they cost nobody anything.
func (w *Watch) end(ctx context.Context) {
	w.mu.Lock()
	w.leads, w.queues, w.beats, w.waits, w.safety, w.alive = false, nil, nil, nil, redisstore.Safety{}, 0
	w.mu.Unlock()
	if w.o.Every == 0 {
		return
	}
	for _, q := range w.o.Queues {
		q.Live.Close(context.WithoutCancel(ctx))
		q.DeadLetters.Close(context.WithoutCancel(ctx))
	}
}

// beat sends a heartbeat to every queue that gets one.
func (w *Watch) beat(ctx context.Context) {
	for _, q := range w.o.Queues {
		if q.NoBeat {
			continue
		}
		call, done := context.WithTimeout(ctx, w.o.Timeout)
		err := w.o.Sender.Beat(call, q.Name)
		done()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			w.mu.Lock()
			w.beats[q.Name] = time.Now()
			w.mu.Unlock()
		}
		w.o.Observe.Beaten(q.Name, err)
	}
}
