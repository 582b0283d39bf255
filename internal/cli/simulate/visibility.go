package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/test/sim/csu"
	sim "github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

// Visibility is what a simulator of Inventory Visibility is made from.
type Visibility struct {
	Listen, Admin string
	Warehouses    []string        // each LEGALENTITY/SITE/WAREHOUSE
	Products      int             // how many items of the scale unit's simulator it knows
	Quantity      decimal.Decimal // of each at each warehouse
	Options       sim.Options
	Faults        []sim.Fault
}

// DefaultWarehouses are those of the scale unit's simulator; which of them are of which site is made up.
func DefaultWarehouses() []string {
	return []string{"usrt/1/HOUSTON", "usrt/1/STORE1", "usrt/1/STORE2", "usrt/2/STORE3"}
}

// Serve serves the service, what gives its tokens, and its admin port until the context ends.
func (v Visibility) Serve(ctx context.Context, ready Ready) error {
	stock, err := v.stock()
	if err != nil {
		return err
	}
	s := sim.New(v.Options)
	defer s.Close()
	s.Put(stock...)
	for _, f := range v.Faults {
		if _, err := s.Inject(f); err != nil {
			return err
		}
	}
	front, err := listen(ctx, v.Listen)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, v.Admin)
	if err != nil {
		return errors.Join(err, front.Close())
	}
	ready([]string{front.Addr().String(), admin.Addr().String()}, v.environment("http://"+front.Addr().String()))
	group, ctx := errgroup.WithContext(ctx)
	serve(ctx, group, front, s.Handler(), s.Close)
	serve(ctx, group, admin, s.AdminHandler(), func() {})
	return group.Wait()
}

// Warehouse reads LEGALENTITY/SITE/WAREHOUSE.
func Warehouse(text string) (inventoryvisibility.Warehouse, error) {
	at, ok := inventoryvisibility.ParseWarehouse(text)
	if !ok {
		return at, fmt.Errorf("%q is no warehouse; write LEGALENTITY/SITE/WAREHOUSE, such as usrt/1/HOUSTON", text)
	}
	return at, nil
}

// stock is so much of each item at each warehouse.
func (v Visibility) stock() (all []sim.Stock, err error) {
	for _, text := range v.Warehouses {
		at, err := Warehouse(text)
		if err != nil {
			return nil, err
		}
		for _, p := range csu.MakeProducts(v.Products) {
			all = append(all, sim.Stock{Organization: at.Organization, Product: p.ItemID, Site: at.Site, Location: at.Location, OnHand: v.Quantity})
		}
	}
	return all, nil
}

func (v Visibility) environment(url string) []Variable {
	const prefix = "SIGNALBOX_INVENTORY_VISIBILITY_"
	return []Variable{
		{"SIGNALBOX_INVENTORY_SOURCE", "visibility"},
		{prefix + "URL", url},
		{prefix + "TOKEN_URL", url + sim.TokenPath},
		{prefix + "SECURITY_URL", url + sim.SecurityPath},
		{prefix + "CLIENT_ID", sim.DefaultClientID},
		{prefix + "CLIENT_SECRET", sim.DefaultClientSecret},
		{prefix + "ENVIRONMENT", sim.DefaultEnvironment},
		{prefix + "WAREHOUSES", strings.Join(v.Warehouses, ",")},
	}
}
