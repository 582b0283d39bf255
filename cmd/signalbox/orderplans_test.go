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

// orderKind is a kind of order of docs/reference/order-plans.md.
type orderKind struct {
	title, members string
	cart           bool // on the channel whose orders are carts
}

const (
	toAddress = `"delivery": {"mode": "99", "address": {"name": "Ana Lima", "street": "1 Harbour Street", "city": "Redmond", "state": "WA", "zip": "98052", "country": "USA"}}`
	authCard  = `{"type": "VISA", "masked": "411111******1111", "token": "…", "authorization": "…", "serviceAccount": "service-account-1", "reference": "P-20771"}`
	tokenCard = `{"type": "VISA", "masked": "411111******1111", "token": "…", "uniqueId": "…", "holder": "Ana Lima", "expires": "2030-04", "serviceAccount": "service-account-1"}`
	oneLoaf   = `"lines": [{"product": "bread-500", "quantity": 2, "price": 1.00}], "total": 2.00`
)

var orderKinds = []orderKind{
	{title: "A guest's, paid later", members: oneLoaf},
	{title: "A customer's, sent, with a card", members: `"customer": "1001", ` + toAddress + `, "payments": [{"method": "card", "amount": 2.00, "card": ` + authCard + `}], ` + oneLoaf},
	{title: "Sent from a store", members: strings.Replace(toAddress, `"mode": "99"`, `"mode": "99", "shipFrom": "STORE3"`, 1) + `, ` + oneLoaf},
	{title: "Fetched, with a gift card and a loyalty card", members: `"delivery": {"pickup": {"store": "STORE1"}},
  "payments": [{"method": "giftCard", "amount": 1.50, "giftCard": "G-20771"}, {"method": "loyaltyCard", "amount": 0.50, "loyaltyCard": "L-1001"}], ` + oneLoaf},
	{title: "Curbside", members: `"attributes": [{"name": "car", "value": "a blue van"}],
  "delivery": {"mode": "60", "pickup": {"store": "STORE1", "from": "2026-12-01T09:00:00Z", "to": "2026-12-01T10:00:00Z"}}, ` + oneLoaf},
	{title: "One line sent, the other fetched, on the customer's account", members: `"customer": "1001", ` + toAddress + `,
  "lines": [{"product": "bread-500", "quantity": 2, "price": 1.00}, {"product": "butter-250", "quantity": 1, "price": 2.07, "delivery": {"pickup": {"store": "STORE1"}}}],
  "charges": [{"code": "FREIGHT", "amount": 4.99, "shipping": true}], "payments": [{"method": "account", "amount": 9.06}], "total": 9.06`},
	{title: "A cart", cart: true, members: `"customer": "1001", "coupons": ["HALF"], ` + toAddress + `,
  "charges": [{"code": "HANDLING", "amount": 1.00}], "payments": [{"method": "card", "amount": 2.00, "card": ` + tokenCard + `}],
  "lines": [{"product": "bread-500", "quantity": 2, "price": 1.00, "discount": 1.00}], "total": 2.00`},
	{title: "A cart whose lines go different ways", cart: true, members: toAddress + `,
  "lines": [{"product": "bread-500", "quantity": 2, "price": 1.00}, {"product": "butter-250", "quantity": 1, "price": 2.07, "delivery": {"pickup": {"store": "STORE1"}}}],
  "payments": [{"method": "card", "amount": 4.07, "card": ` + tokenCard + `}], "total": 4.07`},
	{title: "One that would be refused", members: strings.Replace(oneLoaf, "2.00", "2.10", 1)},
}

// data is the order in JSON.
func (k orderKind) data() string {
	return `{"id": "W-20771", "email": "ana@contoso.example", "currency": "USD", ` + k.members + `}`
}

const orderPlansHead = `# What becomes of each kind of order

Written by ` + "`go test ./cmd/signalbox -update`" + ` from what ` + "`signalbox plan`" + ` says of each event on the stand-ins; a test holds it against that. A plan
names each call that would be made and the members that it would set, without their values. Products ` + "`bread-500` and `butter-250`" + ` are bound,
and customer 1001 has an account.
`

func TestThePlanOfEachKindOfOrderIsTheOneInTheDocs(t *testing.T) {
	t.Parallel()
	const path = "../../docs/reference/order-plans.md"
	s := newStage(t)
	s.csu.Configure(func(o *csu.Options) { o.LabRoles, o.Coupons = true, []csu.Coupon{{Code: "HALF", Percent: "50"}} })
	products := filepath.Join(t.TempDir(), "products.csv")
	require.NoError(t, os.WriteFile(products, []byte("source,id,d365_id\nhttps://shop.example.com,bread-500,68719490000\nhttps://shop.example.com,butter-250,68719490001\n"), 0o600))
	ana := exampleEvent + "\n"
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "publish", file(t, ana)).code)
	s.work()
	d := cli(t, s.env(), nil, "mapping", "import", "--yes", "--kind", "product", products)
	require.Equal(t, exit.Done, d.code, d.err)

	var page strings.Builder
	page.WriteString(orderPlansHead)
	for _, k := range orderKinds {
		mode := "upload"
		if k.cart {
			mode = "cart"
		}
		s.more = append(s.more, fmt.Sprintf(`SIGNALBOX_CHANNELS=[{"name":"main","oun":%q,"legal_entity":"usrt","currency":"USD","service_accounts":["service-account-1"],"order_mode":%q}]`, csu.DefaultOUN, mode))
		ev := `{"specversion":"1.0","id":"order-W-20771","source":"https://shop.example.com","type":"signalbox.order.placed.v1","time":"2026-01-05T09:00:02Z","data":` + k.data() + `}`
		d := s.planned(strings.ReplaceAll(ev, "\n", "") + "\n")
		said, _, _ := strings.Cut(d.out, "\n\n")
		said, _, _ = strings.Cut(said, "\n1 event")
		fmt.Fprintf(&page, "\n## %s\n\n", k.title)
		if k.cart {
			page.WriteString("On a channel with `order_mode: cart`:\n\n")
		}
		fmt.Fprintf(&page, "```json\n%s\n```\n\n```text\n%s\n```\n", k.data(), strings.TrimSpace(said))
	}
	text, err := os.ReadFile(path)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o644))
		return
	}
	require.NoError(t, err)
	require.Equal(t, page.String(), string(text), "write it anew with -update")
}
