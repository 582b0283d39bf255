package servicebus

import (
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/signalbox/signalbox/internal/bounded"
	"github.com/signalbox/signalbox/worker"
)

var byCode = map[azservicebus.Code]error{
	azservicebus.CodeLockLost: worker.ErrLockLost, azservicebus.CodeNotFound: worker.ErrNotFound,
	azservicebus.CodeUnauthorizedAccess: worker.ErrUnauthorized, azservicebus.CodeConnectionLost: worker.ErrConnectionLost,
	azservicebus.CodeTimeout: worker.ErrTimeout, azservicebus.CodeClosed: worker.ErrClosed,
}

// byCondition has what the SDK hands on without a code of its own.
var byCondition = map[amqp.ErrCond]error{
	amqp.ErrCondNotFound: worker.ErrNotFound, amqp.ErrCondUnauthorizedAccess: worker.ErrUnauthorized,
	amqp.ErrCondMessageSizeExceeded: worker.ErrTooLarge, "com.microsoft:message-lock-lost": worker.ErrLockLost,
	"com.microsoft:timeout": worker.ErrTimeout,
}

// translate gives an error of the SDK its meaning, and says what was being done.
func translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	if meaning := meaningOf(err); meaning != nil {
		return fmt.Errorf("%s: %w: %w", doing, meaning, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func meaningOf(err error) error {
	if errors.Is(err, azservicebus.ErrMessageTooLarge) {
		return worker.ErrTooLarge
	}
	if errors.Is(err, bounded.ErrGivenUp) {
		return worker.ErrTimeout
	}
	if known := (*azservicebus.Error)(nil); errors.As(err, &known) && byCode[known.Code] != nil {
		return byCode[known.Code]
	}
	if raw := (*amqp.Error)(nil); errors.As(err, &raw) {
		return byCondition[raw.Condition]
	}
	return nil
}
