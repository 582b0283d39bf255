// Package letters lists, shows, replays and discards the dead letters of several queues for the command line.
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

// List is what matched.
type List struct {
	Letters []deadletter.Letter `json:"letters"`
	More    bool                `json:"more"` // the limit was reached; there may be more
}

// Find lists matching letters, queue by queue, oldest first. Without a standing nothing is said of what was done about them.
func Find(ctx context.Context, shelves []deadletter.Shelf, s deadletter.Selection, standing *deadletter.Standing) (List, error) {
	found, more, err := deadletter.Find(ctx, shelves, s, standing)
	return List{found, more}, err
}

// ErrSeveral says that more than one queue has a dead letter of that number.
var ErrSeveral = errors.New("several queues have a dead letter of that number")

// Show finds the one dead letter of a sequence number.
func Show(ctx context.Context, shelves []deadletter.Shelf, sequence int64, standing *deadletter.Standing) (deadletter.Letter, error) {
	found, _, err := deadletter.Find(ctx, shelves, deadletter.Selection{Sequences: []int64{sequence}}, standing)
	if err != nil {
		return deadletter.Letter{}, err
	}
	switch len(found) {
	case 0:
		return deadletter.Letter{}, deadletter.ErrNotFound
	case 1:
		return found[0], nil
	}
	queues := make([]string, 0, len(found))
	for _, l := range found {
		queues = append(queues, l.Queue)
	}
	return deadletter.Letter{}, fmt.Errorf("%w: %s", ErrSeveral, strings.Join(queues, ", "))
}

// Print writes a list as a table.
func (l List) Print(w io.Writer) error {
	rows := [][]string{{"QUEUE", "SEQUENCE", "DEAD-LETTERED", "REASON", "FAULT OF", "STEP", "TYPE", "EVENT", "STATE"}}
	for _, d := range l.Letters {
		rows = append(rows, []string{d.Queue, strconv.FormatInt(d.Sequence, 10), render.Time(d.DeadLettered), render.Or(d.Reason),
			string(d.Blame), render.Or(d.Step), render.Or(d.Type), render.Or(d.ID), render.Or(string(d.State))})
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
	body := strconv.Itoa(d.Bytes) + " bytes"
	if d.Withheld {
		body = "not kept: publish the event anew"
	}
	return render.Rows(w, [][]string{
		{"Queue", d.Queue},
		{"Sequence", strconv.FormatInt(d.Sequence, 10)},
		{"State", render.Or(string(d.State))},
		{"Reason", render.Or(d.Reason)},
		{"Fault of", string(d.Blame)},
		{"Description", describe(d.Description, d.Foreign)},
		{"Step", render.Or(d.Step)},
		{"Group", d.Group},
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
		{"Body", body},
	})
}

func describe(description string, foreign bool) string {
	if foreign {
		return "(not shown: somebody else wrote it)"
	}
	return render.Or(description)
}

// PrintGroups writes groups as a table.
func PrintGroups(w io.Writer, groups []deadletter.Group) error {
	rows := [][]string{{"GROUP", "COUNT", "REASON", "FAULT OF", "STEP", "TYPE", "FIRST", "LAST", "EXAMPLE", "DESCRIPTION"}}
	for _, g := range groups {
		rows = append(rows, []string{g.Fingerprint, strconv.Itoa(g.Count), render.Or(g.Reason), string(g.Blame), render.Or(g.Step), render.Or(g.Type),
			render.Time(g.First), render.Time(g.Last), g.Queues[0] + "/" + strconv.FormatInt(g.Example, 10), render.Or(g.Description)})
	}
	return render.Rows(w, rows)
}
