package orchestration

import (
	"fmt"
	"time"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Checker says of an event whether it can be run at all: at the door of a publisher, and before every claim. Safe for
// concurrent use.
type Checker struct {
	byType   map[string]handler
	channels Channels
	own      []string // our own queues
}

type handler struct {
	scenario Scenario
	outline  Outline
	schema   *schema
	numbers  cardnumber.Tolerance // of the scenario's Numbers
}

// NewChecker compiles the scenarios' schemas.
func NewChecker(scenarios []Scenario, channels Channels) (*Checker, error) {
	c := &Checker{byType: map[string]handler{}, channels: channels}
	for _, s := range scenarios {
		compiled, err := s.compile()
		if err != nil {
			return nil, err
		}
		outline := s.Outline()
		numbers, err := cardnumber.Tolerate(outline.Numbers)
		if err != nil {
			return nil, fmt.Errorf("scenario %q: numbers that are no cards: %w", outline.Name, err)
		}
		c.byType[outline.Handles] = handler{s, outline, compiled, numbers}
	}
	return c, nil
}

// Check gives a Poison *fault.Error with its reason and, for data that does not match or has a card number, the JSON pointer.
func (c *Checker) Check(ev Event) error {
	_, _, _, err := c.open(ev)
	return err
}

// Identity is what an event is about.
type Identity struct {
	Entity mapping.Ref
	Keys   []Key // natural keys, which belong to the entity's scope
}

// Identify says what an event is about, be it late or early, and whoever says it. Errors are those of Check.
func (c *Checker) Identify(ev Event) (Identity, error) {
	h, ch, err := c.find(ev)
	if err != nil {
		return Identity{}, err
	}
	run, _, err := h.read(ev, ch, nil)
	if err != nil {
		return Identity{}, err
	}
	q := run.request()
	return Identity{q.Entity, q.Keys}, nil
}

// open says whether the event may be run here and now, and decodes its data; doc is the data as JSON has it.
func (c *Checker) open(ev Event) (h handler, run opened, doc any, err error) {
	h, ch, unfit := c.find(ev)
	ours := h.outline.Internal && contains(c.own, ev.Origin.Queue)
	if !ours { // first of all: whatever else is wrong with an event, its body is not kept with a card number in it
		if doc, err = refuseCards(ev, h.numbers); err != nil {
			return h, nil, nil, err
		}
	}
	switch {
	case unfit != nil:
		return h, nil, nil, unfit
	case h.outline.Internal && !ours:
		return h, nil, nil, fault.New(fault.Poison, fault.UnknownType, "only Signalbox itself may say this; an event of this type is taken from its own queues alone")
	}
	if err := checkTimes(ev); err != nil {
		return h, nil, nil, err
	}
	run, doc, err = h.read(ev, ch, doc)
	return h, run, doc, err
}

// find gives the scenario and the channel of an event.
func (c *Checker) find(ev Event) (handler, Channel, error) {
	h, ok := c.byType[ev.Type]
	if !ok {
		return handler{}, Channel{}, fault.New(fault.Poison, fault.UnknownType, "no scenario handles this event type; replay it once one is deployed")
	}
	ch, ok := c.channels.For(ev)
	if !ok {
		return h, Channel{}, fault.New(fault.Poison, fault.UnknownChannel, "no row of the channel table fits this event; add one and replay it")
	}
	return h, ch, nil
}

// read checks and decodes the data; doc is as check takes it.
func (h handler) read(ev Event, ch Channel, doc any) (run opened, _ any, err error) {
	if doc, err = h.schema.Check(ev.Data, doc); err != nil {
		return nil, nil, err
	}
	run, err = h.scenario.open(ev, ch)
	return run, doc, err
}

// maxAhead is how far a producer's clock may run ahead of the broker's.
const maxAhead = 5 * time.Minute

func isAhead(ev Event) bool {
	return !ev.Origin.Enqueued.IsZero() && ev.Time.After(ev.Origin.Enqueued.Add(maxAhead))
}

func checkTimes(ev Event) error {
	if isAhead(ev) {
		return fault.New(fault.Poison, fault.TimeInFuture, "the event's time is more than five minutes ahead of the broker's clock; correct the producer's clock and publish it again")
	}
	if !ev.Expires.IsZero() && time.Now().After(ev.Expires) {
		return fault.New(fault.Poison, fault.Expired, "the producer's time to live ran out before the event could be applied")
	}
	return nil
}
