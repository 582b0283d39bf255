package csuclient

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// plan tells of a write instead of making it.
func (r call) plan(tell func(operation string, fields []string), payload []byte) error {
	var members map[string]json.RawMessage
	if len(payload) > 0 && json.Unmarshal(payload, &members) != nil {
		return r.op.bug("the request is no object")
	}
	maps.DeleteFunc(members, func(_ string, v json.RawMessage) bool {
		return slices.Contains([]string{`""`, "null", "[]"}, string(v))
	})
	tell(r.op.name, slices.Sorted(maps.Keys(members)))
	if r.planned == nil {
		return nil
	}
	body, err := json.Marshal(r.planned)
	if err != nil {
		return r.op.bug("the planned answer could not be encoded")
	}
	if f := r.read(&answer{status: http.StatusOK, body: body}); f != nil {
		return f
	}
	return nil
}
