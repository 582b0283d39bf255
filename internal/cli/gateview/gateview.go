// Package gateview shows how the gate of the CSU stands for the fleet.
package gateview

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/redisgate"
)

// View is what the command prints as JSON.
type View struct {
	State      string     `json:"state"`                // open, limited or shut
	Rate       float64    `json:"rate,omitempty"`       // calls a second of the whole fleet
	Until      *time.Time `json:"until,omitempty"`      // shut: when one call looks whether the pause is over
	Limit      float64    `json:"limit,omitempty"`      // an operator's, calls a second
	LimitUntil *time.Time `json:"limitUntil,omitempty"` // when it ends
	Circuits   []Circuit  `json:"circuits,omitempty"`   // those that are open, by name
}

// Circuit is one that is open.
type Circuit struct {
	Name  string    `json:"name"`  // an operation, or csu for all
	Cause string    `json:"cause"` // errors, blocked or forbidden
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // when one call probes
}

// Of makes the view of a gate and of the open circuits as they stand now.
func Of(s redisgate.Standing, open []csuclient.Circuit, now time.Time) View {
	at := func(d time.Duration) *time.Time {
		t := now.Add(d).UTC().Truncate(time.Second)
		return &t
	}
	v := View{State: "open"}
	if s.Paced {
		v.State, v.Rate = "limited", s.Rate
	}
	if s.Shut {
		v.State, v.Until = "shut", at(s.Until)
	}
	if s.Limit > 0 {
		v.Limit, v.LimitUntil = s.Limit, at(s.LimitFor)
	}
	for _, c := range open {
		v.Circuits = append(v.Circuits, Circuit{c.Name, c.Cause, *at(-c.Age), *at(c.Until)})
	}
	slices.SortFunc(v.Circuits, func(a, b Circuit) int { return strings.Compare(a.Name, b.Name) })
	return v
}

// Show looks at a gate and at the circuits beside it.
func Show(ctx context.Context, g *redisgate.Gate, circuits csuclient.CircuitStore) (View, error) {
	s, err := g.Show(ctx)
	if err != nil {
		return View{}, err
	}
	open, err := circuits.Look(ctx)
	return Of(s, open, time.Now()), err
}

// Limit lets the fleet make at most so many calls a second, for so long; a rate of 0 takes that back.
func Limit(ctx context.Context, g *redisgate.Gate, rate float64, lasts time.Duration) (View, error) {
	s, err := g.Limit(ctx, rate, lasts)
	return Of(s, nil, time.Now()), err
}

// because says why a circuit is open.
var because = map[string]string{
	csuclient.CauseErrors:    "they failed time and again",
	csuclient.CauseBlocked:   "we are not let in",
	csuclient.CauseForbidden: "it is not permitted to our role",
}

// Print writes it in sentences.
func (v View) Print(w io.Writer) error {
	text := "The gate is open: the CSU refused nothing lately, and calls are not paced.\n"
	switch v.State {
	case "limited":
		text = fmt.Sprintf("The fleet makes at most %.3g calls a second.\n", v.Rate)
	case "shut":
		text = fmt.Sprintf("The gate is shut: the CSU asked for a pause. At %s one call looks whether it is over.\n", v.Until.Format(time.RFC3339))
	}
	if v.Limit > 0 {
		text += fmt.Sprintf("An operator allows %.3g calls a second until %s.\n", v.Limit, v.LimitUntil.Format(time.RFC3339))
	}
	for _, c := range v.Circuits {
		calls := "Calls of " + c.Name
		if c.Name == csuclient.CircuitCSU {
			calls = "Calls of the CSU, all of them,"
		}
		text += fmt.Sprintf("%s are not made since %s, because %s. At %s one call looks whether it works again.\n", calls, c.Since.Format(time.RFC3339),
			because[c.Cause], c.Until.Format(time.RFC3339))
	}
	_, err := io.WriteString(w, text)
	return err
}
