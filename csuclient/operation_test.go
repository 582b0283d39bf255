package csuclient_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestOperationsShareLabelsAndNotNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range csuclient.Operations() {
		require.False(t, seen[name], name)
		seen[name] = true
		require.Contains(t, csuclient.Labels(), csuclient.LabelOf(name))
	}
	require.Equal(t, "Carts.Change", csuclient.LabelOf("Carts.AddCoupons"))
	require.Equal(t, "Carts.Checkout", csuclient.LabelOf("Carts.Checkout"))
	require.Equal(t, "none", csuclient.LabelOf("none"))
	require.Less(t, len(csuclient.Labels()), len(csuclient.Operations()))
}

// asking is a gate that remembers what it was asked for.
type asking struct {
	*csuclient.Gate
	costs *[]csuclient.Cost
}

func (a asking) Acquire(ctx context.Context, c csuclient.Cost) (func(csuclient.Load), error) {
	*a.costs = append(*a.costs, c)
	return a.Gate.Acquire(ctx, c)
}

func TestACheckoutIsWorthMoreThanAPlainCall(t *testing.T) {
	var asked []csuclient.Cost
	onSim(t, func(_ *csu.Options, o *csuclient.Options) {
		o.Budget = asking{csuclient.NewGate(csuclient.GateOptions{}), &asked}
	}, func(t *testing.T, u unit) {
		k := u.filled(t, csuclient.NewCart{})
		_, err := u.channel.CheckOut(t.Context(), k.ID, cash(k))
		require.NoError(t, err)
		weights := map[string]int{}
		for _, c := range asked {
			weights[c.Operation] = c.Weight
		}
		require.Equal(t, []int{1, 1, 2}, []int{weights["Carts.Create"], weights["Carts.AddCartLines"], weights["Carts.Checkout"]})
	})
}
