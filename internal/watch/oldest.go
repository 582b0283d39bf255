package watch

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

const (
	page  = 100 // messages of one peek: bodies come with them
	pages = 10  // of one round
)

// finder finds the oldest message that could be worked on. A peek shows scheduled and deferred ones too, in order of their
// sequence numbers; a scheduled one that comes due gets a new number. So the oldest active one's number only ever grows,
// and each round goes on where the last one found it, however many scheduled ones lie before.
type finder struct {
	from int64
}

// oldest gives the enqueued time of the oldest active message, locked ones among them; zero when there is none. found is
// false when the pages of a round were not enough to get through what is scheduled: the next round goes on there.
func (f *finder) oldest(ctx context.Context, q Peeker, none bool) (at time.Time, found bool, err error) {
	if none {
		return time.Time{}, true, nil
	}
	for range pages {
		got, err := q.Peek(ctx, f.from, page)
		if err != nil {
			return time.Time{}, false, err
		}
		if len(got) == 0 {
			f.from = 0 // and see, the next time, whether there is one after all: a broker that was set up anew counts anew
			return time.Time{}, true, nil
		}
		for _, m := range got {
			if m.State == worker.Active {
				f.from = m.Sequence
				return m.Enqueued, true, nil
			}
		}
		f.from = got[len(got)-1].Sequence + 1
	}
	return time.Time{}, false, nil
}

// oldestDead gives when the dead letter that lies there longest became one. Dead letters keep their sequence numbers and
// enqueued times, so the first page by number may miss one that waited long before it died; it lies there all the shorter.
func oldestDead(ctx context.Context, q Peeker, none bool) (at time.Time, found bool, err error) {
	if none {
		return time.Time{}, true, nil
	}
	got, err := q.Peek(ctx, 0, page)
	if err != nil {
		return time.Time{}, false, err
	}
	for _, m := range got {
		if died := diedAt(m); at.IsZero() || died.Before(at) {
			at = died
		}
	}
	return at, true, nil
}

// diedAt is when a message became a dead letter: the worker writes it down, the broker does not.
func diedAt(m worker.Message) time.Time {
	if text, ok := m.Properties[envelope.PropertyDeadLetteredAt].(string); ok {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at
		}
	}
	return m.Enqueued
}
