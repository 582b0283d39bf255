package customers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

const home, delivery = csuclient.AddressHome, csuclient.AddressDelivery

func address(id int64, kind int, street string, primary bool, change ...func(*csuclient.Address)) csuclient.Address {
	a := csuclient.Address{RecordID: id, Type: kind, Street: pii.New(street), City: pii.New("Redmond"), Country: "USA", IsPrimary: primary}
	for _, f := range change {
		f(&a)
	}
	return a
}

func called(name string) func(*csuclient.Address) {
	return func(a *csuclient.Address) { a.Name = pii.New(name) }
}
func inState(id string) func(*csuclient.Address) {
	return func(a *csuclient.Address) { a.State = pii.New(id) }
}
func inCity(name string) func(*csuclient.Address) {
	return func(a *csuclient.Address) { a.City = pii.New(name) }
}
func phone(number string) func(*csuclient.Address) {
	return func(a *csuclient.Address) { a.Phone = pii.New(number) }
}
func away(a *csuclient.Address) { a.Deactivate = true }

type entries = []csuclient.Address

func TestAddressesAreMatchedUpdatedAddedTakenAwayAndNeverDoubled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ is, want, changes entries }{
		"the same address changes nothing": {
			is: entries{address(7, home, "1 Mill Lane", false)}, want: entries{address(0, home, "1 Mill Lane", false)}},
		"a move updates the address of the purpose": {
			is:      entries{address(7, home, "1 Mill Lane", false)},
			want:    entries{address(0, home, "2 Park Avenue", false)},
			changes: entries{address(7, home, "2 Park Avenue", false)}},
		"another purpose is a new address": {
			is:      entries{address(7, home, "1 Mill Lane", false)},
			want:    entries{address(0, delivery, "1 Mill Lane", false)},
			changes: entries{address(0, delivery, "1 Mill Lane", false)}},
		"an equal address is matched before an address of the same purpose is changed": {
			is:      entries{address(7, home, "1 Mill Lane", false), address(8, home, "2 Park Avenue", false)},
			want:    entries{address(0, home, "2 Park Avenue", false), address(0, home, "3 Market Square", false)},
			changes: entries{address(7, home, "3 Market Square", false)}},
		"an address the event does not have is left alone": {
			is: entries{address(7, home, "1 Mill Lane", false), address(8, delivery, "2 Park Avenue", false)}, want: entries{address(0, home, "1 Mill Lane", false)}},
		"but it gives up the primary mark, because the CSU refuses two": {
			is:      entries{address(7, delivery, "1 Mill Lane", true)},
			want:    entries{address(0, home, "2 Park Avenue", true)},
			changes: entries{address(0, home, "2 Park Avenue", true), address(7, delivery, "1 Mill Lane", false)}},
		"and so does one that the event has": {
			is:      entries{address(7, home, "1 Mill Lane", true)},
			want:    entries{address(0, home, "1 Mill Lane", false), address(0, delivery, "2 Park Avenue", true)},
			changes: entries{address(7, home, "1 Mill Lane", false), address(0, delivery, "2 Park Avenue", true)}},
		"an event that marks none leaves the marks": {
			is:      entries{address(7, home, "1 Mill Lane", true)},
			want:    entries{address(0, home, "2 Park Avenue", false)},
			changes: entries{address(7, home, "2 Park Avenue", true)}},
		"a second address of a purpose is new": {
			is:      entries{address(7, home, "1 Mill Lane", false)},
			want:    entries{address(0, home, "1 Mill Lane", false), address(0, home, "2 Park Avenue", false)},
			changes: entries{address(0, home, "2 Park Avenue", false)}},
		"two that both change keep their names": {
			is:      entries{address(7, home, "1 Mill Lane", false, called("town")), address(8, home, "2 Park Avenue", false, called("lake"))},
			want:    entries{address(0, home, "3 Market Square", false, called("lake")), address(0, home, "4 Hill Road", false, called("town"))},
			changes: entries{address(8, home, "3 Market Square", false, called("lake")), address(7, home, "4 Hill Road", false, called("town"))}},
		"one that is renamed is known by its street": {
			is:      entries{address(7, home, "1 Mill Lane", false, called("town")), address(8, home, "2 Park Avenue", false, called("lake"))},
			want:    entries{address(0, home, "2 Park Avenue", false, called("cabin"))},
			changes: entries{address(8, home, "2 Park Avenue", false, called("cabin"))}},
		"one of two that is corrected is known by its city": {
			is:      entries{address(7, home, "1 Mill Lane", false, inCity("Houston")), address(8, home, "2 Park Avenu", false)},
			want:    entries{address(0, home, "2 Park Avenue", false)},
			changes: entries{address(8, home, "2 Park Avenue", false)}},
		"what the event does not say may be anything": {
			is: entries{address(7, home, "1 Mill Lane", false, inState("WA"), phone("+14255550100"))}, want: entries{address(0, home, "1 Mill Lane", false)}},
		"and stays when something else changes at the same place": {
			is:      entries{address(7, home, "1 Mill Lane", false, inState("WA"))},
			want:    entries{address(0, home, "1 Mill Lane", false, phone("+14255550100"))},
			changes: entries{address(7, home, "1 Mill Lane", false, inState("WA"), phone("+14255550100"))}},
		"but goes with the place it belonged to": {
			is:      entries{address(7, home, "1 Mill Lane", false, inState("WA"), phone("+14255550100"))},
			want:    entries{address(0, home, "Gracht 1", false, inCity("Utrecht"))},
			changes: entries{address(7, home, "Gracht 1", false, inCity("Utrecht"), phone("+14255550100"))}},
		"an address is taken away by its street": {
			is:      entries{address(7, home, "1 Mill Lane", false), address(8, home, "2 Park Avenue", true)},
			want:    entries{{Type: home, Street: pii.New("2 Park Avenue"), Deactivate: true}},
			changes: entries{address(8, home, "2 Park Avenue", false, away)}},
		"or by its name": {
			is:      entries{address(7, home, "1 Mill Lane", false), address(8, home, "2 Park Avenue", false, called("lake"))},
			want:    entries{{Type: home, Name: pii.New("lake"), Deactivate: true}},
			changes: entries{address(8, home, "2 Park Avenue", false, called("lake"), away)}},
		"and so are all that it names, however often it is told": {
			is:      entries{address(7, home, "1 Mill Lane", false, inState("WA")), address(8, home, "1 Mill Lane", false, phone("+14255550100"))},
			want:    entries{{Type: home, Street: pii.New("1 Mill Lane"), Deactivate: true}},
			changes: entries{address(7, home, "1 Mill Lane", false, inState("WA"), away), address(8, home, "1 Mill Lane", false, phone("+14255550100"), away)}},
		"but not one of another purpose": {
			is:   entries{address(7, home, "1 Mill Lane", false)},
			want: entries{{Type: delivery, Street: pii.New("1 Mill Lane"), Deactivate: true}}},
		"taking away what is not there changes nothing": {
			is: entries{address(7, home, "1 Mill Lane", false)}, want: entries{{Type: home, Street: pii.New("9 Gone Street"), Deactivate: true}}},
		"one that goes makes room for one that comes": {
			is:      entries{address(7, home, "1 Mill Lane", false), address(8, home, "2 Park Avenue", false)},
			want:    entries{{Type: home, Street: pii.New("2 Park Avenue"), Deactivate: true}, address(0, home, "3 Market Square", false, inCity("Houston"))},
			changes: entries{address(8, home, "3 Market Square", false, inCity("Houston"))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := addressChanges(tc.is, tc.want)
			require.Equal(t, tc.changes, got)
			require.Empty(t, addressChanges(applied(tc.is, got), tc.want), "once it is so, nothing is left to change")
		})
	}
}

// applied is what a scale unit makes of changes.
func applied(is, changes []csuclient.Address) []csuclient.Address {
	out := append([]csuclient.Address(nil), is...)
	for _, c := range changes {
		kept := out[:0]
		for _, a := range out {
			if a.RecordID != c.RecordID || c.RecordID == 0 {
				kept = append(kept, a)
			}
		}
		out = kept
		if c.RecordID == 0 {
			c.RecordID = int64(100 + len(out))
		}
		if !c.Deactivate {
			out = append(out, c)
		}
	}
	return out
}
