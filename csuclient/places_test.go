package csuclient_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// asked counts the requests of one operation.
func (u unit) asked(operation string) (n int64) {
	for _, times := range u.sim.Stats().ByStatus[operation] {
		n += times
	}
	return n
}

func TestTablesOfPlacesAreReadWholeAndKeptForAnHour(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		countries, err := u.channel.Countries(ctx, "en-us", false)
		require.NoError(t, err)
		require.Greater(t, len(countries), 240)
		require.Contains(t, countries, csuclient.Country{ID: "BRA", Name: "Brazil", ISO: "BR"})
		states, err := u.channel.States(ctx, "BRA", false)
		require.NoError(t, err)
		require.Len(t, states, 27)
		require.Contains(t, states, csuclient.State{ID: "SP", Name: "São Paulo"})
		none, err := u.channel.States(ctx, "NLD", false)
		require.NoError(t, err)
		require.Empty(t, none)

		before := u.sim.Stats().Requests
		<-time.After(59 * time.Minute)
		for _, country := range []string{"BRA", "NLD"} {
			_, err = u.channel.States(ctx, country, false)
			require.NoError(t, err)
		}
		require.Equal(t, before, u.sim.Stats().Requests, "an empty table is kept as well")
		<-time.After(2 * time.Minute)
		_, err = u.channel.States(ctx, "BRA", false)
		require.NoError(t, err)
		require.Greater(t, u.sim.Stats().Requests, before)
	})
}

func TestWhoDoesNotFindSomethingGetsAFreshTable(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		states, err := u.channel.States(t.Context(), "NLD", false)
		require.NoError(t, err)
		require.Empty(t, states)
		u.sim.Configure(func(o *csu.Options) { o.States = []csu.State{{Country: "NLD", ID: "UT", Name: "Utrecht"}} })
		<-time.After(2 * time.Minute)
		states, err = u.channel.States(t.Context(), "NLD", false)
		require.NoError(t, err)
		require.Empty(t, states)
		for range 3 {
			states, err = u.channel.States(t.Context(), "NLD", true)
			require.NoError(t, err)
			require.Len(t, states, 1)
		}
		require.EqualValues(t, 3, u.asked(csu.OpStates), "one page, then one and an empty one: not once for each who asks")
	})
}

func TestATableThatCannotBeReadAgainGoesOnBeingGood(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		_, err := u.channel.States(ctx, "USA", false)
		require.NoError(t, err)
		u.inject(t, csu.Fault{ID: "away", Kind: csu.Error, Status: 500})
		<-time.After(2 * time.Hour)
		before := u.asked(csu.OpStates)
		for range 5 {
			states, err := u.channel.States(ctx, "USA", false)
			require.NoError(t, err)
			require.Len(t, states, 51)
		}
		require.EqualValues(t, 1, u.asked(csu.OpStates)-before, "and is not asked for all the time")

		_, err = u.channel.States(ctx, "CAN", false)
		requireKind(t, fault.Transient, err)
		u.sim.ClearFaults()
		states, err := u.channel.States(ctx, "CAN", false)
		require.NoError(t, err)
		require.Len(t, states, 13)
	})
}

func TestATableIsReadOnceForAllWhoWaitForItAndNotForTheFirstAlone(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Latency = time.Second }, func(t *testing.T, u unit) {
		first, leave := context.WithCancel(csuclient.WithCall(t.Context(), csuclient.Call{StillOurs: func() error { return nil }}))
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := u.channel.States(first, "USA", false)
			requireKind(t, fault.Transient, err)
		})
		for range 10 {
			wait.Go(func() {
				states, err := u.channel.States(t.Context(), "USA", false)
				require.NoError(t, err)
				require.Len(t, states, 51)
			})
		}
		synctest.Wait()
		leave()
		wait.Wait()
		require.EqualValues(t, 2, u.asked(csu.OpStates))
	})
}

func TestATableThatIsNotForOurRoleIsNone(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		u.inject(t, csu.Fault{Kind: csu.Forbid, Operation: csu.OpStates})
		for range 3 {
			states, err := u.channel.States(t.Context(), "USA", false)
			require.NoError(t, err)
			require.Empty(t, states)
		}
		require.EqualValues(t, 1, u.asked(csu.OpStates))
	})
}

func TestATableThatWasGoodIsNotLostToARefusal(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		_, err := u.channel.States(t.Context(), "USA", false)
		require.NoError(t, err)
		u.inject(t, csu.Fault{Kind: csu.Forbid, Operation: csu.OpStates})
		<-time.After(2 * time.Hour)
		before := u.asked(csu.OpStates)
		for range 3 {
			states, err := u.channel.States(t.Context(), "USA", false)
			require.NoError(t, err)
			require.Len(t, states, 51)
		}
		require.EqualValues(t, 1, u.asked(csu.OpStates)-before)
	})
}

func TestAServerThatGivesTheSamePageAgainIsNotAskedForMore(t *testing.T) {
	t.Parallel()
	s := newStub(t, false, saysJSON(200, `{"value":[{"CountryRegionId":"USA","ShortName":"United States","ISOCode":"US"},{"CountryRegionId":"BRA","ShortName":"Brazil","ISOCode":"BR"}]}`), nil)
	countries, err := s.channel.Countries(t.Context(), "en-us", false)
	require.NoError(t, err)
	require.Len(t, countries, 2)
	require.Len(t, s.received(), 2)
}

func TestAClientIsClosedWhileATableIsRead(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Latency = 20 * time.Second }, func(t *testing.T, u unit) {
		require.NoError(t, u.client.Probe(t.Context()))
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := u.channel.States(t.Context(), "USA", false)
			require.Error(t, err)
		})
		synctest.Wait()
		u.client.Close()
		wait.Wait()
	})
}

func TestWhatHeadquartersHasSetUp(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.Channels = []csu.Channel{{OUN: csu.DefaultOUN, Currency: "EUR", Language: "de-at", LegalEntity: "atrt", Country: "AUT"}}
	}, func(t *testing.T, u unit) {
		is, err := u.channel.ReadOrgUnit(t.Context())
		require.NoError(t, err)
		require.Greater(t, is.ChannelID, int64(1)<<40)
		is.ChannelID = 0
		require.Equal(t, csuclient.OrgUnit{LegalEntity: "atrt", Currency: "EUR", Language: "de-at", Country: "AUT", PickupMode: "60"}, is)
		groups, err := u.channel.ReadCustomerGroups(t.Context())
		require.NoError(t, err)
		require.Contains(t, groups, csuclient.CustomerGroup{Number: "30", Name: "Web customers"})
		purposes, err := u.channel.ReadAddressPurposes(t.Context())
		require.NoError(t, err)
		require.Equal(t, csuclient.AddressDelivery, purposes[1].Type)
	})
}
