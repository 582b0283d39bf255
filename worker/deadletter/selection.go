package deadletter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/worker"
)

// Find gives the selected letters, shelf by shelf, the oldest first, and whether there are more than the limit. With a standing,
// each says what was done about it; nil leaves that open.
func Find(ctx context.Context, shelves []Shelf, s Selection, standing *Standing) (letters []Letter, more bool, err error) {
	limit := s.Limit
	if limit > 0 {
		s.Limit++ // one more, to know whether there are more
	}
	letters = []Letter{}
	err = each(ctx, shelves, s, func(f found) error {
		if limit > 0 && len(letters) == limit {
			more = true
			return nil
		}
		if standing != nil {
			if f.State, err = standing.of(ctx, f); err != nil {
				return err
			}
		}
		letters = append(letters, f.Letter)
		return nil
	})
	return letters, more, err
}

// Shelf is the dead-letter queue of one queue.
type Shelf struct {
	Queue  string
	Own    bool // one of our own queues, whose messages carry what we wrote on them
	Peek   Peeker
	Decode worker.Decoder // reads its messages as events; nil: as CloudEvents
}

// Selection narrows what is looked at; its zero value takes everything. It is kept with a job, so it holds no personal data: ids
// and names, as lists show them.
type Selection struct {
	Reason    string    `json:"reason,omitempty"` // case does not count
	Step      string    `json:"step,omitempty"`
	Type      string    `json:"type,omitempty"`
	Source    string    `json:"source,omitempty"`
	Group     string    `json:"group,omitempty"`     // a fingerprint, as Groups shows it
	Sequences []int64   `json:"sequences,omitempty"` // only these
	Since     time.Time `json:"since,omitzero"`      // dead-lettered at or after; what has no such time counts by its enqueued time
	Until     time.Time `json:"until,omitzero"`      // dead-lettered before
	Limit     int       `json:"limit,omitempty"`     // at most so many; 0: all
}

// Everything says that nothing narrows it but perhaps a limit.
func (s Selection) Everything() bool {
	return s.Reason == "" && s.Step == "" && s.Type == "" && s.Source == "" && s.Group == "" && len(s.Sequences) == 0 && s.Since.IsZero() && s.Until.IsZero()
}

func (s Selection) takes(l Letter) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return (s.Reason == "" || strings.EqualFold(s.Reason, l.Reason)) && is(s.Step, l.Step) && is(s.Type, l.Type) && is(s.Source, l.Source) &&
		is(s.Group, l.Group) && (len(s.Sequences) == 0 || slices.Contains(s.Sequences, l.Sequence)) &&
		(s.Since.IsZero() || !l.since().Before(s.Since)) && (s.Until.IsZero() || l.since().Before(s.Until))
}

// since is when the letter was dead-lettered, as far as that is known.
func (l Letter) since() time.Time {
	if l.DeadLettered.IsZero() {
		return l.Enqueued
	}
	return l.DeadLettered
}

// walk hands over the selected letters of one shelf, oldest first, until use stops it with an error or says that it has enough.
func walk(ctx context.Context, shelf Shelf, s Selection, use func(found) (more bool, err error)) error {
	from := int64(0)
	if len(s.Sequences) > 0 {
		from = slices.Min(s.Sequences)
	}
	for {
		got, err := shelf.Peek.Peek(ctx, from, Most)
		if err != nil {
			return fmt.Errorf("%s: list dead letters: %w", shelf.Queue, err)
		}
		for _, m := range got {
			f := read(m, shelf.Decode, shelf.Own)
			if !s.takes(f.Letter) {
				continue
			}
			if more, err := use(f); err != nil || !more {
				return err
			}
		}
		if len(got) == 0 || len(s.Sequences) > 0 && got[len(got)-1].Sequence >= slices.Max(s.Sequences) {
			return nil
		}
		from = got[len(got)-1].Sequence + 1
	}
}

// each does so for several shelves, one after the other, up to the selection's limit.
func each(ctx context.Context, shelves []Shelf, s Selection, use func(found) error) error {
	n := 0
	for _, shelf := range shelves {
		err := walk(ctx, shelf, s, func(f found) (bool, error) {
			n++
			if err := use(f); err != nil {
				return false, err
			}
			return s.Limit == 0 || n < s.Limit, nil
		})
		if err != nil || s.Limit > 0 && n >= s.Limit {
			return err
		}
	}
	return nil
}
