// Package publish sends events to a queue as an upstream system would: JSON lines, each a CloudEvent, or a source's rows,
// which its field map makes events of; checked before they are sent, in batches.
//
// The input is a stream: no more than a batch of it is held, an event waits for at most a moment for others to share
// its batch with, and a line is bounded. Errors: those of package worker; the summary stands whatever happened.
package publish

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/rows"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// Sender sends messages in as few transfers as possible and says of each what became of it.
type Sender interface {
	Publish(ctx context.Context, queue string, messages []worker.Message) []error
}

// Options of Run.
type Options struct {
	In       io.Reader
	Sender   Sender // nil: a dry run
	Checker  Checker
	Queue    string
	MaxBytes int           // longest line
	Rate     rate.Limit    // events a second; zero: as fast as it goes
	Source   *rows.Source  // the input is rows of this source; nil: CloudEvents
	CSV      bool          // they are a table with a head, not JSON lines
	Refused  func(Refusal) // told of each bad line, in order
	Warned   func(Warning) // told of each field of a row that is not as its map would have it; may be nil
	Progress func(Summary) // told after each batch; may be nil
}

// Summary counts lines. Blank ones are not counted.
type Summary struct {
	Queue   string `json:"queue"`
	DryRun  bool   `json:"dry_run"`
	Read    int    `json:"read"`
	Valid   int    `json:"valid"`
	Sent    int    `json:"sent"`    // the broker has them
	Refused int    `json:"refused"` // by the checks, or by the broker for their size
	Unsent  int    `json:"unsent"`  // valid, and not known to be with the broker; sending them again is safe

	Warnings int `json:"warnings"` // of rows that were valid
}

const (
	maxBatch = 100
	// linger is how long an event may wait for others, once the input pauses.
	linger = 20 * time.Millisecond
)

type publisher struct {
	o       Options
	limiter *rate.Limiter
	most    int // messages of a batch
	sum     Summary
	batch   []worker.Message
	lines   []int              // of the batch
	warned  []fieldmap.Warning // of the row that was checked last
}

// Run reads the input to its end, or to the first failure that the next batch would meet too.
func Run(ctx context.Context, o Options) (Summary, error) {
	p := &publisher{o: o, most: maxBatch, sum: Summary{Queue: o.Queue, DryRun: o.Sender == nil}}
	if o.Rate > 0 {
		p.most = max(1, min(maxBatch, int(o.Rate/10)))
		p.limiter = rate.NewLimiter(o.Rate, p.most)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read := make(chan input.Line, maxBatch)
	// Nobody waits for this goroutine: a read from a terminal or a pipe cannot be cut short. It ends with its next line,
	// with the end of the input, or with the process.
	ended := make(chan error, 1)
	go func() { ended <- feed(ctx, input.New(o.In, o.MaxBytes, o.CSV), read) }()
	err := p.take(ctx, read)
	if err == nil {
		err = <-ended
	}
	p.sum.Unsent = p.sum.Valid - p.sum.Sent
	if p.sum.DryRun {
		p.sum.Unsent = 0
	}
	return p.sum, err
}

// feed reads lines until the input or the context ends, and closes the channel.
func feed(ctx context.Context, in input.Lines, read chan<- input.Line) error {
	defer close(read)
	return input.Each(in, func(l input.Line) error {
		select {
		case read <- l:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// take checks lines as they come and sends what is good.
func (p *publisher) take(ctx context.Context, lines <-chan input.Line) error {
	pause := time.NewTimer(linger)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-pause.C:
			if err := p.flush(ctx); err != nil {
				return err
			}
		case l, more := <-lines:
			if !more {
				return p.flush(ctx)
			}
			p.add(l)
			if len(p.batch) >= p.most {
				if err := p.flush(ctx); err != nil {
					return err
				}
			}
			pause.Reset(linger)
		}
	}
}

func (p *publisher) add(l input.Line) {
	p.sum.Read++
	m, bad := p.check(l)
	if bad != nil {
		p.refuse(*bad)
		return
	}
	p.sum.Valid++
	p.warn(l.Number)
	if p.o.Sender != nil {
		p.batch, p.lines = append(p.batch, m), append(p.lines, l.Number)
	}
}

func (p *publisher) refuse(r Refusal) {
	p.sum.Refused++
	p.o.Refused(r)
}

// flush sends the batch. An error is one that the next batch would meet too.
func (p *publisher) flush(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	if p.limiter != nil {
		if err := p.limiter.WaitN(ctx, len(p.batch)); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	// An interrupt must not leave open what became of a batch: the call has a short deadline of its own.
	results := p.o.Sender.Publish(context.WithoutCancel(ctx), p.o.Queue, p.batch)
	var failure error
	for i, err := range results {
		switch {
		case err == nil:
			p.sum.Sent++
		case errors.Is(err, worker.ErrTooLarge):
			p.sum.Valid--
			p.refuse(Refusal{p.lines[i], fault.TooLarge, "", "The queue does not take a message of this size."})
		case failure == nil || errors.Is(failure, servicebus.ErrUnsent):
			failure = err // rather why a batch failed than that the ones behind it were left
		}
	}
	p.batch, p.lines = p.batch[:0], p.lines[:0]
	if p.o.Progress != nil {
		p.o.Progress(p.sum)
	}
	return failure
}
