package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const shop = "https://shop.example.com"

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// placed reads an order, changed a little.
func placed(t *testing.T, change ...func(map[string]any)) Placed {
	t.Helper()
	var doc struct {
		Examples []map[string]any `json:"examples"`
	}
	require.NoError(t, json.Unmarshal(schema, &doc))
	for _, c := range change {
		c(doc.Examples[0])
	}
	text, err := json.Marshal(doc.Examples[0])
	require.NoError(t, err)
	var in Placed
	require.NoError(t, json.Unmarshal(text, &in))
	return in
}

func lines(p Placed) csuclient.SalesOrder {
	return csuclient.SalesOrder{Lines: make([]csuclient.SalesLine, len(p.Lines))}
}

func TestAnOrderAddsUpToTheCent(t *testing.T) {
	t.Parallel()
	p := placed(t)
	o := lines(p)
	require.NoError(t, p.sums(&o))
	for name, pair := range map[string][2]string{
		"net": {"11.70", o.Net.StringFixed(2)}, "discount": {"0.50", o.Discount.StringFixed(2)}, "tax": {"0.94", o.Tax.StringFixed(2)}, "charge": {"4.99", o.Charge.StringFixed(2)},
		"total": {"17.63", o.Total.StringFixed(2)}, "first net": {"8.50", o.Lines[0].Net.StringFixed(2)}, "first total": {"9.18", o.Lines[0].Total.StringFixed(2)},
	} {
		require.Equal(t, pair[0], pair[1], name)
	}

	p.TaxIncluded, p.Total = true, amount("16.69")
	o = lines(p)
	require.NoError(t, p.sums(&o), "taxes are in the prices")
	require.Equal(t, "8.50", o.Lines[0].Total.StringFixed(2))
}

func TestAPartOfACentIsRoundedAwayFromZeroLineByLine(t *testing.T) {
	t.Parallel()
	line := Line{Product: "a", Quantity: amount("0.5"), Price: amount("0.333")} // 0.1665
	half := Line{Product: "b", Quantity: amount("1"), Price: amount("0.005")}
	p := Placed{Currency: "USD", Lines: []Line{line, line, half}, Total: amount("0.35")}
	o := lines(p)
	require.NoError(t, p.sums(&o))
	p = Placed{Currency: "JPY", Lines: []Line{{Quantity: amount("3"), Price: amount("33.5")}}, Total: amount("101")}
	o = lines(p)
	require.NoError(t, p.sums(&o), "a yen has no cents")
	p = Placed{Currency: "KWD", Lines: []Line{{Quantity: amount("1"), Price: amount("1.125")}}, Total: amount("1.125")}
	o = lines(p)
	require.NoError(t, p.sums(&o), "a dinar has a thousand fils")
}

func TestAnOrderThatDoesNotAddUpIsRefusedWithTheFieldAndTheSum(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		change  func(*Placed)
		pointer string
		says    string
	}{
		{func(p *Placed) { p.Total = amount("17.62") }, "/total", "/total says 17.62 USD, while lines, charges and taxes come to 17.63; correct what is wrong of them at the source"},
		{func(p *Placed) { p.Total = amount("17.630000001") }, "/total", "/total has more than the 2 digits behind the point that USD has"},
		{func(p *Placed) { p.Lines[1].Tax = amount("0.255") }, "/lines/1/tax", "/lines/1/tax has more than the 2 digits behind the point that USD has"},
		{func(p *Placed) { p.Charges[0].Amount = amount("4.999") }, "/charges/0/amount", "/charges/0/amount has more than the 2 digits behind the point that USD has"},
		{func(p *Placed) { p.Lines[1].Discount = amount("3.21") }, "/lines/1/discount", "/lines/1/discount is more than price and quantity come to"},
		{func(p *Placed) { p.Currency = "QQQ" }, "/currency", "/currency is no currency of ISO 4217"},
	} {
		p := placed(t)
		tc.change(&p)
		o := lines(p)
		err := p.sums(&o)
		require.Error(t, err, tc.says)
		f := fault.As(err)
		require.Equal(t, []any{fault.Permanent, fault.BusinessRule, tc.pointer, tc.says}, []any{f.Kind, f.Reason, f.Pointer, f.Detail})
	}
}

