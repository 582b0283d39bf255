package bindings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
)

// numbers is what a channel has said of product numbers in this rebuild. A number is one product's in headquarters, so what was seen once need
// not be asked for again.
type numbers struct {
	of    map[string][]csuclient.NumberedProduct // by number: each product once; more than one contradicts headquarters
	items map[string][]csuclient.NumberedProduct // by item id that was looked up
	read  map[int64]bool                         // products that were read whole
	began bool                                   // a call was answered
}

func newNumbers() *numbers {
	return &numbers{of: map[string][]csuclient.NumberedProduct{}, items: map[string][]csuclient.NumberedProduct{}, read: map[int64]bool{}}
}

// take remembers whose number a product says that it has.
func (n *numbers) take(found []csuclient.NumberedProduct) {
	for _, p := range found {
		same := func(other csuclient.NumberedProduct) bool { return other.ID == p.ID }
		if p.Number != "" && p.ID != 0 && !slices.ContainsFunc(n.of[p.Number], same) {
			n.of[p.Number] = append(n.of[p.Number], p)
		}
	}
}

// unread are those of found that must be read whole to know their numbers: of an older CSU all, and masters for those of their variants.
func (n *numbers) unread(found []csuclient.NumberedProduct) (ids []int64) {
	for _, p := range found {
		if (p.Master || p.Number == "") && !n.read[p.ID] && !slices.Contains(ids, p.ID) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// itemsOf are the items that may have a product of that number: the one of that name, and what a variant's number begins with, as headquarters makes it
// unless told otherwise: the master's number, and its dimensions after a colon. It is a guess that costs no call of its own, and what is found must
// say that it has the number.
func itemsOf(number string) []string {
	master, _, of := strings.Cut(number, ":")
	if master = strings.TrimSpace(master); of && master != "" {
		return []string{number, master}
	}
	return []string{number}
}

// answer answers a row whose number is known by now.
func (n *numbers) answer(r *row) {
	switch is := n.of[r.ProductNumber]; {
	case len(is) == 0:
	case len(is) > 1:
		ids := make([]string, len(is))
		for i, p := range is {
			ids[i] = strconv.FormatInt(p.ID, 10)
		}
		slices.Sort(ids)
		r.end(Ambiguous, "", fmt.Sprintf("%d products say that they have that number: %s; say which with record_id", len(ids), strings.Join(ids, ", ")))
	default:
		r.found = strconv.FormatInt(is[0].ID, 10)
		if is[0].Master {
			r.note = "it is a master, of which only variants are sold; each has a number of its own"
		}
	}
}

// unsaid is a product of an item that says no number, if there is one.
func (n *numbers) unsaid(item string) (csuclient.NumberedProduct, bool) {
	for _, p := range n.items[item] {
		if p.Number == "" {
			return p, true
		}
	}
	return csuclient.NumberedProduct{}, false
}
