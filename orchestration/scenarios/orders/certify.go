package orders

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
)

// certification is what signalbox certify runs the scenarios on. The confirmation of an order is part of each story here.
func certification() orchestration.Certification {
	return orchestration.Certification{
		Stories: []orchestration.Story{
			{Name: "an order of a guest", Bound: products, Events: []orchestration.Sample{guest("W-1", "17.63")}},
			{Name: "an order before its customer", Bound: products, Together: true, Events: []orchestration.Sample{
				{Data: json.RawMessage(`{"id": "W-2", "customer": "1001", ` + bread + `}`)},
				{Type: "signalbox.customer.changed.v1", Data: json.RawMessage(`{"id": "1001", "email": "ana@example.com", "firstName": "Ana", "lastName": "Contoso"}`)}}},
			{Name: "an order that is published again", Bound: products, Events: []orchestration.Sample{guest("W-3", "17.63"), guest("W-3", "17.63")}},
			{Name: "an order with its payments, fetched from a store", Bound: products, Events: []orchestration.Sample{{Data: json.RawMessage(`{"id": "W-5", "email": "ana@example.com",
				"delivery": {"pickup": {"store": "STORE1"}}, "payments": [{"method": "giftCard", "giftCard": "G-1", "amount": 4}, {"method": "card", "amount": 5,
				"card": {"type": "VISA", "token": "a token", "authorization": "an authorization", "serviceAccount": "service-account-1"}}], ` + bread + `}`)}}},
			{Name: "a cart", OrderMode: orchestration.OrderCart, Bound: products, Events: []orchestration.Sample{{Data: json.RawMessage(`{"id": "W-6", "email": "ana@example.com",
				"charges": [{"code": "HANDLING", "amount": 1}], "delivery": {"mode": "99", "address": {"street": "1 Harbour Street", "city": "Redmond", "state": "WA", "zip": "98052", "country": "USA"}},
				"payments": [{"method": "card", "amount": 3, "card": {"type": "VISA", "token": "a token", "serviceAccount": "service-account-1"}}],
				"currency": "USD", "lines": [{"product": "bread-500", "quantity": 2, "price": 1}], "total": 3}`)}}},
			{Name: "an order that does not add up", Bound: products, Events: []orchestration.Sample{guest("W-4", "17.64")}},
		},
		Invariants: []orchestration.Invariant{{Name: "one-sales-order-per-order", Holds: oneEach}, {Name: "told-of-the-bound-sales-order", Holds: toldOfBound}},
	}
}

// products are those that the stand-in sells.
var products = []orchestration.Bound{{Kind: kindProduct, ID: "bread-500", To: "68719490000"}, {Kind: kindProduct, ID: "butter-250", To: "68719490001"}}

const bread = `"currency": "USD", "lines": [{"product": "bread-500", "quantity": 2, "price": 4.50}], "total": 9`

func guest(id, total string) orchestration.Sample {
	return orchestration.Sample{Data: json.RawMessage(`{"id": "` + id + `", "email": "ana@example.com", "currency": "USD",
		"lines": [{"product": "bread-500", "quantity": 2, "price": 4.50, "discount": 0.50, "tax": 0.68}, {"product": "butter-250", "quantity": 1, "price": 3.20, "tax": 0.26}],
		"charges": [{"code": "FREIGHT", "amount": 4.99, "shipping": true}], "total": ` + total + `}`)}
}

// oneEach is what this scenario is for.
func oneEach(end orchestration.End) error {
	made := map[string]int{}
	for _, r := range end.Records {
		if r.Kind != kindOrder {
			continue
		}
		if made[r.Key]++; made[r.Key] > 1 {
			return fmt.Errorf("%d sales orders have one channel reference", made[r.Key])
		}
	}
	return nil
}

// toldOfBound holds what the sink was told of each order against what the order is bound to.
func toldOfBound(end orchestration.End) error {
	told := map[string]string{}
	for _, t := range end.Told {
		var said Relayed
		if t.Type == RelayedType && json.Unmarshal(t.Data, &said) == nil {
			told[said.ID] = said.SalesID
		}
	}
	for ref, id := range end.Bound {
		if ref.Kind == kindOrder && told[ref.ID] != id {
			return fmt.Errorf("order %s is bound to %s, and the sink was told of %q", ref.ID, id, told[ref.ID])
		}
	}
	return nil
}

// statusCertification has orders that are bound already: how one becomes bound is the other scenarios' story.
func statusCertification() orchestration.Certification {
	bound := []orchestration.Bound{{Kind: kindOrder, ID: "W-7", To: "SO-000417"}}
	return orchestration.Certification{
		Stories: []orchestration.Story{
			{Name: "reports of an order at once", Bound: bound, Together: true, Events: []orchestration.Sample{report("shipped"), report("invoiced")}},
			{Name: "a business event that means nothing", Events: []orchestration.Sample{{Source: headquarters, Data: json.RawMessage(`{"status": "ignored"}`)}}},
		},
		Invariants: []orchestration.Invariant{{Name: "each-status-told-once-of-the-order", Holds: statusOnce}},
	}
}

const headquarters = "urn:contoso:headquarters"

func report(status string) orchestration.Sample {
	return orchestration.Sample{Source: headquarters, Data: json.RawMessage(`{"salesId": "SO-000417", "status": "` + status + `"}`)}
}

// statusOnce holds what the sink was told against the one order there is.
func statusOnce(end orchestration.End) error {
	told := map[string]int{}
	for _, t := range end.Told {
		var said Status
		if t.Type != StatusType {
			continue
		}
		if err := json.Unmarshal(t.Data, &said); err != nil || said.ID != "W-7" || t.Subject != "W-7" {
			return fmt.Errorf("a status is told of order %q, under the subject %q", said.ID, t.Subject)
		}
		if told[said.Status]++; told[said.Status] > 1 {
			return fmt.Errorf("%s is told %d times", said.Status, told[said.Status])
		}
	}
	return nil
}

// certifyCancel is what the cancellations are run on. An order's placing and its confirmation are part of each story.
func certifyCancel() orchestration.Certification {
	placed := func(id string) orchestration.Sample {
		s := guest(id, "17.63")
		s.Type = EventType
		return s
	}
	cancel := func(id string) orchestration.Sample {
		return orchestration.Sample{Data: json.RawMessage(`{"id": "` + id + `", "reason": "ordered twice"}`)}
	}
	return orchestration.Certification{
		Stories: []orchestration.Story{
			{Name: "a cancellation before its order", Bound: products, Together: true, Events: []orchestration.Sample{cancel("W-11"), placed("W-11")}},
		},
		Invariants: []orchestration.Invariant{{Name: "told-of-is-cancelled", Holds: toldOfCancelled}},
	}
}

// toldOfCancelled holds what the sink was told of cancellations against the orders.
func toldOfCancelled(end orchestration.End) error {
	for _, t := range end.Told {
		var said Cancellation
		if t.Type != CancellationType || json.Unmarshal(t.Data, &said) != nil {
			continue
		}
		for _, r := range end.Records {
			if r.ID == said.SalesID && fmt.Sprint(r.Fields["StatusValue"]) != fmt.Sprint(csuclient.OrderCanceled) {
				return fmt.Errorf("the sink was told that order %s is to be cancelled, and it is not", said.ID)
			}
		}
	}
	return nil
}
