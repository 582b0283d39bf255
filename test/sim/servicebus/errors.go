package servicebus

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

func framingError(text string) *wire.Error {
	return &wire.Error{Condition: wire.CondFramingError, Description: text}
}

func notAllowed(format string, args ...any) *wire.Error {
	return &wire.Error{Condition: wire.CondNotAllowed, Description: fmt.Sprintf(format, args...)}
}

func notImplemented(text string) *wire.Error {
	return &wire.Error{Condition: wire.CondNotImplemented, Description: text}
}

func forcedClose() *wire.Error {
	return &wire.Error{Condition: wire.CondConnectionForced, Description: tracked("The connection was closed by the broker.", "broker", time.Now())}
}

func forcedDetach(entity string, now time.Time) *wire.Error {
	return &wire.Error{Condition: wire.CondDetachForced, Description: tracked("The link was force detached by the broker.", entity, now)}
}

// notFound is worded so that the JavaScript SDK recognises it: that SDK goes by the text.
func notFound(entity string) *wire.Error {
	text := fmt.Sprintf("The messaging entity '%s' could not be found.", entity)
	return &wire.Error{Condition: wire.CondNotFound, Description: tracked(text, entity, time.Now())}
}

// tracked adds what Service Bus adds to every description.
func tracked(text, entity string, now time.Time) string {
	return fmt.Sprintf("%s TrackingId:%s, SystemTracker:%s, Timestamp:%s", text, uuid.New(), entity, now.UTC().Format("2006-01-02T15:04:05"))
}

// storeErrors says how each error of the store is told: by condition on a link, by status too in a response.
var storeErrors = []struct {
	err       error
	status    int32
	condition wire.Symbol
	text      string
}{
	{store.ErrLockLost, 410, wire.CondMessageLockLost, "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."},
	{store.ErrMessageNotFound, 404, wire.CondMessageNotFound, "The message could not be found."},
	{store.ErrTooLarge, 400, wire.CondMessageSize, "The message is larger than the entity allows."},
	{store.ErrFull, 403, wire.CondResourceLimit, "The maximum entity size has been reached or exceeded."},
	{store.ErrDisabled, 403, wire.CondEntityDisabled, "Messaging entity is currently disabled."},
	{store.ErrNotAllowed, 400, wire.CondNotAllowed, "The operation is not allowed on this entity."},
}

// linkError translates an error of the store.
func linkError(entity string, err error) *wire.Error {
	var fault *wire.Error
	if errors.As(err, &fault) {
		return fault
	}
	if errors.Is(err, store.ErrNotFound) {
		return notFound(entity)
	}
	for _, e := range storeErrors {
		if errors.Is(err, e.err) {
			return &wire.Error{Condition: e.condition, Description: tracked(e.text, entity, time.Now())}
		}
	}
	return &wire.Error{Condition: wire.CondInternalError, Description: tracked(err.Error(), entity, time.Now())}
}
