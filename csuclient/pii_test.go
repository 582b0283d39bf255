package csuclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/secret"
)

// canary marks every value that must not be seen.
const canary = "canary"

func canaries() csuclient.Customer {
	p := func(s string) pii.Text { return pii.New(canary + s) }
	return csuclient.Customer{
		AccountNumber: "000001", Type: csuclient.Person, FirstName: p("first"), MiddleName: p("middle"), LastName: p("last"), Name: p("name"),
		Email: pii.NewEmail("canary@example.test"), ReceiptEmail: pii.NewEmail("canary2@example.test"), Phone: p("phone"),
		Addresses: []csuclient.Address{{Name: p("n"), Street: p("s"), StreetNumber: p("1"), City: p("c"), District: p("d"), County: p("co"),
			State: p("st"), ZipCode: p("z"), Phone: p("p")}},
		Contacts: []csuclient.Contact{{Value: p("v")}},
	}
}

func requireClean(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			require.NotContains(t, strings.ToLower(fmt.Sprintf(verb, v)), canary, "%T by %s", v, verb)
			require.NotContains(t, fmt.Sprintf(verb, v), fmt.Sprintf("%x", canary), "%T by %s", v, verb)
		}
	}
}

func TestNothingPrintsWhatIsPersonalOrSecret(t *testing.T) {
	c := canaries()
	changes := csuclient.CustomerChanges{FirstName: &c.FirstName, Email: &c.Email, Phone: &c.Phone, Addresses: c.Addresses, Contacts: c.Contacts}
	hit := csuclient.GlobalCustomer{FullName: c.Name, Email: c.Email, Phone: c.Phone}
	o := csuclient.Options{ClientSecret: secret.New("canary-secret"), BaseURL: "https://csu.test", TokenURL: "https://login.test/token", ClientID: "x", Resource: "y"}
	client, err := csuclient.New(o)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	requireClean(t, c, &c, []csuclient.Customer{c}, changes, &changes, hit, &hit, o, &o, client, *client, client.Channel("X"), *client.Channel("X"),
		struct{ inner *csuclient.Client }{client})

	card := &csuclient.Card{Token: pii.New(canary), UniqueID: pii.New(canary), Masked: pii.New(canary), Name: pii.New(canary)}
	tender := csuclient.Tender{GiftCard: pii.New(canary), GiftCardPin: pii.New(canary), Card: card}
	delivery := csuclient.Delivery{Address: &c.Addresses[0], Email: c.Email}
	comment := pii.New(canary)
	carts := []any{csuclient.Cart{Comment: comment, Lines: []csuclient.CartLine{{ShipTo: &c.Addresses[0]}}}, csuclient.NewCart{Comment: comment}, csuclient.CartChanges{Comment: &comment},
		card, tender, csuclient.Checkout{ReceiptEmail: c.Email, Tenders: []csuclient.Tender{tender}}, delivery, csuclient.LineDelivery{Delivery: delivery}}
	requireClean(t, carts...)

	for _, v := range append(carts, c, changes, hit) {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		require.NotContains(t, string(b), canary)
	}
}

func TestNoErrorTellsWhatIsPersonalOrSecret(t *testing.T) {
	echo := `{"error":{"code":"canaryException","message":"{\"ErrorResourceId\":\"canary_id\",\"LocalizedMessage\":\"canary@example.test\",\"ValidationResults\":[{\"ErrorResourceId\":\"canary\",\"ErrorContext\":\"canary\",\"MemberNames\":[\"canary\"]}]}"}}`
	evil := []string{"x-ms-request-id", "canary@example.test", "Retry-After", "canary", "Location", "https://canary.test/?canary"}
	for name, answer := range map[string]http.HandlerFunc{
		"400 that echoes":     saysJSON(400, echo, evil...),
		"401 that echoes":     saysJSON(401, echo, evil...),
		"403 that echoes":     saysJSON(403, echo, evil...),
		"404 that echoes":     saysJSON(404, echo, evil...),
		"409 that echoes":     saysJSON(409, echo, evil...),
		"429 that echoes":     saysJSON(429, echo, evil...),
		"500 that echoes":     saysJSON(500, echo, evil...),
		"a redirect":          saysJSON(307, echo, evil...),
		"a page":              says(200, "text/html", "<html>canary", evil...),
		"a wrong type":        saysJSON(200, `{"AccountNumber":{"canary":1},"value":"canary","Balance":"canary"}`, evil...),
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not HTTP": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = c.Write([]byte("canary canary\r\n\r\n"))
				_ = c.Close()
			}
		},
		"a header that is none": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\ncanary\r\n\r\n"))
				_ = c.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ops := map[string]func(context.Context, *csuclient.Channel) error{
				"find": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.FindCustomersByEmail(ctx, canaries().Email)
					return err
				},
				"read": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.ReadCustomer(ctx, "canary'@example.test")
					return err
				},
				"create": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.CreateCustomer(ctx, canaries())
					return err
				},
				"update": func(ctx context.Context, ch *csuclient.Channel) error {
					c := canaries()
					return ch.UpdateCustomer(ctx, "canary'@example.test", csuclient.CustomerChanges{FirstName: &c.FirstName, Email: &c.Email})
				},
				"cart": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.SetDelivery(ctx, canary, csuclient.Delivery{Address: &canaries().Addresses[0], Email: canaries().Email})
					return err
				},
				"checkout": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.CheckOut(ctx, canary, csuclient.Checkout{Version: 1, ReceiptEmail: canaries().Email, Tenders: []csuclient.Tender{{GiftCard: pii.New(canary),
						Card: &csuclient.Card{Token: pii.New(canary)}}}})
					return err
				},
				"gift card": func(ctx context.Context, ch *csuclient.Channel) error {
					_, err := ch.ReadGiftCard(ctx, pii.New(canary), pii.New(canary))
					return err
				},
			}
			for op, do := range ops {
				s := newStub(t, false, answer, nil)
				ctx := csuclient.WithCall(t.Context(), csuclient.Call{CorrelationID: "canary@example.test"})
				err := do(ctx, s.channel)
				if err == nil && op == "update" && name == "a wrong type" { // any JSON will do there
					continue
				}
				require.Error(t, err, op)
				for e := err; e != nil; e = errors.Unwrap(e) {
					requireClean(t, e)
				}
				require.NotContains(t, err.Error(), "http")
				for _, r := range s.seen.requests {
					requireClean(t, r)
				}
			}
		})
	}
}

func TestNoErrorNamesAHost(t *testing.T) {
	s := newStub(t, false, saysJSON(200, accountOne), func(o *csuclient.Options) {
		o.BaseURL = "http://canary.localhost:1"
	})
	_, err := s.channel.ReadCustomer(t.Context(), "canary")
	require.Error(t, err)
	requireClean(t, err)
}
