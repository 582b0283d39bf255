package doctor

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// VisibilityClient is the part of the client of Inventory Visibility that is used: reads alone.
type VisibilityClient interface {
	Authorize(ctx context.Context) error
	OnHand(ctx context.Context, q inventoryvisibility.Query) ([]inventoryvisibility.OnHand, error)
}

// noItem is one that nobody has: to ask for it shows that asking is possible, and reads nothing.
const noItem = "signalbox-doctor"

// Visibility examines Inventory Visibility, where the configuration uses it; else it finds nothing.
func Visibility(cfg *config.Config, client VisibilityClient) Part {
	return func(ctx context.Context) []Finding {
		if !cfg.UsesVisibility() {
			return nil
		}
		all := unstocked(cfg)
		if err := client.Authorize(ctx); err != nil {
			return append(all, noToken(fault.As(err)))
		}
		all = append(all, ok(checkVisibilityToken, "", "Entra and the security service give a token"))
		asked := map[string]bool{}
		for _, w := range cfg.Inventory.Visibility.Layout().Warehouses {
			if entity := strings.ToLower(w.Organization); !asked[entity] {
				asked[entity] = true
				all = append(all, queried(ctx, client, cfg.Inventory.Visibility, w))
			}
		}
		return all
	}
}

// noToken says which of the two steps to a token failed, and what to look at.
func noToken(f *fault.Error) Finding {
	do := "check inventory.visibility.token_url, which has the tenant's id, inventory.visibility.client_id and inventory.visibility.client_secret"
	if f.Operation == inventoryvisibility.OperationSecurity {
		do = "check inventory.visibility.security_url, which is that of the region, and inventory.visibility.environment; the application must be registered for the add-in in that environment"
	}
	return visibility(checkVisibilityToken, "", f, "no token: ", do, "see that this machine may reach the host of "+urlOf(f)+", and that it is right")
}

func urlOf(f *fault.Error) string {
	if f.Operation == inventoryvisibility.OperationSecurity {
		return "inventory.visibility.security_url"
	}
	return "inventory.visibility.token_url"
}

// queried asks an index query of one item at a warehouse, under the names of dimensions that were configured.
func queried(ctx context.Context, client VisibilityClient, v config.Visibility, at inventoryvisibility.Warehouse) Finding {
	q := inventoryvisibility.Query{Organization: at.Organization, Products: []string{noItem}, Places: []inventoryvisibility.Place{at.Place}, DataSource: v.DataSource}
	for _, name := range []string{v.ColorDimension, v.SizeDimension, v.StyleDimension, v.ConfigDimension} {
		if name != "" {
			q.GroupBy = append(q.GroupBy, name)
		}
	}
	began := time.Now()
	_, err := client.OnHand(ctx, q)
	if err == nil {
		return ok(checkVisibilityReach, at.Organization, "answers a query in "+time.Since(began).Round(time.Millisecond).String())
	}
	f := fault.As(err)
	do := "see the service's own state, and try again"
	switch f.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		do = "give the application its role in the add-in, in the environment that inventory.visibility.environment names"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		do = "correct inventory.visibility.url, the endpoint that its app shows, or inventory.visibility.environment"
	case http.StatusBadRequest:
		do = "compare the legal entity and the site in inventory.visibility.warehouses, and the names of dimensions, with its app"
	}
	return visibility(checkVisibilityReach, at.Organization, f, "", do, "see that this machine may reach the host of inventory.visibility.url, and that it is the endpoint that its app shows")
}

// visibility makes the finding of a failure: what is busy is no fault of anybody's, what cannot be reached is lost.
func visibility(check, about string, f *fault.Error, prefix, do, unreached string) Finding {
	switch {
	case f.Class == "network" || f.Class == "timeout":
		found := fail(check, about, prefix+said(f), unreached)
		found.Lost = true
		return found
	case f.Kind == fault.Throttled:
		return warn(check, about, prefix+said(f), "try again later: it takes no requests just now")
	}
	return fail(check, about, prefix+said(f), do)
}

// unstocked lists channels whose legal entity has no warehouse: there is nothing to ask for them.
func unstocked(cfg *config.Config) (all []Finding) {
	layout := cfg.Inventory.Visibility.Layout()
	for _, ch := range cfg.Channels {
		if len(layout.At(ch.LegalEntity)) == 0 {
			all = append(all, warn(checkVisibilityPlaces, ch.Name, "inventory.visibility.warehouses has none of legal entity "+ch.LegalEntity, "add those that the channel's stock is in, each as LEGALENTITY/SITE/WAREHOUSE"))
		} else {
			all = append(all, ok(checkVisibilityPlaces, ch.Name, "has warehouses"))
		}
	}
	return all
}
