// Package letters lists and shows the dead letters of several queues for the command line.
package letters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// Shelf is the dead-letter queue of one queue.
type Shelf struct {
	Queue string
	Peek  deadletter.Peeker
}

// Selection narrows a list.
type Selection struct {
	Reason string // empty: every reason; case does not count
	Limit  int    // most letters to give
}

// List is what matched.
type List struct {
	Letters []deadletter.Letter `json:"letters"`
	More    bool                `json:"more"` // the limit was reached; there may be more
}

// Find lists matching letters, queue by queue, oldest first.
func Find(ctx context.Context, shelves []Shelf, s Selection) (List, error) {
	list := List{Letters: []deadletter.Letter{}}
	for _, shelf := range shelves {
		for from := int64(0); ; {
			page, err := deadletter.List(ctx, shelf.Peek, from, deadletter.Most)
			if err != nil {
				return list, fmt.Errorf("%s: %w", shelf.Queue, err)
			}
			for _, l := range page.Letters {
				if s.Reason != "" && !strings.EqualFold(l.Reason, s.Reason) {
					continue
				}
				if len(list.Letters) == s.Limit {
					list.More = true
					return list, nil
				}
				list.Letters = append(list.Letters, l)
			}
			if from = page.Next; from == 0 {
				break
			}
		}
	}
	return list, nil
}

// ErrSeveral says that more than one queue has a dead letter of that number.
var ErrSeveral = errors.New("several queues have a dead letter of that number")

// Show finds the one dead letter of a sequence number.
func Show(ctx context.Context, shelves []Shelf, sequence int64) (deadletter.Letter, error) {
	var found []deadletter.Letter
	var queues []string
	for _, shelf := range shelves {
		l, err := deadletter.Show(ctx, shelf.Peek, sequence)
		if errors.Is(err, deadletter.ErrNotFound) {
			continue
		}
		if err != nil {
			return l, fmt.Errorf("%s: %w", shelf.Queue, err)
		}
		found, queues = append(found, l), append(queues, shelf.Queue)
	}
	switch len(found) {
	case 0:
		return deadletter.Letter{}, deadletter.ErrNotFound
	case 1:
		return found[0], nil
	}
	return deadletter.Letter{}, fmt.Errorf("%w: %s", ErrSeveral, strings.Join(queues, ", "))
}

// Print writes a list as a table.
func (l List) Print(w io.Writer) error {
	rows := [][]string{{"QUEUE", "SEQUENCE", "DEAD-LETTERED", "REASON", "FAULT OF", "STEP", "TYPE", "EVENT"}}
	for _, d := range l.Letters {
		rows = append(rows, []string{d.Queue, strconv.FormatInt(d.Sequence, 10), render.Time(d.DeadLettered), render.Or(d.Reason),
			string(d.Blame), render.Or(d.Step), render.Or(d.Type), render.Or(d.ID)})
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	if l.More {
		fmt.Fprintf(w, "\nThere are more than these %d; --limit shows more.\n", len(l.Letters))
	}
	return nil
}

// PrintOne writes everything that is known of one dead letter.
func PrintOne(w io.Writer, d deadletter.Letter) error {
	description := d.Description
	if d.Foreign {
		description = "(not shown: somebody else wrote it)"
	}
	return render.Rows(w, [][]string{
		{"Queue", d.Queue},
		{"Sequence", strconv.FormatInt(d.Sequence, 10)},
		{"Reason", render.Or(d.Reason)},
		{"Fault of", string(d.Blame)},
		{"Description", render.Or(description)},
		{"Step", render.Or(d.Step)},
		{"Dead-lettered", render.Time(d.DeadLettered)},
		{"Source", render.Or(d.Source)},
		{"Event", render.Or(d.ID)},
		{"Type", render.Or(d.Type)},
		{"Channel", render.Or(d.Channel)},
		{"Event time", render.Time(d.EventTime)},
		{"Correlation", render.Or(d.CorrelationID)},
		{"Generation", strconv.Itoa(d.Generation)},
		{"Attempts", strconv.Itoa(d.Attempt)},
		{"Deliveries", strconv.Itoa(d.DeliveryCount)},
		{"Origin", d.Origin.String()},
		{"Enqueued", render.Time(d.Enqueued)},
		{"Bytes", strconv.Itoa(d.Bytes)},
	})
}
