package customers

import (
	"context"
	"errors"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
)

// Authority is which source has the say in which fields of a customer whom several sources know: lists of CloudEvents sources, the
// highest first. Sources that a list does not name come after it, and are equal among themselves. A source may fill what is empty,
// but does not change what is there while a source above it is bound to the same account. The groups that have no list of their own
// go by All; without any list every source may change everything, and the last one counts.
type Authority struct {
	All, Name, Email, Phone, Language, Addresses []string
}

// The groups of fields.
const (
	groupName      = "name"
	groupEmail     = "email"
	groupPhone     = "phone"
	groupLanguage  = "language"
	groupAddresses = "addresses"
)

func (l learned) withholds(group string) bool { return slices.Contains(l.withheld, group) }

// list is the order of a group.
func (a Authority) list(group string) []string {
	own := map[string][]string{groupName: a.Name, groupEmail: a.Email, groupPhone: a.Phone, groupLanguage: a.Language, groupAddresses: a.Addresses}[group]
	if len(own) > 0 {
		return own
	}
	return a.All
}

// above says whether any of the others stands above a source in a list.
func above(list, others []string, source string) bool {
	rank := slices.Index(list, source)
	return slices.ContainsFunc(others, func(o string) bool {
		i := slices.Index(list, o)
		return i >= 0 && (rank < 0 || i < rank)
	})
}

// top says whether no source can stand above this one.
func top(list []string, source string) bool { return len(list) == 0 || list[0] == source }

// allowed takes from the changes what another source has the say in, and names the groups from which it took something.
func (c customers) allowed(ctx context.Context, r *run, is csuclient.Customer, ch csuclient.CustomerChanges) (csuclient.CustomerChanges, []string, error) {
	var others []string
	asked := false
	var withheld []string
	for _, group := range []string{groupName, groupEmail, groupPhone, groupLanguage, groupAddresses} {
		list := c.Authority.list(group)
		rest, less := filled(group, is, ch)
		if top(list, r.Event.Source) || !less {
			continue
		}
		if !asked {
			var err error
			if others, err = c.others(ctx, r); err != nil {
				return ch, nil, err
			}
			asked = true
		}
		if above(list, others, r.Event.Source) {
			ch, withheld = rest, append(withheld, group)
		}
	}
	return ch, withheld, nil
}

// others are the other sources that know the account, also under the provisional number that it had until just now.
func (c customers) others(ctx context.Context, r *run) ([]string, error) {
	var sources []string
	for _, account := range []string{r.State.Account, r.State.Was} {
		if account == "" {
			continue
		}
		refs, err := c.Bindings.Sources(ctx, mapping.Target{Kind: r.Entity().Kind, Scope: r.Entity().Scope, ID: account})
		if err != nil && !errors.Is(err, mapping.ErrNotBound) {
			return nil, err
		}
		for _, ref := range refs {
			if ref.Source != r.Event.Source {
				sources = append(sources, ref.Source)
			}
		}
	}
	return sources, nil
}

// filled leaves out of the changes those of a group that would change what is there, and says whether there were any.
func filled(group string, is csuclient.Customer, ch csuclient.CustomerChanges) (rest csuclient.CustomerChanges, less bool) {
	switch group {
	case groupName:
		less = drop(is.FirstName, &ch.FirstName) || less
		less = drop(is.MiddleName, &ch.MiddleName) || less
		less = drop(is.LastName, &ch.LastName) || less
		less = drop(is.Name, &ch.Name) || less
	case groupEmail:
		less = drop(is.Email, &ch.Email) || less
		less = drop(is.ReceiptEmail, &ch.ReceiptEmail) || less
	case groupPhone:
		less = drop(is.Phone, &ch.Phone)
	case groupLanguage:
		less = is.Language != "" && ch.Language != nil
		if less {
			ch.Language = nil
		}
	case groupAddresses:
		ch.Addresses, less = ofNewPurpose(is.Addresses, ch.Addresses)
	}
	return ch, less
}

// drop takes back a change of what is there, and says whether there was one.
func drop[T interface{ IsZero() bool }](is T, want **T) bool {
	if *want == nil || is.IsZero() {
		return false
	}
	*want = nil
	return true
}

// ofNewPurpose keeps the addresses whose purpose the customer has none of yet. They do not take the primary mark from another.
func ofNewPurpose(is, want []csuclient.Address) (kept []csuclient.Address, less bool) {
	primary := slices.ContainsFunc(is, func(a csuclient.Address) bool { return a.IsPrimary })
	for _, w := range want {
		if w.RecordID != 0 || slices.ContainsFunc(is, func(a csuclient.Address) bool { return a.Type == w.Type }) {
			less = true
			continue
		}
		if w.IsPrimary && primary {
			w.IsPrimary, less = false, true
		}
		kept = append(kept, w)
	}
	return kept, less
}