func TestTheSchemaTellsAnOrderFromWhatIsNone(t *testing.T) {
	t.Parallel()
	c, err := orchestration.NewChecker(Scenarios(Parts{}), orchestration.Channels{{Name: "main", LegalEntity: "usrt", CSU: "default"}})
	require.NoError(t, err)
	ev := func(data string) orchestration.Event {
		return orchestration.Event{Source: shop, ID: "e1", Type: EventType, Time: time.Now(), Data: json.RawMessage(data)}
	}
	line := `{"product":"a","quantity":1,"price":1}`
	for data, pointer := range map[string]string{
		`{"id":"1","email":"ana@example.com","currency":"USD","total":1,"lines":[` + line + `]}`:                                                   "",
		`{"id":"1","customer":"7","currency":"USD","total":1,"lines":[` + line + `]}`:                                                              "",
		`{"id":"1","currency":"USD","total":1,"lines":[` + line + `]}`:                                                                             "",
		`{"id":"1","customer":"7","currency":"USD","total":1,"lines":[]}`:                                                                          "/lines",
		`{"id":"1","customer":"7","currency":"usd","total":1,"lines":[` + line + `]}`:                                                              "/currency",
		`{"id":"1","customer":"7","currency":"USD","total":-1,"lines":[` + line + `]}`:                                                             "/total",
		`{"id":"1","customer":"7","currency":"USD","total":"1","lines":[` + line + `]}`:                                                            "/total",
		`{"id":"1","customer":"7","currency":"USD","total":1e400000000,"lines":[` + line + `]}`:                                                    "",
		`{"id":"1","customer":"7","currency":"USD","total":1,"lines":[{"product":"a","quantity":0,"price":1}]}`:                                    "/lines/0/quantity",
		`{"id":"1","customer":"7","currency":"USD","total":1,"payments":[{"card":"x"}],"lines":[` + line + `]}`:                                    "/payments/0",
		`{"id":"1","customer":"7","currency":"USD","total":1,"delivery":{"mode":"99","address":{"street":"s","city":"c"}},"lines":[` + line + `]}`: "/delivery/address",
	} {
		got, err := c.Identify(ev(data))
		good := data == `{"id":"1","email":"ana@example.com","currency":"USD","total":1,"lines":[`+line+`]}` || data == `{"id":"1","customer":"7","currency":"USD","total":1,"lines":[`+line+`]}`
		if good {
			require.NoError(t, err, data)
			require.Equal(t, "order 1", got.Entity.Kind+" "+got.Entity.ID)
			continue
		}
		require.Error(t, err, data)
		require.Equal(t, []any{fault.Poison, pointer}, []any{fault.KindOf(err), fault.As(err).Pointer}, data)
	}
}

// shelf is a CSU that has what it has.
type shelf struct {
	Carts     // none: an order is uploaded
	orders    map[string]csuclient.SalesOrder
	products  map[int64]csuclient.Product
	uploads   []csuclient.SalesOrder
	stores    map[int][]csuclient.Store // by what they do
	tenders   []csuclient.TenderType
	countries []csuclient.Country
	states    []csuclient.State
	unit      csuclient.OrgUnit
	asked     int // for a fresh table
	canceled  []string
	refuses   error // a cancellation
}

func (s *shelf) CancelOrder(_ context.Context, salesID string) error {
	s.canceled = append(s.canceled, salesID)
	return s.refuses
}

func (s *shelf) Stores(_ context.Context, that int, fresh bool) ([]csuclient.Store, error) {
	if fresh {
		s.asked++
	}
	return s.stores[that], nil
}

func (s *shelf) TenderTypes(_ context.Context, fresh bool) ([]csuclient.TenderType, error) {
	if fresh {
		s.asked++
	}
	return s.tenders, nil
}

func (s *shelf) Countries(context.Context, string, bool) ([]csuclient.Country, error) {
	return s.countries, nil
}

func (s *shelf) States(context.Context, string, bool) ([]csuclient.State, error) {
	return s.states, nil
}

func (s *shelf) FindOrder(_ context.Context, reference string) (csuclient.SalesOrder, error) {
	if o, ok := s.orders[reference]; ok {
		return o, nil
	}
	return csuclient.SalesOrder{}, csuclient.ErrNotFound
}

func (s *shelf) UploadOrder(_ context.Context, o csuclient.SalesOrder) (csuclient.SalesOrder, error) {
	s.uploads = append(s.uploads, o)
	s.orders[o.Reference] = o
	return o, nil
}

func (s *shelf) OrgUnit(context.Context) (csuclient.OrgUnit, error) {
	return s.unit, nil
}

func (s *shelf) Products(context.Context, []int64) (map[int64]csuclient.Product, error) {
	return s.products, nil
}

func TestASecondEventOfAPlacedOrderMustSayTheSame(t *testing.T) {
	t.Parallel()
	want := csuclient.SalesOrder{CustomerID: "000001", ReceiptEmail: pii.NewEmail("ana@example.com"), Currency: "USD", Total: amount("9.00"),
		ShipTo: &csuclient.Address{Street: pii.New("1 Harbour Street"), City: pii.New("Redmond"), Country: "USA"},
		Lines:  []csuclient.SalesLine{{ProductID: 1, Quantity: amount("2"), Price: amount("4.5"), Unit: "ea"}}}
	for name, tc := range map[string]struct {
		change func(*csuclient.SalesOrder)
		fields []string
	}{
		"the same": {func(*csuclient.SalesOrder) {}, nil},
		"the same, written otherwise": {func(o *csuclient.SalesOrder) {
			o.Total, o.ShipTo = amount("9"), &csuclient.Address{Street: pii.New("1  harbour street"), City: pii.New("Redmond"), Country: "USA"}
		}, nil},
		"the same, to an address that has been given a record": {func(o *csuclient.SalesOrder) {
			to := *o.ShipTo
			to.RecordID = 68719477111
			o.ShipTo = &to
		}, nil},
		"placed at another time":    {func(o *csuclient.SalesOrder) { o.Placed = time.Now() }, nil},
		"another customer":          {func(o *csuclient.SalesOrder) { o.CustomerID = "000002" }, []string{"/customer"}},
		"another address and total": {func(o *csuclient.SalesOrder) { o.ShipTo, o.Total = nil, amount("10") }, []string{"/total", "/delivery/address"}},
		"to another street": {func(o *csuclient.SalesOrder) {
			o.ShipTo = &csuclient.Address{RecordID: 68719477111, Street: pii.New("2 Harbour Street"), City: pii.New("Redmond"), Country: "USA"}
		}, []string{"/delivery/address"}},
		"one line more":                 {func(o *csuclient.SalesOrder) { o.Lines = append(o.Lines, o.Lines[0]) }, []string{"/lines"}},
		"more of it, and another price": {func(o *csuclient.SalesOrder) { o.Lines[0].Quantity, o.Lines[0].Price = amount("3"), amount("3") }, []string{"/lines/0/quantity", "/lines/0/price"}},
	} {
		is := want
		is.Lines = append([]csuclient.SalesLine{}, want.Lines...)
		tc.change(&is)
		require.Equal(t, tc.fields, differing(want, is), name)
	}
}

