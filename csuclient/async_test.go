package csuclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestAProvisionalAccountSaysSoAndIsFoundAgainByItsParty(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.HQDown = true }, func(t *testing.T, u unit) {
		ctx := t.Context()
		made, err := u.channel.CreateCustomer(ctx, jane)
		require.NoError(t, err)
		require.True(t, made.IsAsync)
		require.True(t, csuclient.Provisional(made.AccountNumber))
		require.NotEmpty(t, made.Party())
		hits, err := u.channel.FindCustomersByEmail(ctx, jane.Email)
		require.NoError(t, err)
		require.True(t, hits[0].IsAsync)

		name := pii.New("Janet")
		f := faultOf(t, fault.Dependency, u.channel.UpdateCustomer(ctx, made.AccountNumber, csuclient.CustomerChanges{FirstName: &name}))
		require.Equal(t, fault.ForPromotion, f.Waits)

		u.sim.Convert()
		_, err = u.channel.ReadCustomer(ctx, made.AccountNumber)
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		hits, err = u.channel.FindCustomersByParty(ctx, made.Party())
		require.NoError(t, err)
		require.Len(t, hits, 1)
		require.False(t, hits[0].IsAsync)
		require.False(t, csuclient.Provisional(hits[0].AccountNumber))
		got, err := u.channel.ReadCustomer(ctx, hits[0].AccountNumber)
		require.NoError(t, err)
		require.Equal(t, made.Party(), got.Party())
		hits, err = u.channel.FindCustomersByParty(ctx, "999999999")
		require.NoError(t, err)
		require.Empty(t, hits)
	})
}

func TestWithoutHeadquartersAnUpdateIsInDoubtAndWaitsForIt(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		made, err := u.channel.CreateCustomer(t.Context(), jane)
		require.NoError(t, err)
		u.sim.SetHeadquarters(false)
		name := pii.New("Janet")
		f := faultOf(t, fault.Ambiguous, u.channel.UpdateCustomer(t.Context(), made.AccountNumber, csuclient.CustomerChanges{FirstName: &name}))
		require.Equal(t, fault.ForHQ, f.Waits)
		require.Equal(t, "HeadquarterCommunicationFailure", f.Code)
	})
}

func TestCustomersAreReadByTheirNumbers(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		made, err := u.channel.CreateCustomer(t.Context(), jane)
		require.NoError(t, err)
		got, err := u.channel.ReadCustomers(t.Context(), []string{"nobody", made.AccountNumber})
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, made.AccountNumber, got[0].AccountNumber)
		got, err = u.channel.ReadCustomers(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, got)
	})
}

func TestThePartyOfAProvisionalAccountIsThatOfItsPermanentOne(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]csuclient.Customer{
		"promised": {IsAsync: true, PartyNumber: "for now", NewPartyNumber: "promised"},
		"for now":  {IsAsync: true, PartyNumber: "for now"},
		"its own":  {PartyNumber: "its own", NewPartyNumber: "promised once"},
		"none yet": {IsAsync: false, NewPartyNumber: "none yet"},
		"":         {},
	} {
		require.Equal(t, want, c.Party())
	}
}
