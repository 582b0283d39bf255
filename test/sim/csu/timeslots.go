package csu

import (
	"time"
)

const (
	opens  = 9 // o'clock, UTC
	closes = 18
)

// Timeslots are when orders are picked up: every store has the same ones, from 9 to 18 o'clock.
type Timeslots struct {
	Interval time.Duration // of one slot; 0: there are no slots, and an order may name any time
	Capacity int           // orders in one slot; 0: any number
	Lead     time.Duration // from now to the first slot
	Days     int           // that slots are offered for; default 7
}

type slotRow struct {
	AvailableCapacity int       `json:"AvailableCapacity"`
	StartDateTime     time.Time `json:"StartDateTime"`
	EndDateTime       time.Time `json:"EndDateTime"`
}

// slots are a store's that are not over and not full, for whoever holds the lock.
func (c *call) slots(s Store, now time.Time) []slotRow {
	t := c.sim.opts.Timeslots
	rows := []slotRow{}
	if t.Interval <= 0 {
		return rows
	}
	days := t.Days
	if days <= 0 {
		days = 7
	}
	taken := c.sim.store.slotsTaken
	midnight := now.UTC().Truncate(24 * time.Hour)
	for day := range days {
		open := midnight.AddDate(0, 0, day).Add(opens * time.Hour)
		for at := open; !at.Add(t.Interval).After(open.Add((closes - opens) * time.Hour)); at = at.Add(t.Interval) {
			left := t.Capacity - taken[slotKey(s.Number, at)]
			if t.Capacity == 0 {
				left = 1000
			}
			if at.Before(now.Add(t.Lead)) || left <= 0 {
				continue
			}
			rows = append(rows, slotRow{left, at, at.Add(t.Interval)})
		}
	}
	return rows
}

func slotKey(store string, at time.Time) string { return store + " " + at.UTC().Format(time.RFC3339) }

// refuseTimeslot checks the slot of a pickup, if it names one: slots are optional.
func (c *call) refuseTimeslot(s Store, spec map[string]any) *apiError {
	if c.sim.opts.Timeslots.Interval <= 0 || str(spec, "PickupTimeslotStartDateTime") == "" {
		return nil
	}
	from, _ := time.Parse(time.RFC3339, str(spec, "PickupTimeslotStartDateTime"))
	to, _ := time.Parse(time.RFC3339, str(spec, "PickupTimeslotEndDateTime"))
	for _, slot := range c.slots(s, time.Now()) {
		if slot.StartDateTime.Equal(from) && slot.EndDateTime.Equal(to) {
			return nil
		}
	}
	return cartError(idTimeslot, "there is no such timeslot, or it is full")
}

// takeSlots counts an order into the slots of its lines, once each.
func (s *store) takeSlots(lines []map[string]any) {
	seen := map[string]bool{}
	for _, l := range lines {
		from, err := time.Parse(time.RFC3339, str(l, "PickupTimeslotStartDateTime"))
		if key := slotKey(str(l, "FulfillmentStoreId"), from); err == nil && !seen[key] {
			seen[key] = true
			s.slotsTaken[key]++
		}
	}
}

// timeslots answers GetPickupTimeslots. Members of the criteria and of the answer are documented; the operation's name and path
// are not (inferred).
func (c *call) timeslots() (reply, *apiError) {
	criteria, err := c.criteriaOf("pickupTimeslotAvailabilitySearchCriteria")
	if err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	s, known := c.store(str(criteria, "StoreId"))
	mode, offered := c.deliveryMode(str(criteria, "DeliveryModeCode"))
	rows := []slotRow{}
	if known && offered && mode.Pickup && s.Pickup {
		from, _ := time.Parse(time.RFC3339, str(criteria, "StartDate"))
		to, until := time.Parse(time.RFC3339, str(criteria, "EndDate"))
		for _, slot := range c.slots(s, time.Now()) {
			if !slot.StartDateTime.Before(from) && (until != nil || !slot.EndDateTime.After(to)) {
				rows = append(rows, slot)
			}
		}
	}
	c.sim.mu.Unlock()
	if !known {
		return reply{}, invalid(idNoStore, "there is no such store")
	}
	return pageOf(c, "PickupTimeslotAvailability", rows)
}
