package prices

import (
	"encoding/json"

	"github.com/signalbox/signalbox/orchestration"
)

// certification is what signalbox certify runs the scenario on.
func certification() orchestration.Certification {
	return orchestration.Certification{Stories: []orchestration.Story{{Name: "the price of a product", Events: []orchestration.Sample{{Data: json.RawMessage(`{"products": ["68719490000"]}`)}}}}}
}
