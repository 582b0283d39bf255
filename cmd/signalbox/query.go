package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/worker/deadletter"
)

// query is the flags that select dead letters.
type query struct {
	queue     string
	selection deadletter.Selection
}

// flags adds them to a command. limit is the default of --limit; 0 means all.
func (q *query) flags(c *cobra.Command, limit int) {
	f := c.Flags()
	s := &q.selection
	f.StringVar(&q.queue, "queue", "", "only of this `queue`")
	f.StringVar(&s.Reason, "reason", "", "only with this `reason`, such as SchemaInvalid")
	f.StringVar(&s.Group, "group", "", "only of this `group`, as deadletter groups names it")
	f.StringVar(&s.Step, "step", "", "only those that stopped at this `step`")
	f.StringVar(&s.Type, "type", "", "only of this event `type`")
	f.StringVar(&s.Source, "source", "", "only of this CloudEvents `source`")
	f.Var(moment{&s.Since}, "since", "only those dead-lettered since then: a time, or how long ago, such as 2h")
	f.Var(moment{&s.Until}, "until", "only those dead-lettered before then")
	usage := "take at most so many"
	if limit == 0 {
		usage += "; default: all"
	}
	f.IntVar(&s.Limit, "limit", limit, usage)
	c.PreRunE = func(*cobra.Command, []string) error { return q.check(limit) }
}

func (q *query) check(limit int) error {
	if q.selection.Limit < 0 || q.selection.Limit == 0 && limit > 0 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// moment is a flag that takes a time or how long ago.
type moment struct{ t *time.Time }

// String, Set and Type implement pflag.Value.
func (m moment) String() string {
	if m.t == nil || m.t.IsZero() {
		return ""
	}
	return m.t.Format(time.RFC3339)
}
func (m moment) Type() string { return "time" }
func (m moment) Set(text string) error {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		*m.t = time.Now().Add(-ago).UTC()
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("must be a time such as 2026-01-31T15:04:05Z, or how long ago, such as 90m")
	}
	*m.t = at.UTC()
	return nil
}
