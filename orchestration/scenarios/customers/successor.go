package customers

import (
	"context"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// gone is a provisional account that cannot be read any more, and what is known of it.
type gone struct {
	account string
	party   string // empty: not known
	email   pii.Email
}

// successor searches for the permanent account of one that is gone; empty if none is to be seen yet. The party number proves it.
// Without that the e-mail address must do: headquarters may have merged the customer with another one that has the address. It is
// believed only when the search does not show the gone account any more: until then it lags behind the conversion, and what it
// shows beside it may be somebody else. It may also show who had the address a while ago, so each is read.
func (c customers) successor(ctx context.Context, ch orchestration.Channel, g gone, report func(fault.Reason, string)) (string, error) {
	hits, err := c.csu(ch).FindCustomersByEmail(ctx, g.email)
	if err != nil {
		return "", err
	}
	if account := ofParty(hits, g.party); account != "" {
		return account, nil
	}
	if g.party != "" {
		same, err := c.csu(ch).FindCustomersByParty(ctx, g.party)
		if err != nil {
			return "", err
		}
		if account := ofParty(same, g.party); account != "" {
			return account, nil
		}
	}
	if slices.ContainsFunc(hits, func(h csuclient.GlobalCustomer) bool { return h.AccountNumber == g.account }) {
		return "", nil
	}
	var have []string
	for _, h := range slices.DeleteFunc(hits, provisional) {
		is, err := c.read(ctx, ch, h.AccountNumber)
		if err != nil {
			return "", err
		}
		if is.Email.Same(g.email) {
			have = append(have, h.AccountNumber)
		}
	}
	if len(have) == 0 {
		return "", nil
	}
	if len(have) > 1 {
		report(fault.DuplicateAccount, duplicates(len(have), have[0], have[1]))
	}
	return have[0], nil
}

// ofParty is the permanent account of a party number, the lowest if there are several.
func ofParty(hits []csuclient.GlobalCustomer, party string) string {
	i := slices.IndexFunc(hits, func(h csuclient.GlobalCustomer) bool { return party != "" && h.PartyNumber == party && !provisional(h) })
	if i < 0 {
		return ""
	}
	return hits[i].AccountNumber
}

func provisional(h csuclient.GlobalCustomer) bool {
	return h.IsAsync || csuclient.Provisional(h.AccountNumber)
}
