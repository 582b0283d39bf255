package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// targets is what the stage's Redis holds of bindings, without the versions, which only events bring back.
func (s *stage) targets() map[string]string {
	all := map[string]string{}
	for key, fields := range s.kept() {
		for name, value := range fields {
			if name != "ver" {
				all[key+" "+name] = value
			}
		}
	}
	return all
}

func TestBindingsAreRebuiltFromTheCSUAfterAWipeAndNothingIsDoubled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.bread()
	var customers, orders strings.Builder
	for i := range 4 {
		customers.WriteString(event(fmt.Sprintf("e%d", i)))
		orders.WriteString(orderEvent(fmt.Sprintf("W-%d", i)))
	}
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, customers.String()+orders.String())).code)
	s.work()
	before, effects := s.targets(), len(s.csu.Ledger())
	require.Len(t, s.csu.Customers(), 4)
	require.Len(t, s.csu.SalesOrders(), 4)

	s.wipe()
	require.Empty(t, s.targets())
	var rows strings.Builder
	rows.WriteString("kind,source,id,email,reference,record_id\n")
	for i := range 4 {
		fmt.Fprintf(&rows, "customer,%[1]s,of-e%[2]d,e%[2]d@example.net,,\norder,%[1]s,W-%[2]d,,,\n", exampleSource, i)
	}
	fmt.Fprintf(&rows, "product,%s,bread,,,%d\n", exampleSource, csu.MakeProducts(1)[0].RecordID)
	lost := filepath.Join(t.TempDir(), "lost.csv")
	require.NoError(t, os.WriteFile(lost, []byte(rows.String()), 0o600))

	d := cli(t, s.env(), nil, "mapping", "rebuild", "--from", lost)
	require.Equal(t, exit.Done, d.code, d.err+d.out)
	require.Contains(t, d.out, "read 9, would bind 9,")
	require.Empty(t, s.targets(), "a dry run writes nothing")
	require.NotContains(t, cli(t, s.env(), nil, "audit", "list").out, "mapping rebuild")

	d = cli(t, s.env(), nil, "mapping", "rebuild", "--from", lost, "--calls", "9", "--yes", "--reason", "Redis was lost")
	require.Equal(t, exit.Partly, d.code, "the calls do not last")
	require.NotEmpty(t, s.targets())
	require.Less(t, len(s.targets()), len(before))
	d = cli(t, s.env(), nil, "mapping", "rebuild", "--from", lost, "--yes")
	require.Equal(t, exit.Done, d.code, d.err+d.out)
	require.Equal(t, before, s.targets(), "as runs had bound them")
	require.Equal(t, 2, strings.Count(cli(t, s.env(), nil, "audit", "list").out, "mapping rebuild"))
	d = cli(t, s.env(), nil, "mapping", "rebuild", "--from", lost, "--yes")
	require.Contains(t, d.out, "read 9, bound 0, already 9,")
	require.Contains(t, d.out, "; 0 calls of the CSU", "what is bound costs no call")

	// The orders again, and the customers with other addresses: only their bindings say that they are the same.
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, orders.String())).code)
	s.work()
	require.Len(t, s.csu.Ledger(), effects, "what is said again is found")
	moved := strings.NewReplacer(`"id":"e`, `"id":"f`, "@example.net", ".new@example.net").Replace(customers.String())
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, moved)).code)
	s.work()
	require.Len(t, s.csu.Customers(), 4, "nobody is doubled")
	require.Len(t, s.csu.SalesOrders(), 4)
	for _, c := range s.csu.Customers() {
		require.Contains(t, c.Email(), ".new@example.net")
	}
}

