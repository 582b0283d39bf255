package deadletter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Generations knows the generation that an event's run has reached; 0 for an event without a run.
type Generations interface {
	Generation(ctx context.Context, source, id string) (int, error)
}

// Desk is where an operator works on dead letters. All of it is used by one process at a time per job; several jobs may run at
// once, also on the same letters, since each replay is recognised by its event.
type Desk struct {
	Shelves []Shelf
	Outbox  worker.Sender
	Lane    string // the own queue that copies go to
	Ledger  Ledger
	Jobs    Jobs
	Runs    Generations
	Hasher  *keyhash.Hasher
	Rate    rate.Limit // letters a second; 0: as fast as it goes
	// Progress is told after each letter; nil: nobody is.
	Progress func(Count)
}

// NewJob names a job of the desk's shelves.
func (d *Desk) NewJob(action Action, s Selection) Job {
	j := Job{ID: uuid.NewString(), Action: action, Selection: s, State: JobRunning, Began: time.Now().UTC()}
	for _, shelf := range d.Shelves {
		j.Queues = append(j.Queues, shelf.Queue)
	}
	return j
}

// ErrSomeFailed says that letters of a job could not be sent. They are where they were.
var ErrSomeFailed = errors.New("deadletter: some dead letters could not be replayed; they are where they were")

// Run carries a job out, or goes on with one that was cut off: letters that were noted are skipped.
//
// For each letter: send its copy, then note its removal. A process that dies in between leaves a letter that has a copy and is
// still listed; replaying it again is harmless, because the copy's event knows itself. The other order could lose it.
func (d *Desk) Run(ctx context.Context, j Job) (Job, error) {
	j.State, j.Count.Skipped, j.Count.Withheld, j.Count.Failed, j.Ended = JobRunning, 0, 0, 0, time.Time{}
	if err := d.Jobs.Put(ctx, j); err != nil {
		return j, err
	}
	err := d.run(ctx, &j)
	j.State, j.Ended = JobCompleted, time.Now().UTC()
	if err != nil {
		j.State = JobStopped
	}
	if err == nil && j.Count.Failed > 0 {
		err = ErrSomeFailed
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	return j, errors.Join(err, d.Jobs.Put(last, j))
}

func (d *Desk) run(ctx context.Context, j *Job) error {
	pace := rate.NewLimiter(orInf(d.Rate), 1)
	selection := j.Selection
	selection.Limit = 0 // counts what is done, not what is found: else a job taken up again would do nothing
	for _, shelf := range d.Shelves {
		pages := pager{size: Most}
		err := walk(ctx, shelf, selection, func(f found) (bool, error) {
			pages.add(f)
			if !pages.full() {
				return true, nil
			}
			return d.page(ctx, j, shelf.Queue, pages.take(), pace)
		})
		if err == nil {
			_, err = d.page(ctx, j, shelf.Queue, pages.take(), pace)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func orInf(r rate.Limit) rate.Limit {
	if r <= 0 {
		return rate.Inf
	}
	return r
}

// page does a page of letters; more is false when the job's limit is reached.
func (d *Desk) page(ctx context.Context, j *Job, queue string, letters []found, pace *rate.Limiter) (more bool, err error) {
	noted, err := d.noted(ctx, queue, letters)
	if err != nil {
		return false, err
	}
	for _, f := range letters {
		if limit := j.Selection.Limit; limit > 0 && j.Count.Done+j.Count.Failed >= limit {
			return false, nil
		}
		if r, is := noted[f.Sequence]; is && r.Mark == MarkOf(d.Hasher, queue, f.message) {
			j.Count.Skipped++
		} else if f.Withheld && j.Action == Replayed {
			j.Count.Skipped++
			j.Count.Withheld++
		} else if err := d.letter(ctx, j, queue, f, pace); err != nil {
			return false, err
		}
		if d.Progress != nil {
			d.Progress(j.Count)
		}
	}
	return true, nil
}

func (d *Desk) noted(ctx context.Context, queue string, letters []found) (map[int64]Removal, error) {
	if len(letters) == 0 {
		return nil, nil
	}
	sequences := make([]int64, 0, len(letters))
	for _, f := range letters {
		sequences = append(sequences, f.Sequence)
	}
	return d.Ledger.Noted(ctx, queue, sequences)
}

// letter replays or discards one. What cannot be sent is counted and stays; what cannot be noted ends the job, since it would be
// done again and again.
func (d *Desk) letter(ctx context.Context, j *Job, queue string, f found, pace *rate.Limiter) error {
	if err := pace.Wait(ctx); err != nil {
		return err
	}
	if j.Action == Replayed {
		if err := d.send(ctx, j.ID, f); err != nil {
			if ctx.Err() != nil {
				return err
			}
			if !errors.Is(err, worker.ErrTooLarge) {
				return fmt.Errorf("replay dead letter %d of %s: %w", f.Sequence, queue, err)
			}
			j.Count.Failed++
			return nil
		}
	}
	noting := context.WithoutCancel(ctx) // the copy is sent: it must be noted, interrupted or not
	noting, done := context.WithTimeout(noting, 10*time.Second)
	defer done()
	r := Removal{Sequence: f.Sequence, Mark: MarkOf(d.Hasher, queue, f.message), Action: j.Action, Job: j.ID, At: time.Now().UTC()}
	if err := d.Ledger.Note(noting, queue, r); err != nil {
		return fmt.Errorf("note dead letter %d of %s: %w", f.Sequence, queue, err)
	}
	j.Count.Done++
	return nil
}

// send sends the copy that takes the letter's place.
func (d *Desk) send(ctx context.Context, job string, f found) error {
	ev := f.replay(job)
	reached, err := d.Runs.Generation(ctx, ev.Source, ev.ID)
	if err != nil {
		return fmt.Errorf("read the run of dead letter %d: %w", f.Sequence, err)
	}
	ev.Generation = max(reached+1, ev.Generation)
	return d.Outbox.Send(ctx, d.Lane, replayOf(f.message, ev), time.Time{})
}

// replay is the event of a dead letter as a job brings it back: the next generation, attempts counted anew, and no time to live,
// or what expired would expire again. Of a message that is no event only what could be read is there.
func (f found) replay(job string) orchestration.Event {
	ev := f.event
	ev.Generation++
	ev.Attempt, ev.Expires, ev.Replay = 0, time.Time{}, job
	return ev
}

// replayOf is the copy: the peeked body and the foreign properties untouched, without what the broker wrote of its death, under
// a message ID of its own.
func replayOf(m worker.Message, ev orchestration.Event) worker.Message {
	properties := maps.Clone(m.Properties)
	delete(properties, "DeadLetterReason")
	delete(properties, "DeadLetterErrorDescription")
	return worker.Message{ID: uuid.NewString(), CorrelationID: m.CorrelationID, ContentType: m.ContentType, Subject: m.Subject,
		Properties: envelope.Mark(properties, ev), Body: m.Body}
}

// pager collects letters, so that the ledger is asked for many at once.
type pager struct {
	size  int
	items []found
}

func (p *pager) add(f found) { p.items = append(p.items, f) }
func (p *pager) full() bool  { return len(p.items) >= p.size }
func (p *pager) take() []found {
	items := p.items
	p.items = nil
	return items
}
