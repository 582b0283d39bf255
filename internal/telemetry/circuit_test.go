package telemetry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
)

type openCircuits []csuclient.Circuit

func (o openCircuits) Open() []csuclient.Circuit { return o }

func TestCircuitsOfOperationsThatShareALabelAreShownTogether(t *testing.T) {
	m := NewMetrics(known(1, 1, 1, 1))
	m.WatchCircuits(openCircuits{{Name: "Carts.AddCoupons"}, {Name: "Carts.AddCharge", Probing: true}, {Name: "SalesOrders.Create", Probing: true}})
	m.CircuitTurned("Carts.AddCoupons", csuclient.TurnedOpen)
	text := exposition(t, m)
	for _, want := range []string{`signalbox_circuit_open{circuit="Carts.Change"} 1`, `signalbox_circuit_open{circuit="SalesOrders.Create"} 0.5`, `signalbox_circuit_open{circuit="csu"} 0`} {
		has(t, text, want+"\n")
	}
	require.NotContains(t, text, "Carts.AddCoupons")
}

func TestARequestIsCountedUnderTheLabelOfItsOperation(t *testing.T) {
	k := known(1, 1, 1, 0)
	k.Operations = csuclient.Labels()
	m := NewMetrics(k)
	z, lines := logger(t, m, "debug")
	m.CSU(z).Request(csuclient.Request{Operation: "Carts.AddCoupons", Result: csuclient.ResultOK})
	has(t, exposition(t, m), `signalbox_csu_requests_total{operation="Carts.Change",result="ok"} 1`+"\n")
	require.Contains(t, lines.text(), "Carts.AddCoupons", "the line says which it was")
}
