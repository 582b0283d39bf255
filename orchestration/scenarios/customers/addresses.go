package customers

import (
	"cmp"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

// addressChanges matches the event's addresses with the account's, in the order of certainty: those that say the same; of one
// purpose those of one name, of one street, of one place; then those of one purpose, in order, since a customer who moves has one
// address less and one more. What is left over is new. Addresses that the event takes away are matched by purpose, and street or
// name; an address that goes makes room for a new one of its purpose.
func addressChanges(is, want []csuclient.Address) []csuclient.Address {
	is = slices.Clone(is)
	slices.SortFunc(is, func(a, b csuclient.Address) int { return cmp.Compare(a.RecordID, b.RecordID) })
	m := matching{is: slices.DeleteFunc(is, func(a csuclient.Address) bool { return a.Deactivate }), want: want}
	m.of, m.by = make([]int, len(want)), make([]int, len(m.is))
	for i := range m.of {
		m.of[i] = none
	}
	for j := range m.by {
		m.by[j] = none
	}
	for _, fits := range []func(a, w csuclient.Address) bool{says, ofOneName, ofOneStreet, ofOnePlace} {
		m.pair(fits, m.free)
	}
	m.remove()
	m.pair(ofOnePurpose, m.going)
	m.pair(ofOnePurpose, m.free)
	return append(m.changes(), m.demoted()...)
}

const none = -1

// matching pairs the addresses of an event with those of an account.
type matching struct {
	is, want []csuclient.Address
	of       []int // of each wanted one to keep: which of the account's, or none
	by       []int // of each of the account's: which wanted one has it or takes it away, or none
}

func (m *matching) pair(fits func(a, w csuclient.Address) bool, open func(j int) bool) {
	for i, w := range m.want {
		for j, a := range m.is {
			if keeps(w) && m.of[i] == none && open(j) && fits(a, w) {
				m.of[i], m.by[j] = j, i
			}
		}
	}
}

// remove marks all that the event takes away. Were it the first alone, a second look would take away the next.
func (m *matching) remove() {
	for i, w := range m.want {
		for j, a := range m.is {
			if removes(w) && m.free(j) && named(a, w) {
				m.by[j] = i
			}
		}
	}
}

func keeps(w csuclient.Address) bool   { return !w.Deactivate }
func removes(w csuclient.Address) bool { return w.Deactivate }

func (m *matching) free(j int) bool  { return m.by[j] == none }
func (m *matching) going(j int) bool { return m.by[j] != none && removes(m.want[m.by[j]]) }

// changes is what must be sent for the wanted ones.
func (m *matching) changes() (out []csuclient.Address) {
	marks := m.marksPrimary()
	for i, w := range m.want {
		j := m.of[i]
		switch {
		case removes(w):
			out = append(out, m.removed(i)...)
		case j == none:
			out = append(out, w)
		case !says(m.is[j], w), marks && m.is[j].IsPrimary && !w.IsPrimary: // the mark is another's now: the CSU refuses two
			out = append(out, merged(m.is[j], w, marks))
		}
	}
	return out
}

// removed are those that a wanted one takes away, save what goes on as another.
func (m *matching) removed(by int) (out []csuclient.Address) {
	for j, a := range m.is {
		if m.by[j] == by {
			a.Deactivate, a.IsPrimary = true, false
			out = append(out, a)
		}
	}
	return out
}

func (m *matching) marksPrimary() bool {
	return slices.ContainsFunc(m.want, func(w csuclient.Address) bool { return keeps(w) && w.IsPrimary })
}

// demoted takes the primary mark from addresses the event does not have when it marks one of its own.
func (m *matching) demoted() (out []csuclient.Address) {
	if !m.marksPrimary() {
		return nil
	}
	for j, a := range m.is {
		if m.free(j) && a.IsPrimary {
			a.IsPrimary = false
			out = append(out, a)
		}
	}
	return out
}

// merged is an address as it is to be. What the event does not mention stays, save what belonged to another place.
func merged(a, w csuclient.Address, marks bool) csuclient.Address {
	w.RecordID = a.RecordID
	keep := func(to *pii.Text, from pii.Text) {
		if to.IsZero() {
			*to = from
		}
	}
	keep(&w.Name, a.Name)
	keep(&w.Phone, a.Phone)
	if ofOneStreet(a, w) && ofOnePlace(a, w) {
		keep(&w.StreetNumber, a.StreetNumber)
		keep(&w.District, a.District)
		keep(&w.County, a.County)
		keep(&w.State, a.State)
		keep(&w.ZipCode, a.ZipCode)
	}
	if !marks {
		w.IsPrimary = a.IsPrimary
	}
	return w
}

// says whether an address is what the event says of it. What the event does not mention may be anything: a person or the CSU
// itself may have added it.
func says(a, w csuclient.Address) bool {
	same := func(is, want pii.Text) bool { return want.IsZero() || is.Equal(want) }
	return a.Type == w.Type && a.Country == w.Country && (a.IsPrimary || !w.IsPrimary) && same(a.Name, w.Name) && same(a.Street, w.Street) &&
		same(a.StreetNumber, w.StreetNumber) && same(a.City, w.City) && same(a.District, w.District) && same(a.County, w.County) &&
		same(a.State, w.State) && same(a.ZipCode, w.ZipCode) && same(a.Phone, w.Phone)
}

func ofOnePurpose(a, w csuclient.Address) bool { return a.Type == w.Type }

func ofOneName(a, w csuclient.Address) bool {
	return ofOnePurpose(a, w) && !w.Name.IsZero() && a.Name.Equal(w.Name)
}

func ofOneStreet(a, w csuclient.Address) bool {
	return ofOnePurpose(a, w) && a.Street.Equal(w.Street) && (w.StreetNumber.IsZero() || a.StreetNumber.IsZero() || a.StreetNumber.Equal(w.StreetNumber))
}

func ofOnePlace(a, w csuclient.Address) bool {
	return ofOnePurpose(a, w) && a.Country == w.Country && a.City.Equal(w.City) && (w.ZipCode.IsZero() || a.ZipCode.IsZero() || a.ZipCode.Equal(w.ZipCode))
}

// named says whether an address is the one that the event takes away: everything it says of it must hold.
func named(a, w csuclient.Address) bool {
	w.Country, w.IsPrimary = cmp.Or(w.Country, a.Country), false
	return says(a, w)
}
