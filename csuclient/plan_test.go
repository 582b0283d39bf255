package csuclient_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

func TestAPlannedWriteIsToldOfAndNotMade(t *testing.T) {
	t.Parallel()
	world := newStub(t, false, says(500, "text/plain", "must not be asked"), nil)
	type told struct {
		operation string
		fields    []string
	}
	var plan []told
	ctx := csuclient.WithCall(t.Context(), csuclient.Call{Plan: func(op string, fields []string) { plan = append(plan, told{op, fields}) }})

	made, err := world.channel.CreateCustomer(ctx, csuclient.Customer{Type: csuclient.Person, FirstName: pii.New("Ana"), Email: pii.NewEmail("ana@example.com"),
		Addresses: []csuclient.Address{{City: pii.New("Redmond")}}})
	require.NoError(t, err)
	require.Equal(t, csuclient.Planned, made.AccountNumber, "an answer that later steps can work with")
	require.Equal(t, told{"Customers.Create", []string{"Addresses", "CustomerTypeValue", "Email", "FirstName"}}, plan[0])

	_, err = world.channel.ReadCustomer(ctx, made.AccountNumber)
	require.ErrorIs(t, err, csuclient.ErrNotFound)
	phone := pii.New("+14255550100")
	require.NoError(t, world.channel.UpdateCustomer(ctx, "000001", csuclient.CustomerChanges{Phone: &phone}))
	require.Equal(t, told{"Customers.Update", []string{"AccountNumber", "Phone"}}, plan[1])
	require.Empty(t, world.received(), "nothing has left")
}

func TestAPlanReadsWithoutAClaimAndWritesNothing(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := csuclient.WithCall(t.Context(), csuclient.Call{Plan: func(string, []string) {}, StillOurs: func() error { return errors.New("nothing is claimed") }})
		require.True(t, csuclient.Planning(ctx))
		k, err := u.channel.CreateCart(ctx, csuclient.NewCart{ID: "web-1"})
		require.NoError(t, err)
		require.Equal(t, "web-1", k.ID)
		_, err = u.channel.ReadCart(ctx, k.ID)
		require.ErrorIs(t, err, csuclient.ErrNotFound, "it was asked, and there is none")
		require.Empty(t, u.sim.Ledger())
	})
}
