package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

func TestTheStepTableIsReadFromAFileWithItsSecretsByReference(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"c.yaml": `
scenarios:
  steps_off: [customers/update-account]
  steps:
    - {scenario: orders, name: check-country, type: guard, before: place-order, when: '.delivery.address.country != "USA"', refuse: We do not ship there.}
    - {scenario: orders, name: score-fraud, type: http-call, before: place-order, url: "https://fraud.example.com/score", body: "{id}", repeat: by_key, secret: "env:FRAUD", keep: .id, timeout: 2s}
    - {scenario: orders, name: tell-warehouse, type: emit, after: place-order, event: contoso.order.accepted.v1, data: "{id}"}
    - {scenario: orders-confirm, name: tell-number, type: emit, after: find-sales-id, event: contoso.order.accepted.v1, data: "$learned"}
`})
	c, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: enough("FRAUD=Bearer 4711")})
	require.NoError(t, err)
	rows, off := c.StepsOf("orders")
	require.Len(t, rows, 3)
	require.Empty(t, off)
	require.Equal(t, StepRow{Scenario: "orders", Name: "score-fraud", Type: "http-call", Before: "place-order", URL: "https://fraud.example.com/score", Body: "{id}",
		Repeat: "by_key", Secret: secret.New("Bearer 4711"), Keep: ".id", Timeout: 2 * time.Second, Concurrency: 4}, rows[1])
	rows, off = c.StepsOf("customers")
	require.Empty(t, rows)
	require.Equal(t, []string{"update-account"}, off)
	require.Equal(t, []string{"contoso.order.accepted.v1"}, c.Emitted())
	for _, row := range c.Show(true) {
		require.NotContains(t, row.Value, "4711", row.Key)
	}
}

func TestEveryProblemOfAStepIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	rows := strings.Join([]string{
		`{"scenario":"invoices","name":"check-it","type":"guard","before":"place-order","when":".a","refuse":"No."}`,
		`{"scenario":"sinks","name":"check-it","type":"guard","before":"deliver-event","when":".a","refuse":"No."}`,
		`{"scenario":"orders","name":"check-it","type":"guard","before":"place-orders","when":".a |","refuse":"No."}`,
		`{"scenario":"orders","name":"check-it","type":"emit","after":"place-order","event":"signalbox.order.placed.v1","data":".","timeout":"5"}`,
	}, ",")
	_, err := Load(Sources{Env: enough("SIGNALBOX_SCENARIOS_STEPS=["+rows+"]", "SIGNALBOX_SCENARIOS_STEPS_OFF=orders/place-order,customers/sell")})
	require.ErrorContains(t, err, `scenarios.steps[3].timeout (SIGNALBOX_SCENARIOS_STEPS): "5" is not a duration`)
	require.ErrorContains(t, err, `scenarios.steps_off (SIGNALBOX_SCENARIOS_STEPS_OFF): names orders/place-order, which others rely on`)
	require.ErrorContains(t, err, `names "customers/sell", which is no step of a scenario's own; choose from customers/update-account`)

	_, err = Load(Sources{Env: enough("SIGNALBOX_SCENARIOS_STEPS=[" + strings.Replace(rows, `,"timeout":"5"`, "", 1) + "," +
		`{"scenario":"customers-promote","name":"map-it","type":"fieldmap","after":"find-it","map":"."},{"name":"tell-it","type":"fax","before":"x"}]`)})
	const from = " (SIGNALBOX_SCENARIOS_STEPS): "
	got := strings.Split(err.Error(), "\n")
	for i, says := range []string{
		`scenarios.steps[5].scenario` + from + `is missing`,
		`scenarios.steps[0].scenario` + from + `"invoices" is no scenario that steps may be put into; choose from cancellations, `,
		`scenarios.steps[1].scenario` + from + `"sinks" is no scenario that steps may be put into`,
		`scenarios.steps[2].when` + from + `is no jq expression`,
		`scenarios.steps[2].before` + from + `"place-orders" is no step of orders's own; choose from reserve-stock, place-order`,
		`scenarios.steps[3].event` + from + `begins like Signalbox's own types`,
		`scenarios.steps[3].name` + from + `"check-it" is another step of orders, too; give each step a name of its own`,
		`scenarios.steps[4].type` + from + `is for what sources say`,
		`scenarios.steps[4].after` + from + `"find-it" is no step of`,
		`scenarios.steps[5].type` + from + `is no type of step; use guard, fieldmap, http-call or emit`,
	} {
		require.Less(t, i, len(got), "%s", says)
		require.True(t, strings.HasPrefix(got[i], says), "%q: %v", says, got)
	}
}

func TestTheStepsThatMayBeAddedAreCounted(t *testing.T) {
	t.Parallel()
	var rows []string
	for i := range maxSteps + 1 {
		letter := string(rune('a' + i))
		rows = append(rows, `{"scenario":"orders","name":"tell-`+letter+`","type":"emit","after":"place-order","event":"contoso.`+letter+`","data":"."}`)
	}
	_, err := Load(Sources{Env: enough("SIGNALBOX_SCENARIOS_STEPS=[" + strings.Join(rows, ",") + "]")})
	require.ErrorContains(t, err, "is one of 21 steps")
	require.ErrorContains(t, err, "is one of 21 types")
}

// TestWhatMayBeAddedIsWithinTheBudgetOfSeries: the budget is measured for 60 steps, 12 types of events that sources send, and 30 more of our
// own (internal/telemetry); the 25 steps beyond that are those of exports (docs/decisions/033).
func TestWhatMayBeAddedIsWithinTheBudgetOfSeries(t *testing.T) {
	t.Parallel()
	steps, types, own := maxSteps, 0, maxTypes
	for _, s := range scenarios.All(scenarios.Parts{}) {
		if o := s.Outline(); o.Name != "heartbeat" {
			steps += len(o.Steps)
			if o.Internal || o.Lane != "" {
				own++
			} else {
				types++
			}
		}
	}
	require.LessOrEqual(t, steps, 85)
	require.LessOrEqual(t, types, 12)
	require.LessOrEqual(t, own, 30)
}
