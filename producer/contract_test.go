package producer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/contract"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/producer"
)

// go test ./producer -update writes contract.json anew.
var update = flag.Bool("update", false, "write the contract anew")

// accepted are the types that signalbox schema prints as accepted, with what their scenarios say of numbers.
func accepted(t *testing.T) []producer.Type {
	t.Helper()
	all := scenarios.All(scenarios.Parts{})
	c, err := contract.Of(all, nil)
	require.NoError(t, err)
	numbers := map[string]map[string]int{}
	for _, s := range all {
		numbers[s.Outline().Handles] = s.Outline().Numbers
	}
	var types []producer.Type
	for _, ty := range c.Types {
		require.Equal(t, contract.Accepted, ty.Direction)
		types = append(types, producer.Type{Name: ty.Name, Order: ty.Order, Description: ty.Description, Schema: ty.Schema, Numbers: numbers[ty.Name]})
	}
	return types
}

func TestTheContractIsTheOneOfTheScenarios(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	require.NoError(t, e.Encode(accepted(t)))
	if *update {
		require.NoError(t, os.WriteFile("contract.json", want.Bytes(), 0o644))
	}
	got, err := os.ReadFile("contract.json")
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "write it anew with -update")
}

// TestEveryNameIsAType: not every type has a name, since a new one has none until somebody wants it.
func TestEveryNameIsAType(t *testing.T) {
	t.Parallel()
	var names []string
	for _, ty := range producer.Types() {
		names = append(names, ty.Name)
	}
	require.Subset(t, names, []string{producer.CustomerChanged, producer.OrderPlaced, producer.CancellationRequested, producer.ReturnRequested, producer.OrderReported,
		producer.ProductsPublish, producer.PricesExport, producer.InventoryExport, producer.LocationsExport, producer.OrderChanged, producer.PaymentAuthorized, producer.PaymentCaptured, producer.PaymentRefunded})
}

// checker is what workers check with.
func checker(t *testing.T) *orchestration.Checker {
	t.Helper()
	c, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
	return c
}
