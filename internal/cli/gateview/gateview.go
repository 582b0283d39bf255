// Package gateview shows how the gate of the CSU stands for the fleet.
package gateview

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/signalbox/signalbox/csuclient/redisgate"
)

// View is what the command prints as JSON.
type View struct {
	State      string     `json:"state"`                // open, limited or shut
	Rate       float64    `json:"rate,omitempty"`       // calls a second of the whole fleet
	Until      *time.Time `json:"until,omitempty"`      // shut: when one call looks whether the pause is over
	Limit      float64    `json:"limit,omitempty"`      // an operator's, calls a second
	LimitUntil *time.Time `json:"limitUntil,omitempty"` // when it ends
}

// Of makes the view of a gate as it stands now.
func Of(s redisgate.Standing, now time.Time) View {
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
	return v
}

// Show looks at a gate.
func Show(ctx context.Context, g *redisgate.Gate) (View, error) {
	s, err := g.Show(ctx)
	return Of(s, time.Now()), err
}

// Limit lets the fleet make at most so many calls a second, for so long; a rate of 0 takes that back.
func Limit(ctx context.Context, g *redisgate.Gate, rate float64, lasts time.Duration) (View, error) {
	s, err := g.Limit(ctx, rate, lasts)
	return Of(s, time.Now()), err
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
	_, err := io.WriteString(w, text)
	return err
}
