package returns

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// certification is what signalbox certify runs the scenario on. An order's placing and its confirmation are part of each story.
func certification() orchestration.Certification {
	bread := []orchestration.Bound{{Kind: "product", ID: "bread-500", To: "68719490000"}}
	placed := orchestration.Sample{Type: orders.EventType, Data: json.RawMessage(`{"id": "W-21", "email": "ana@example.com", "currency": "USD",
			"lines": [{"product": "bread-500", "quantity": 3, "price": 3.34, "discount": 0.02, "tax": 0.80}], "total": 10.80}`)}
	back := func(id, quantity, total string) orchestration.Sample {
		return orchestration.Sample{Data: json.RawMessage(`{"id": "` + id + `", "order": "W-21", "currency": "USD", "method": "mail",
			"lines": [{"line": 1, "quantity": ` + quantity + `}], "total": ` + total + `}`)}
	}
	return orchestration.Certification{
		Stories: []orchestration.Story{
			{Name: "all of a line in two parts, the first one twice, and then more", Bound: bread, Events: []orchestration.Sample{
				placed, back("R-1", "1", "3.60"), back("R-1", "1", "3.60"), back("R-2", "2", "7.20"), back("R-3", "1", "3.60")}},
		},
		Invariants: []orchestration.Invariant{{Name: "not-more-back-than-bought", Holds: notMore}},
	}
}

// notMore is what this scenario is for: no two uploads of one return, and none of what is not there.
func notMore(end orchestration.End) error {
	left := map[string]float64{}
	for _, r := range end.Records {
		if r.Kind != orders.Kind {
			continue
		}
		lines, _ := r.Fields["SalesLines"].([]any)
		if len(lines) == 0 {
			return fmt.Errorf("an order has no lines to be counted")
		}
		for _, l := range lines {
			line, _ := l.(map[string]any)
			quantity, err := json.Number(fmt.Sprint(line["Quantity"])).Float64()
			if err != nil {
				return fmt.Errorf("a line's quantity is no number")
			}
			from, _ := line["ReturnTransactionId"].(string)
			if from == "" {
				from = fmt.Sprint(r.Fields["Id"])
			}
			left[from] += quantity
		}
	}
	for from, n := range left {
		if n < 0 {
			return fmt.Errorf("of order %s more has come back than was bought", from)
		}
	}
	return nil
}