func TestOfEveryRowOfARebuildItIsSaidWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, email := range []string{"ana@example.net", "bo@example.net", "bo@example.net"} {
		_, err := s.csu.AddCustomer(map[string]any{"FirstName": "A", "LastName": "B", "Email": email})
		require.NoError(t, err)
	}
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, event("e1"))).code)
	s.work()
	rows := `{"source":"crm","id":"1","email":"ANA@example.net"}
{"source":"crm","id":"2","email":"bo@example.net"}
{"source":"crm","id":"3","email":"cy@example.net"}
{"source":"crm","id":"4","account":"000001"}
{"source":"crm","id":"5","account":"009999"}
{"source":"` + exampleSource + `","id":"of-e1","account":"000001"}
{"source":"` + exampleSource + `","id":"of-e1","email":"cy@example.net"}
{"source":"crm","id":"6","email":"nobody"}
{"source":"crm","id":"7"}
{"id":"8","email":"ana@example.net"}
{"source":"crm","id":"dora@example.net","account":"000002"}
{"kind":"product","source":"crm","id":"9","product_number":"P000001"}
{"kind":"product","source":"crm","id":"10","record_id":"12"}
{"kind":"product","source":"crm","id":"11","record_id":"x"}
{"kind":"order","source":"crm","id":"W-1"}
{"kind":"order","source":"crm","id":"W-2","reference":"R-2"}
{"kind":"reason","source":"crm","id":"broken"}
{"kind":"tulip","source":"crm","id":"12"}
{"source":"crm","id":"13","tulip":"x"}
`
	for _, yes := range []bool{false, true} {
		args := []string{"mapping", "rebuild", "--from", "-", "-o", "json"}
		if yes {
			args = append(args, "--yes")
		}
		d := cli(t, s.env(), strings.NewReader(rows), args...)
		require.Equal(t, exit.Partly, d.code, d.err)
		r := decode[rebuilt](t, d.out)
		var said []string
		for _, a := range r.Rows {
			said = append(said, strings.TrimSpace(strings.Join([]string{a.ID, string(a.Result), a.D365ID, a.What}, " ")))
		}
		require.Equal(t, []string{
			"1 bound 000001",
			"2 ambiguous  2 accounts have that address: 000002, 000003; say which with account",
			"3 not_found  the CSU has no account with that address",
			"4 conflict 000001 that record is bound to another id of the source, 1",
			"5 not_found  the CSU has no account 009999",
			"of-e1 conflict 000004 it is bound to that, and the row says 000001",
			"of-e1 already 000004",
			"6 invalid  its email is no address",
			"7 invalid  a customer is looked up by email or account",
			"invalid  has no source; give it one, or all of them with --source",
			"[masked] bound 000002",
			"9 bound 68719490000",
			"10 not_found  channel main has no product 12",
			"11 invalid  its record_id is no number",
			"W-1 not_found  the CSU shows no order of the reference that Signalbox would have placed it under; give the reference if it has another",
			"W-2 not_found  the CSU shows no order of that reference",
			"broken cannot  the CSU knows no reason by what other systems call it; bind it with signalbox mapping import",
			"invalid  its kind is none of customer, order, return, product, category, store, warehouse, delivery-mode, payment-method, currency, unit, reason, country",
			"invalid  is no row with kind, scope, source, id, email, account, reference, record_id, product_number as texts",
		}, said)
		require.Equal(t, []int{19, 3, 1, 2}, []int{r.Read, r.Bound, r.Already, r.Conflicts})
	}
	require.NotContains(t, strings.Join(keysOf(s.targets()), " "), "@")
	d := cli(t, s.env(), strings.NewReader(""), "mapping", "rebuild", "--from", "-")
	require.Equal(t, exit.Nothing, d.code)
	require.Equal(t, exit.Usage, cli(t, s.env(), nil, "mapping", "rebuild").code)
	require.NoError(t, s.redis.Kill())
	require.Equal(t, exit.Unreachable, cli(t, s.env(), strings.NewReader(rows), "mapping", "rebuild", "--from", "-").code)
}

func keysOf(m map[string]string) (all []string) {
	for k, v := range m {
		all = append(all, k, v)
	}
	return all
}

func TestARebuildWithNothingToAskMakesNoCall(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	said, calls := s.rebuilds(exit.Failed, `{"source":"crm","id":"7"}`+"\n"+`{"kind":"tulip","source":"crm","id":"12"}`+"\n")
	require.Len(t, said, 2)
	require.Zero(t, calls)
}

func TestSpacesAroundTheValuesOfATableAreNoPartOfThem(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := s.csu.AddCustomer(map[string]any{"FirstName": "A", "LastName": "B", "Email": "ana@example.net"})
	require.NoError(t, err)
	said, _ := s.rebuilds(exit.Done, "kind,source,id,account\ncustomer, crm,1001 , 000001\n", "--yes")
	require.Equal(t, []string{"1001 bound 000001"}, said)
	said, calls := s.rebuilds(exit.Done, `{"kind":"customer","source":"crm","id":"1001","account":"000001"}`+"\n")
	require.Equal(t, []string{"1001 already 000001"}, said)
	require.Zero(t, calls)
}
