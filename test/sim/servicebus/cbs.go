package servicebus

import (
	"strings"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// putToken answers put-token. Tokens are not looked into; what is looked at is whether the entity they are for
// exists, because that is where clients of Service Bus first hear that it does not.
func putToken(r *request) response {
	if op, _ := r.properties["operation"].(string); op != "put-token" {
		return failed(400, wire.CondNotImplemented, "The operation on $cbs must be put-token.")
	}
	audience, _ := r.properties["name"].(string)
	path := audience
	if _, rest, ok := strings.Cut(audience, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	path, _ = cutManagement(path)
	accepted := response{status: 202, description: "Accepted"}
	if strings.Trim(path, "/") == "" {
		return accepted // a token for the whole namespace
	}
	q, err := r.broker.namespace.Queue(path)
	if err != nil {
		fault := notFound(path)
		return failed(404, fault.Condition, fault.Description)
	}
	if r.broker.faults.token(q) {
		return failed(401, wire.CondUnauthorizedAccess, "The token is refused because the broker was told to.")
	}
	return accepted
}
