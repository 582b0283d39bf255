package local

import (
	"context"
	"fmt"
	"time"
)

const (
	look = 50 * time.Millisecond
	// patience is how long nothing may happen while messages are only scheduled: they are due later than a person waits.
	patience = 10 * time.Second
)

// idle waits until nothing is active, locked or due soon, and shows how far it is.
func (s *stand) idle(ctx context.Context, o Options, a *account) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	defer func() {
		if o.Terminal {
			fmt.Fprintln(o.Err)
		}
	}()
	for still := 0; ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		c := a.counts()
		if o.Terminal {
			fmt.Fprintf(o.Err, "\r%d of %d ended: %d completed, %d duplicates, %d superseded, %d dead-lettered; %d rescheduled; %d of %d exports ",
				c.ended, c.published, c.completed, c.duplicates, c.superseded, c.deadLettered, c.rescheduled, c.exported, c.asked)
		}
		active, scheduled, err := s.waiting()
		if err != nil {
			return err
		}
		if active > 0 || scheduled > 0 && c.quiet < patience {
			still = 0
			continue
		}
		if still++; still == 3 { // a settlement is counted a moment after the broker has it
			return nil
		}
	}
}

// waiting counts what the broker holds outside its dead-letter queues.
func (s *stand) waiting() (active, scheduled int, err error) {
	for _, q := range []string{sourceQueue, ownQueue, bulkQueue, replayQueue} {
		c, err := s.broker.Counts(q)
		if err != nil {
			return 0, 0, err
		}
		active += c.Active
		scheduled += c.Scheduled
	}
	return active, scheduled, nil
}
