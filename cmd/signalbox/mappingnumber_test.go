package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// numberRow is a row of a rebuild that knows a product by its number.
func numberRow(id, number string) string {
	return fmt.Sprintf(`{"kind":"product","source":%q,"id":%q,"product_number":%q}`+"\n", exampleSource, id, number)
}

// rebuilds runs mapping rebuild and gives what became of the rows, a line each, and the calls that it took.
func (s *stage) rebuilds(code int, rows string, args ...string) (said []string, calls int) {
	s.t.Helper()
	d := cli(s.t, s.env(), strings.NewReader(rows), append([]string{"mapping", "rebuild", "--from", "-", "-o", "json"}, args...)...)
	require.Equal(s.t, code, d.code, d.err+d.out)
	r := decode[rebuilt](s.t, d.out)
	for _, a := range r.Rows {
		said = append(said, strings.TrimSpace(strings.Join([]string{a.ID, string(a.Result), a.D365ID, a.What}, " ")))
	}
	return said, r.Calls
}

func TestProductsComeBackByTheirNumbersWithFewCalls(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	products := csu.MakeProducts(120)
	products[1] = csu.MakeVariants(products[1], []string{"Red", "Blue"}, []string{"M", "L"})
	products[2].Number = "SHOE-1" // which its item is not called by
	s.csu.PutProducts(products...)
	var lost, rows strings.Builder
	bind := func(id string, record int64, number string) {
		fmt.Fprintf(&lost, `{"kind":"product","source":%q,"id":%q,"d365_id":"%d"}`+"\n", exampleSource, id, record)
		rows.WriteString(numberRow(id, number))
	}
	for i, p := range products {
		number := p.ItemID
		if p.Number != "" {
			number = p.Number
		}
		bind(fmt.Sprint("sku-", i), p.RecordID, number)
	}
	for i, v := range products[1].Variants {
		bind(fmt.Sprint("variant-", i), v.RecordID, "P000002 : "+v.Size+" : "+v.Color)
	}
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(lost.String()), "mapping", "import", "--yes", "-").code)
	before := s.targets()
	require.Len(t, before, 2*124)
	s.wipe()

	said, calls := s.rebuilds(exit.Done, rows.String(), "--yes")
	require.Equal(t, before, s.targets(), "as they were bound")
	require.Contains(t, said, "sku-0 bound 68719490000")
	require.Contains(t, said, "sku-1 bound 68719490001 it is a master, of which only variants are sold; each has a number of its own")
	require.Contains(t, said, "sku-2 bound 68719490002")
	require.Contains(t, said, "variant-3 bound 68719600103")
	require.Equal(t, 7, calls, "the probe, the channel, three look-ups of fifty, a master's variants, and a search for one")

	_, calls = s.rebuilds(exit.Done, rows.String(), "--yes")
	require.Zero(t, calls, "what is bound costs no call")
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "mapping", "verify", "--kind", "product", "--sample", "all").code)

	s.csu.Configure(func(o *csu.Options) { o.Unnumbered = true })
	s.wipe()
	_, calls = s.rebuilds(exit.Done, rows.String(), "--yes")
	require.Equal(t, before, s.targets(), "an older CSU says numbers of whole products alone")
	require.Equal(t, 10, calls, "so those are read, fifty at once")
}

func TestOnlyAProductThatSaysItHasTheNumberIsBound(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	products := csu.MakeProducts(6)
	products[0].Number = "P000002"                    // what another's item is called
	products[1].Number = "A-100"                      // and that one has this
	products[2].Channels = []string{"ELSEWHERE"}      // not in the assortment
	products[3].Number, products[4].Number = "T", "T" // which headquarters would not have
	products[5] = csu.MakeVariants(products[5], []string{"Red"}, []string{"M"})
	s.csu.RemoveProducts(ids(csu.MakeProducts(100))...)
	s.csu.PutProducts(products...)
	for i := range 260 {
		s.csu.PutProducts(csu.Product{RecordID: 5637200000 + int64(i), ItemID: fmt.Sprintf("LOOK-%03d", i), Name: "Alike", Unit: "ea"})
	}
	rows := numberRow("1", "P000002") + numberRow("2", "A-100") + numberRow("3", "P000003") + numberRow("4", "T") + numberRow("5", "p000006") +
		numberRow("6", "P000006 : M : Red") + numberRow("7", "P000006 : M : Blue") + numberRow("8", "P000001") + numberRow("9", "LOOK") + numberRow("10", " LOOK-007 ") + numberRow("11", "LOOK-00")
	said, _ := s.rebuilds(exit.Partly, rows)
	require.Equal(t, []string{
		"1 bound 68719490000",
		"2 bound 68719490001",
		"3 not_found  channel main has no product of that number in its assortment",
		"4 ambiguous  2 products say that they have that number: 68719490003, 68719490004; say which with record_id",
		"5 not_found  channel main has no product of that number in its assortment",
		"6 bound 68719600500",
		"7 not_found  channel main has no product of that number in its assortment",
		"8 not_found  channel main has no product of that number in its assortment",
		"9 cannot  the CSU finds too many products by that number to read them all; give the record_id",
		"10 bound 5637200007",
		"11 not_found  channel main has no product of that number in its assortment",
	}, said)

	said, calls := s.rebuilds(exit.Partly, rows, "--calls", "4")
	require.Equal(t, 4, calls)
	require.Contains(t, said, "10 bound 5637200007", "what is known by then is bound")
	require.Contains(t, said, "3 not_asked  the calls that were allowed are spent")
}

func ids(products []csu.Product) (all []int64) {
	for _, p := range products {
		all = append(all, p.RecordID)
	}
	return all
}
