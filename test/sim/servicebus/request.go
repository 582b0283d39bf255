package servicebus

import (
	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// request is a call to $cbs or to a $management node.
type request struct {
	broker     *Broker
	queue      *store.Queue   // the entity addressed; nil for $cbs
	properties map[string]any // the application properties
	body       any            // what the value section holds: for $management a map, see fields
}

// response is the answer to one. The status decides how clients go on: they know 2xx, 401, 404, 408, 410, 500
// and 503 and reset their connection on others, so a failure takes one of those wherever it can. A failure always
// has a condition, because the JavaScript SDK cannot tell two of one status apart.
type response struct {
	status      int32
	description string
	condition   wire.Symbol
	body        any
}

func succeeded(body any) response { return response{status: 200, description: "OK", body: body} }

func noContent() response { return response{status: 204, description: "No Content"} }

func failed(status int32, condition wire.Symbol, description string) response {
	return response{status: status, condition: condition, description: description}
}

// failedAs is the response for an error of the store.
func failedAs(q *store.Queue, err error) response {
	fault := linkError(q.Path(), err)
	if fault.Condition == wire.CondNotFound {
		return failed(404, fault.Condition, fault.Description)
	}
	for _, e := range storeErrors {
		if e.condition == fault.Condition {
			return failed(e.status, fault.Condition, fault.Description)
		}
	}
	return failed(500, fault.Condition, fault.Description)
}

// request answers a request on the link that it asks to be answered on. Its own transfer is accepted either way.
func (in *inlet) request(payload []byte, _ uint32) *wire.Error {
	m, err := wire.Unmarshal(payload)
	if err != nil {
		return linkError(in.name, err)
	}
	r := &request{broker: in.session.conn.broker, queue: in.queue, properties: m.ApplicationProps}
	if r.body, err = m.Value(); err != nil {
		return linkError(in.name, err)
	}
	if m.Properties == nil || m.Properties.ReplyTo == nil {
		return &wire.Error{Condition: wire.CondInvalidField, Description: "A request needs reply-to."}
	}
	operate, names := manage, managementNames
	if in.node == nodeCBS {
		operate, names = putToken, cbsNames
	}
	if out := in.replyLink(*m.Properties.ReplyTo); out != nil {
		out.pending = append(out.pending, &outgoing{message: operate(r).message(names, m.Properties.MessageID), token: uuid.New()})
		out.pump()
	}
	return nil
}

// replyLink finds where an answer goes: the link whose target has that address, or whose name it is (the
// JavaScript SDK's $cbs link has no target). The request's own session comes first.
func (in *inlet) replyLink(replyTo string) *outlet {
	if o := in.session.replyLink(in.node, replyTo); o != nil {
		return o
	}
	for _, s := range in.session.conn.sessions {
		if o := s.replyLink(in.node, replyTo); o != nil {
			return o
		}
	}
	return nil
}

func (s *session) replyLink(where node, replyTo string) *outlet {
	for _, l := range s.links {
		o, ok := l.(*outlet)
		if ok && !o.dropped && o.node == where && (o.replyTo == replyTo || o.name == replyTo) {
			return o
		}
	}
	return nil
}

// names of the application properties in an answer: $cbs writes them with dashes.
type names struct{ status, description, condition string }

var (
	cbsNames        = names{"status-code", "status-description", "error-condition"}
	managementNames = names{"statusCode", "statusDescription", "errorCondition"}
)

// message is the answer to the request with that message id, whose type the correlation id keeps.
func (r response) message(n names, id any) *wire.Message {
	body, err := wire.ValueBody(r.body)
	if err != nil {
		r = failed(500, wire.CondInternalError, err.Error())
		body, _ = wire.ValueBody(nil)
	}
	m := &wire.Message{
		Properties:       &wire.Properties{CorrelationID: id},
		ApplicationProps: map[string]any{n.status: r.status, n.description: r.description},
		Body:             body,
	}
	if r.condition != "" {
		m.ApplicationProps[n.condition] = r.condition
	}
	return m
}

// fields is the request's body as a map by name; nil when it is none.
func (r *request) fields() map[string]any {
	m, ok := r.body.(map[any]any)
	if !ok {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		switch k := k.(type) {
		case string:
			out[k] = v
		case wire.Symbol:
			out[string(k)] = v
		}
	}
	return out
}
