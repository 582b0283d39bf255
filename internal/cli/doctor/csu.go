package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// CSUClient is the part of the CSU's client that is used: reads alone, and where orders are placed as carts the making of one.
type CSUClient interface {
	Probe(ctx context.Context) error
	Channel(oun string) *csuclient.Channel
}

// CSU examines the scale unit. ahead says how far its clock is ahead of ours, once it has answered.
func CSU(cfg *config.Config, client CSUClient, ahead func() (time.Duration, bool)) Part {
	return func(ctx context.Context) []Finding {
		ctx = csuclient.WithCall(ctx, csuclient.Call{Lane: csuclient.LaneReplay, StillOurs: func() error { return nil }})
		began := time.Now()
		if err := client.Probe(ctx); err != nil {
			return unprobed(err)
		}
		all := []Finding{ok(checkCSUToken, "", "the token endpoint gives a token"),
			ok(checkCSUReach, "", "answers in "+time.Since(began).Round(time.Millisecond).String()+", token included")}
		if a, known := ahead(); known {
			all = append(all, clock(checkCSUClock, a))
		} else {
			all = append(all, unknown(checkCSUClock, "", "does not say what time it is", "see that this machine's clock is kept right (NTP)"))
		}
		for _, ch := range cfg.Channels {
			all = append(all, channel(ctx, client.Channel(ch.OUN), ch)...)
		}
		return all
	}
}

// unprobed says whether it is the token or the CSU itself that is missing.
func unprobed(err error) []Finding {
	f := fault.As(err)
	lost := f.Class == "network" || f.Class == "timeout"
	if f.Operation == "Token" {
		found := fail(checkCSUToken, "", "no token: "+said(f), "check csu.token_url, csu.client_id, csu.client_secret and csu.resource or csu.scope; headquarters must know the application (job 1110)")
		found.Lost = lost
		return []Finding{found}
	}
	found := fail(checkCSUReach, "", said(f), "check csu.url, and that headquarters knows the application as a relying party with user type Application (job 1110)")
	found.Lost = lost
	return []Finding{ok(checkCSUToken, "", "the token endpoint gives a token"), found}
}

// said is a failure in its own words: codes and one sentence, nothing personal.
func said(f *fault.Error) string {
	text := f.Brief()
	if f.Detail != "" {
		text = strings.TrimSpace(text + ": " + f.Detail)
	}
	return text
}

// nobody has an address at a domain that cannot be (RFC 2606).
const nobody = "signalbox-doctor@signalbox.invalid"

// channel examines one row of the channel table.
func channel(ctx context.Context, csu *csuclient.Channel, row orchestration.Channel) []Finding {
	all := []Finding{unit(ctx, csu, row)}
	if _, err := csu.FindCustomersByEmail(ctx, pii.NewEmail(nobody)); err != nil {
		all = append(all, fail(checkCSURole, row.Name, "a search for customers fails: "+said(fault.As(err)), "see that the application has user type Application in headquarters"))
	} else {
		all = append(all, ok(checkCSURole, row.Name, "our role may search for customers"))
	}
	if row.UsesCarts() {
		all = append(all, carts(ctx, csu, row))
	}
	language := row.Language
	if language == "" {
		language = "en-us"
	}
	switch countries, err := csu.Countries(ctx, language, false); {
	case err != nil:
		all = append(all, warn(checkCSUTables, row.Name, "the table of countries cannot be read: "+said(fault.As(err)), "see the CSU's log"))
	case len(countries) == 0:
		all = append(all, warn(checkCSUTables, row.Name, "the table of countries in "+language+" is empty, or not shown to our role", "see that the channel's language exists in headquarters"))
	default:
		all = append(all, ok(checkCSUTables, row.Name, fmt.Sprintf("%d countries", len(countries))))
	}
	return all
}

// unit compares a channel with what headquarters says of its operating unit.
func unit(ctx context.Context, csu *csuclient.Channel, row orchestration.Channel) Finding {
	got, err := csu.ReadOrgUnit(ctx)
	if err != nil {
		f := fault.As(err)
		if f.Status == http.StatusForbidden {
			return unknown(checkCSUChannel, row.Name, "our role may not read the set-up of operating unit "+row.OUN, "compare it by hand in headquarters")
		}
		return fail(checkCSUChannel, row.Name, "operating unit "+row.OUN+": "+said(f), "correct channels[].oun: it is the operating unit number of the channel, not the store number")
	}
	switch {
	case got.LegalEntity != "" && !strings.EqualFold(got.LegalEntity, row.LegalEntity):
		return fail(checkCSUChannel, row.Name, "operating unit "+row.OUN+" belongs to legal entity "+got.LegalEntity+", not "+row.LegalEntity,
			"correct channels[].oun, or legal_entity if nothing is bound under it yet: it is part of every key")
	case got.Currency != "" && row.Currency != "" && !strings.EqualFold(got.Currency, row.Currency):
		return warn(checkCSUChannel, row.Name, "operating unit "+row.OUN+" has currency "+got.Currency+", not "+row.Currency, "correct channels[].currency unless that is meant")
	}
	return ok(checkCSUChannel, row.Name, "operating unit "+row.OUN+" is known")
}
