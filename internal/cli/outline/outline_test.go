package outline_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/outline"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

type pipeline = orchestration.Pipeline[struct{}, struct{}]

func TestEventTypesOfOneNameStandTogetherAndStepsUnderThem(t *testing.T) {
	t.Parallel()
	step := func(name string, acts bool) orchestration.Step[struct{}, struct{}] {
		s := orchestration.Step[struct{}, struct{}]{Name: name, Sure: orchestration.Lagging, Plannable: acts}
		if acts {
			s.Act = func(context.Context, *orchestration.Run[struct{}, struct{}]) error { return nil }
		}
		return s
	}
	list := outline.Of([]orchestration.Scenario{
		pipeline{Name: "orders", Handles: "order.placed", Version: 2, Order: orchestration.Fact, Steps: []orchestration.Step[struct{}, struct{}]{step("find-it", false), step("make-it", true)}},
		pipeline{Name: "customers", Handles: "customer.changed", Version: 1, Refused: "customer.refused", Steps: []orchestration.Step[struct{}, struct{}]{step("make-it", true)}},
		pipeline{Name: "orders", Handles: "order.cancelled", Version: 1, Order: orchestration.Fact, Steps: []orchestration.Step[struct{}, struct{}]{step("cancel-it", true)}},
	}, orchestration.Channels{{Name: "web", CSU: "default", OUN: "052", LegalEntity: "usrt", Sinks: []string{"crm", "audit"}}})
	require.Len(t, list.Scenarios, 2)
	require.Equal(t, "customers", list.Scenarios[0].Name)
	require.Len(t, list.Scenarios[1].Events, 2)

	var out strings.Builder
	require.NoError(t, list.Print(&out))
	require.Equal(t, strings.TrimLeft(`
SCENARIO   EVENT TYPE        ORDER  VERSION  STEP       DOES         A LOOK IS  TELLS OF A REJECTION
customers  customer.changed  state  1        make-it    looks, acts  lagging    customer.refused
orders     order.placed      fact   2        find-it    looks        -          -
                                             make-it    looks, acts  lagging
orders     order.cancelled   fact   1        cancel-it  looks, acts  lagging    -

CHANNEL  CSU      OPERATING UNIT  LEGAL ENTITY  SOURCES  SINKS
web      default  052             usrt          -        crm, audit
`, "\n"), out.String())
}

func TestStepsOfAConfigurationSayWhatTheyDoAndThoseLeftOutThatTheyAreOff(t *testing.T) {
	t.Parallel()
	own := orchestration.Step[struct{}, struct{}]{Name: "make-it", Optional: true, Look: func(context.Context, *orchestration.Run[struct{}, struct{}]) (bool, error) { return true, nil }}
	extra := orchestration.Extra{Name: "check-it", Does: "guard", Before: "make-it", Look: func(orchestration.View) error { return nil }}
	list := outline.Of([]orchestration.Scenario{orchestration.With(pipeline{Name: "orders", Handles: "order.placed", Steps: []orchestration.Step[struct{}, struct{}]{own}},
		[]orchestration.Extra{extra}, []string{"make-it"})}, nil)
	var out strings.Builder
	require.NoError(t, list.Print(&out))
	require.Regexp(t, `(?m)check-it +guard +-`, out.String())
	require.Regexp(t, `(?m)make-it +off +-`, out.String())
	require.Equal(t, []string{"guard", ""}, []string{list.Scenarios[0].Events[0].Steps[0].Added, list.Scenarios[0].Events[0].Steps[1].Added})
}

func TestEveryStepThatActsSaysWhatItsLooksAreWorth(t *testing.T) {
	t.Parallel()
	list := outline.Of(scenarios.All(scenarios.Parts{}), nil)
	require.NotEmpty(t, list.Scenarios)
	for _, s := range list.Scenarios {
		for _, ev := range s.Events {
			for _, step := range ev.Steps {
				require.Equal(t, step.Acts, step.Certainty != "", "%s %s", s.Name, step.Name)
			}
		}
	}
	text, err := json.Marshal(list)
	require.NoError(t, err)
	require.NotContains(t, string(text), "null")
}
