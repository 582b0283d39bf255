package locations

import (
	"encoding/json"

	"github.com/signalbox/signalbox/orchestration"
)

// certification is what signalbox certify runs the scenario on.
func certification() orchestration.Certification {
	return orchestration.Certification{Stories: []orchestration.Story{{Name: "all locations", Events: []orchestration.Sample{{Data: json.RawMessage(`{}`)}}}}}
}
