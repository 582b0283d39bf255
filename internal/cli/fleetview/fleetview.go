// Package fleetview shows the processes of the fleet and what each has in hand.
package fleetview

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// View is what the command prints as JSON.
type View struct {
	Members []redisstore.Member `json:"members"` // those that live first
}

// Show lists them.
func Show(ctx context.Context, m *redisstore.Members) (View, error) {
	all, err := m.List(ctx)
	return View{all}, err
}

// Print writes a line for each.
func (v View) Print(w io.Writer) error {
	if len(v.Members) == 0 {
		_, err := fmt.Fprintln(w, "No process of the fleet runs, and none has died since yesterday.")
		return err
	}
	rows := [][]string{{"PROCESS", "STATE", "IN HAND", "SINCE", "VERSION"}}
	for _, m := range v.Members {
		rows = append(rows, []string{m.Name, state(m), fmt.Sprintf("%d of %d", m.InFlight, m.Slots), render.Time(m.Began), render.Or(m.Version)})
	}
	return render.Rows(w, rows)
}

func state(m redisstore.Member) string {
	switch {
	case m.Dead:
		return "died, last heard of until " + render.Time(m.Until)
	case m.Draining:
		return "draining"
	case len(m.Paused) > 0:
		return "paused: " + strings.Join(m.Paused, ", ")
	}
	return "working"
}
