package products

import (
	"encoding/json"

	"github.com/signalbox/signalbox/orchestration"
)

// certification is what signalbox certify runs the scenario on.
func certification() orchestration.Certification {
	return orchestration.Certification{Repeats: []string{"UpdateListingPublishingStatus"}, Stories: []orchestration.Story{{Name: "the whole catalogue", Events: []orchestration.Sample{{Data: json.RawMessage(`{}`)}}}}}
}