func TestAnOrderThatHeadquartersDoesNotHaveYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := &shelf{orders: map[string]csuclient.SalesOrder{"R": {ID: "T", Reference: "R"}}}
	o := orders{Parts{Orders: func(orchestration.Channel) Orders { return s }, ConfirmAfter: time.Minute}, &refusal{}}
	r := &confirmRun{In: Confirm{ID: "1", Order: "T", Reference: "R"}, Event: orchestration.Event{Generation: 2}}
	_, err := o.salesID(t.Context(), r)
	f := fault.As(err)
	require.Equal(t, []any{fault.Dependency, fault.ForPromotion}, []any{f.Kind, f.Waits})
	s.orders["R"] = csuclient.SalesOrder{ID: "T", Reference: "R", SalesID: "SO-1"}
	found, err := o.salesID(t.Context(), r)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "SO-1", r.State.SalesID)
}

func TestANewOrderIsNotAskedForAtOnceUnlessAPersonWantsToKnow(t *testing.T) {
	t.Parallel()
	s := &shelf{orders: map[string]csuclient.SalesOrder{"R": {ID: "T", Reference: "R", SalesID: "SO-1"}}}
	o := orders{Parts{Orders: func(orchestration.Channel) Orders { return s }, ConfirmAfter: time.Minute}, &refusal{}}
	_, err := o.salesID(t.Context(), &confirmRun{In: Confirm{Reference: "R"}, Event: orchestration.Event{Generation: 1}})
	require.Equal(t, fault.Dependency, fault.KindOf(err))
	found, err := o.salesID(t.Context(), &confirmRun{In: Confirm{Reference: "R"}, Event: orchestration.Event{Generation: 1, Replay: "job"}})
	require.NoError(t, err)
	require.True(t, found)
}

// One call an interval for each fifty open orders, and one for fewer: with n open, n waits of that length are n calls in it.
func TestHoweverManyOrdersAreOpenTheCallsStayWithinTheirBudget(t *testing.T) {
	t.Parallel()
	for open, intervals := range map[int]float64{0: 1, 1: 1, 7: 7, 50: 50, 400: 50} {
		o := orders{Parts{ConfirmAfter: time.Minute, Open: func(_ context.Context, _ orchestration.Channel, most int) (int, error) { return min(open, most), nil }}, &refusal{}}
		total := time.Duration(0)
		for range 1000 {
			f := fault.As(o.unlanded(t.Context(), orchestration.Channel{}))
			require.GreaterOrEqual(t, f.Wait, time.Minute)
			total += f.Wait
		}
		require.InEpsilon(t, intervals, (total / 1000).Minutes(), 0.05, "%d open", open)
	}
	blind := orders{Parts{ConfirmAfter: time.Minute, Open: func(context.Context, orchestration.Channel, int) (int, error) { return 0, context.DeadlineExceeded }}, &refusal{}}
	require.Greater(t, fault.As(blind.unlanded(t.Context(), orchestration.Channel{})).Wait, 40*time.Minute, "when nobody knows, they are many")
}

func TestWhatSinksAreToldKeepsItsSchema(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]any{
		"relayed.schema.json":      Relayed{ID: "W-1", SalesID: "SO-1", Order: "T", Reference: "R"},
		"refused.schema.json":      orchestration.Refusal{ID: "W-1", EventID: "e1", EventType: EventType, Reason: "BusinessRule", Detail: "no", Step: "place-order"},
		"confirm.schema.json":      Confirm{ID: "W-1", Order: "T", Reference: "R"},
		"cancellation.schema.json": Cancellation{ID: "W-1", SalesID: "SO-1"},
	} {
		s, err := jsonschema.NewCompiler().Compile(name)
		require.NoError(t, err)
		text, err := json.Marshal(said)
		require.NoError(t, err)
		var doc any
		require.NoError(t, json.Unmarshal(text, &doc))
		require.NoError(t, s.Validate(doc), fmt.Sprint(name))
	}
}
