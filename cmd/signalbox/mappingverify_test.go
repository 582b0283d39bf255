package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/drift"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/valuemaps"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// orderEvent is a line with an order of a guest.
func orderEvent(id string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"order-%[1]s","source":%[2]q,"type":"signalbox.order.placed.v1","time":"2026-01-05T09:00:00Z","data":{"id":%[1]q,`+
		`"email":"guest@example.net","currency":"USD","lines":[{"product":"bread","quantity":2,"price":5}],"total":10}}`+"\n", id, exampleSource)
}

// bread binds what the shop calls bread.
func (s *stage) bread() {
	s.t.Helper()
	d := cli(s.t, s.env(), strings.NewReader(`{"kind":"product","source":"`+exampleSource+`","id":"bread","d365_id":"`+fmt.Sprint(csu.MakeProducts(1)[0].RecordID)+`"}`), "mapping", "import", "--yes", "-")
	require.Equal(s.t, exit.Done, d.code, d.err)
}

func TestWhatIsBoundIsHeldAgainstTheCSU(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.bread()
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1")+event("e2")+orderEvent("W-1"))).code)
	s.work()
	d := cli(t, s.env(), nil, "mapping", "verify", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.err+d.out)
	r := decode[drift.Report](t, d.out)
	require.Equal(t, []drift.Count{{Kind: "customer", Bindings: 2, There: 2}, {Kind: "order", Bindings: 1, Pending: 1}, {Kind: "product", Bindings: 1, There: 1}}, r.Kinds)
	require.LessOrEqual(t, r.Calls, 6)
	require.Empty(t, s.csu.Ledger()[3:], "nothing was changed")

	s.csu.CatchUp()
	require.Equal(t, 1, decode[drift.Report](t, cli(t, s.env(), nil, "mapping", "verify", "--kind", "order", "-o", "json").out).Sum().Pending, "its sales id is on its way")
	s.wipe()
	s.bread()
	lost := fmt.Sprintf(`{"source":%[1]q,"id":"of-e1","email":"e1@example.net"}`+"\n"+`{"source":%[1]q,"id":"of-e2","email":"e2@example.net"}`+"\n"+`{"kind":"order","source":%[1]q,"id":"W-1"}`, exampleSource)
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lost), "mapping", "rebuild", "--from", "-", "--yes").code)
	sales := s.csu.SalesOrders()[0].SalesID()
	require.NotEmpty(t, sales)
	require.Contains(t, cli(t, s.env(), nil, "mapping", "find", "--kind", "order", sales).out, "W-1", "bound to headquarters' number, once there is one")

	lines := `{"source":"crm","id":"9","d365_id":"009999"}
{"source":"crm","id":"bo@example.net","d365_id":"009998"}
{"kind":"product","source":"crm","id":"butter","d365_id":"12"}
{"kind":"product","source":"crm","id":"milk","d365_id":"M-1"}
{"kind":"order","source":"crm","id":"W-7","d365_id":"012345"}
{"kind":"delivery-mode","source":"crm","id":"slow","d365_id":"99"}
{"kind":"delivery-mode","source":"crm","id":"slower","d365_id":"77"}
{"kind":"reason","source":"crm","id":"broken","d365_id":"R1"}
`
	blocked, err := s.csu.AddCustomer(map[string]any{"FirstName": "Cy", "LastName": "Ng", "Email": "cy@example.net", "Blocked": true})
	require.NoError(t, err)
	lines += `{"source":"crm","id":"merged","d365_id":"` + blocked + `"}`
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lines), "mapping", "import", "--yes", "-").code)
	d = cli(t, s.env(), nil, "mapping", "verify", "--sample", "all", "-o", "json")
	require.Equal(t, exit.Partly, d.code)
	r = decode[drift.Report](t, d.out)
	said := map[string]string{}
	for _, f := range r.Drift {
		said[f.Kind+" "+f.ID] = f.What
	}
	require.Equal(t, map[string]string{"customer 9": "the CSU has no such account", "customer merged": "the account is blocked", "customer ": "the CSU has no such account",
		"product butter": "channel main has no such product", "product milk": "it is no record id of a product",
		"order W-7":            "the CSU does not show it (any more): a channel keeps its orders for a time, and one that came to D365 another way has another reference",
		"delivery-mode slower": "channel main has no such delivery-mode"}, said)
	require.Equal(t, drift.Count{Bindings: 13, There: 5, Drift: 7, Unasked: 1}, r.Sum())
	require.NotContains(t, d.out+d.err, "bo@")

	d = cli(t, s.env(), nil, "mapping", "verify", "--kind", "customer", "--source", exampleSource)
	require.Equal(t, exit.Done, d.code)
	require.Regexp(t, `(?m)^customer +2 +2 +0 +0 +0$`, d.out)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "mapping", "verify", "--kind", "reason").code, "the CSU cannot say")
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "mapping", "verify", "--kind", "unit", "-o", "json").code)
}

func TestAWarehouseWithoutAStoreIsThere(t *testing.T) {
	t.Parallel()
	s, path := modes(t, "from,to\nstandard,99\n", `{"kind":"warehouse","file":"PATH.w.csv"}`)
	require.NoError(t, os.WriteFile(path+".w.csv", []byte("from,to\nmain,HOUSTON\nshop,STORE1\nlunar,MOON\n"), 0o600))
	lines := `{"kind":"warehouse","source":"crm","id":"main","d365_id":"HOUSTON"}
{"kind":"warehouse","source":"crm","id":"shop","d365_id":"STORE1"}
{"kind":"warehouse","source":"crm","id":"lunar","d365_id":"MOON"}
`
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lines), "mapping", "import", "--yes", "-").code)
	d := cli(t, s.env(), nil, "mapping", "verify", "--kind", "warehouse", "--sample", "all", "--calls", "3", "-o", "json")
	require.Equal(t, exit.Partly, d.code, d.err)
	r := decode[drift.Report](t, d.out)
	require.Equal(t, drift.Count{Bindings: 3, There: 2, Drift: 1}, r.Sum(), "three calls are enough: the first one, a page and an empty one")
	require.Equal(t, "lunar", r.Drift[0].ID)

	d = cli(t, s.env(), nil, "valuemap", "check", "--against-csu", "warehouse", "-o", "json")
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Equal(t, []string{"MOON"}, decode[valuemaps.Report](t, d.out).Maps[0].Missing)

	_, err := s.csu.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpWarehouses})
	require.NoError(t, err)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "mapping", "verify", "--kind", "warehouse").code, "who may not see the list does not know")
}

func TestDeliveryModesThatTheCSUDoesNotListForOurRoleAreNotAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := modes(t, "from,to\nstandard,99\n")
	line := `{"kind":"delivery-mode","source":"crm","id":"slow","d365_id":"99"}`
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(line), "mapping", "import", "--yes", "-").code)
	_, err := s.csu.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpDeliveryOptions})
	require.NoError(t, err)
	d := cli(t, s.env(), nil, "mapping", "verify", "--kind", "delivery-mode", "-o", "json")
	require.Equal(t, exit.Nothing, d.code, d.out)
	require.Equal(t, drift.Count{Bindings: 1, Unasked: 1}, decode[drift.Report](t, d.out).Sum())
	d = cli(t, s.env(), nil, "valuemap", "check", "--against-csu", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.out+d.err)
	require.Equal(t, valuemaps.NotAsked, decode[valuemaps.Report](t, d.out).Maps[0].CSU)
}

func TestVerifyingStopsWhereItsCallsAreSpentAndNeverHammers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var lines strings.Builder
	for i := range 400 {
		fmt.Fprintf(&lines, `{"source":"crm","id":"%d","d365_id":"9%05d"}`+"\n", i, i)
	}
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lines.String()), "mapping", "import", "--yes", "-").code)
	for _, sample := range drift.Samples() {
		before := s.csu.Stats().Requests
		d := cli(t, s.env(), nil, "mapping", "verify", "--calls", "20", "--sample", sample, "-o", "json")
		require.Equal(t, exit.Partly, d.code)
		r := decode[drift.Report](t, d.out)
		require.LessOrEqual(t, r.Calls, 20)
		require.Equal(t, 400, r.Sum().Bindings)
		require.Positive(t, r.Sum().Drift)
		require.Positive(t, r.Sum().Unasked)
		require.LessOrEqual(t, s.csu.Stats().Requests-before, int64(20)+1, "and a token")
	}
	require.NoError(t, s.csu.SetThrottle(2, 2, csu.RetryAfterSeconds))
	began := time.Now()
	d := cli(t, s.env(), nil, "mapping", "verify", "--calls", "8", "-o", "json")
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Greater(t, time.Since(began), time.Second, "it waits its turn")

	require.NoError(t, s.redis.Kill())
	d = cli(t, s.env(), nil, "mapping", "verify")
	require.Equal(t, exit.Unreachable, d.code, d.err)
}
