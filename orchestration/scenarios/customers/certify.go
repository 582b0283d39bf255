package customers

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox/signalbox/orchestration"
)

// certification is what signalbox certify runs the scenarios on. The promotion of provisional accounts is part of a story here.
func certification() orchestration.Certification {
	return orchestration.Certification{
		Stories: []orchestration.Story{
			{Name: "a customer who moves", Events: []orchestration.Sample{ana("https://shop.example.com", "1001", "Redmond"), ana("https://shop.example.com", "1001", "Houston")}},
			{Name: "an account that is there", Events: []orchestration.Sample{ana("https://shop.example.com", "1001", "Redmond")}, There: []orchestration.Record{
				{Kind: "customer", Fields: map[string]any{"Email": "ana@example.com", "FirstName": "Ana", "LastName": "Adatum"}}}},
			{Name: "before headquarters knows", Events: []orchestration.Sample{ana("https://shop.example.com", "1001", "Redmond")}, Provisional: true},
			{Name: "two sources at once", Events: []orchestration.Sample{ana("https://shop.example.com", "1001", "Redmond"), ana("https://crm.example.com", "77", "Redmond")}, Together: true},
			{Name: "a refusal", Events: []orchestration.Sample{{Data: json.RawMessage(`{"id": "1002", "firstName": "Bo"}`)}}},
		},
		Invariants: []orchestration.Invariant{{Name: "one-account-per-address", Holds: onePerAddress}, {Name: "told-of-the-bound-account", Holds: toldOfBound}},
	}
}

func ana(source, id, city string) orchestration.Sample {
	return orchestration.Sample{Source: source, Data: json.RawMessage(`{"id": "` + id + `", "email": "ana@example.com", "firstName": "Ana", "lastName": "Contoso", ` +
		`"addresses": [{"street": "1 Harbour Street", "city": "` + city + `", "state": "WA", "zip": "98052", "country": "USA", "primary": true}]}`)}
}

// onePerAddress is what this scenario is for: the CSU itself does not keep addresses unique.
func onePerAddress(end orchestration.End) error {
	accounts := map[string]int{}
	for _, r := range end.Records {
		if accounts[r.Key]++; accounts[r.Key] > 1 {
			return fmt.Errorf("%d accounts have one e-mail address", accounts[r.Key])
		}
	}
	return nil
}

// toldOfBound holds what the sink was told last of each customer against what the customer is bound to.
func toldOfBound(end orchestration.End) error {
	last := map[string]string{}
	for _, t := range end.Told {
		var said Relayed
		if t.Type == RelayedType && json.Unmarshal(t.Data, &said) == nil {
			last[said.ID] = said.AccountNumber
		}
	}
	for ref, account := range end.Bound {
		if told := last[ref.ID]; told != account {
			return fmt.Errorf("customer %s is bound to %s, and the sink was told of %q last", ref.ID, account, told)
		}
	}
	return nil
}
