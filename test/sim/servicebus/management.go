package servicebus

import (
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// operation is one operation of a $management node. It runs under the connection's lock and must not block.
type operation func(*request) response

// operations by name. The types of what they read and write are those of the service to the letter: where an
// array is wanted a list will not do, and clients assert 32-bit status codes.
var operations = map[string]operation{
	"com.microsoft:renew-lock":                 renewLock,
	"com.microsoft:update-disposition":         updateDisposition,
	"com.microsoft:peek-message":               peekMessage,
	"com.microsoft:receive-by-sequence-number": receiveBySequenceNumber,
	"com.microsoft:schedule-message":           scheduleMessage,
	"com.microsoft:cancel-scheduled-message":   cancelScheduledMessage,
}

// pageBytes is how much one page of peeked messages may hold, beyond its first message.
const pageBytes = 1 << 20

func manage(r *request) response {
	name, _ := r.properties["operation"].(string)
	op := operations[name]
	if op == nil {
		return failed(501, wire.CondNotImplemented, "The operation is not supported.")
	}
	return op(r)
}

func malformed(what string) response {
	return failed(400, wire.CondArgumentError, "The request's "+what+" is missing or of another type.")
}

func renewLock(r *request) response {
	tokens, ok := r.fields()["lock-tokens"].(wire.Array[uuid.UUID])
	if !ok {
		return malformed("lock-tokens")
	}
	until := make(wire.Array[time.Time], len(tokens))
	for i, token := range tokens {
		var err error
		if until[i], err = r.queue.Renew(token); err != nil {
			return failedAs(r.queue, err)
		}
	}
	return succeeded(map[string]any{"expirations": until})
}

func updateDisposition(r *request) response {
	fields := r.fields()
	tokens, ok := fields["lock-tokens"].(wire.Array[uuid.UUID])
	if !ok {
		return malformed("lock-tokens")
	}
	props := make(map[string]any)
	changes, _ := fields["properties-to-modify"].(map[any]any)
	for k, v := range changes {
		switch k := k.(type) {
		case string:
			props[k] = v
		case wire.Symbol:
			props[string(k)] = v
		}
	}
	reason, _ := fields["deadletter-reason"].(string)
	description, _ := fields["deadletter-description"].(string)
	var settle func(uuid.UUID) error
	switch fields["disposition-status"] {
	case "completed":
		settle = r.queue.Complete
	case "abandoned":
		settle = func(t uuid.UUID) error { return r.queue.Abandon(t, props) }
	case "suspended":
		settle = func(t uuid.UUID) error { return r.queue.DeadLetter(t, reason, description, props) }
	case "defered": // so spelled
		settle = func(t uuid.UUID) error { return r.queue.Defer(t, props) }
	default:
		return malformed("disposition-status")
	}
	for _, token := range tokens {
		if err := settle(token); err != nil {
			return failedAs(r.queue, err)
		}
	}
	return succeeded(nil)
}

func peekMessage(r *request) response {
	fields := r.fields()
	from, ok := integer(fields["from-sequence-number"])
	if !ok {
		return malformed("from-sequence-number")
	}
	count, ok := integer(fields["message-count"])
	if !ok || count < 1 {
		return malformed("message-count")
	}
	var page []any
	size := 0
	for _, m := range r.queue.Peek(from, int(min(count, 1000))) {
		encoded, err := wire.Marshal(m)
		if err != nil {
			return failed(500, wire.CondInternalError, err.Error())
		}
		if size += len(encoded); size > pageBytes && len(page) > 0 {
			break
		}
		page = append(page, map[string]any{"message": encoded})
	}
	if len(page) == 0 {
		return noContent()
	}
	return succeeded(map[string]any{"messages": page})
}

// receiveBySequenceNumber gives deferred messages. The Go SDK reads the lock token from the message's delivery
// annotation, the JavaScript SDK from the key beside the message.
func receiveBySequenceNumber(r *request) response {
	fields := r.fields()
	seqs, ok := fields["sequence-numbers"].(wire.Array[int64])
	if !ok {
		return malformed("sequence-numbers")
	}
	mode := store.PeekLock
	if settle, ok := integer(fields["receiver-settle-mode"]); !ok || settle > 1 {
		return malformed("receiver-settle-mode")
	} else if settle == 0 {
		mode = store.ReceiveAndDelete
	}
	got, err := r.queue.ReceiveDeferred(mode, seqs...)
	if err != nil {
		return failedAs(r.queue, err)
	}
	if len(got) == 0 {
		return noContent()
	}
	list := make([]any, len(got))
	for i, d := range got {
		if mode == store.PeekLock {
			d.Message.DeliveryAnnotations = map[wire.Symbol]any{"x-opt-lock-token": d.LockToken}
		}
		encoded, err := wire.Marshal(d.Message)
		if err != nil {
			return failed(500, wire.CondInternalError, err.Error())
		}
		list[i] = map[string]any{"message": encoded, "lock-token": d.LockToken}
	}
	return succeeded(map[string]any{"messages": list})
}

func scheduleMessage(r *request) response {
	list, ok := r.fields()["messages"].([]any)
	if !ok {
		return malformed("messages")
	}
	msgs := make([]*wire.Message, len(list))
	for i, item := range list {
		entry, _ := item.(map[any]any)
		encoded, ok := entry["message"].([]byte)
		if !ok {
			return malformed("message")
		}
		var err error
		if msgs[i], err = wire.Unmarshal(encoded); err != nil {
			return failed(400, wire.CondDecodeError, err.Error())
		}
		if at, ok := msgs[i].Annotations["x-opt-scheduled-enqueue-time"].(time.Time); !ok || at.IsZero() {
			return malformed("x-opt-scheduled-enqueue-time")
		}
	}
	if fault := r.broker.faults.send(r.queue); fault != nil {
		return failed(503, fault.Condition, fault.Description)
	}
	seqs, err := r.queue.Schedule(msgs...)
	if err != nil {
		return failedAs(r.queue, err)
	}
	return succeeded(map[string]any{"sequence-numbers": wire.Array[int64](seqs)})
}

func cancelScheduledMessage(r *request) response {
	seqs, ok := r.fields()["sequence-numbers"].(wire.Array[int64])
	if !ok {
		return malformed("sequence-numbers")
	}
	if err := r.queue.CancelScheduled(seqs...); err != nil {
		return failedAs(r.queue, err)
	}
	return succeeded(nil)
}

// integer reads a number of whichever integer type a client chose.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case uint8:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= 1<<63-1
	}
	return 0, false
}
