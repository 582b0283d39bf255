package store

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// ErrFilter refuses a filter that is not to be had here, so that nobody takes it for one that works.
var ErrFilter = errors.New(`of SQL filters this broker has 1=1 and 1=0 alone, and no actions: use a TrueFilter, a FalseFilter or a CorrelationFilter, which compares CorrelationId, MessageId, To, ReplyTo, Label, SessionId, ReplyToSessionId, ContentType and application properties`)

// Filter selects messages.
type Filter interface{ selects(m *wire.Message) bool }

// TrueFilter selects every message.
type TrueFilter struct{}

func (TrueFilter) selects(*wire.Message) bool { return true }

// FalseFilter selects none.
type FalseFilter struct{}

func (FalseFilter) selects(*wire.Message) bool { return false }

// SQLFilter is the filter that an expression stands for, if it is one of the two that need no grammar.
func SQLFilter(expression string) (Filter, error) {
	switch strings.Join(strings.Fields(expression), "") {
	case "1=1":
		return TrueFilter{}, nil
	case "1=0":
		return FalseFilter{}, nil
	}
	return nil, ErrFilter
}

// CorrelationFilter selects messages of which every field that is set here has exactly this value. Nil fields are not looked at.
type CorrelationFilter struct {
	CorrelationID, MessageID, To, ReplyTo, Label, SessionID, ReplyToSessionID, ContentType *string

	Properties map[string]any // application properties; numbers of any type are compared by value
}

// Empty says that the filter compares nothing, which the service refuses.
func (f CorrelationFilter) Empty() bool {
	for _, field := range []*string{f.CorrelationID, f.MessageID, f.To, f.ReplyTo, f.Label, f.SessionID, f.ReplyToSessionID, f.ContentType} {
		if field != nil {
			return false
		}
	}
	return len(f.Properties) == 0
}

func (f CorrelationFilter) selects(m *wire.Message) bool {
	p := m.Properties
	if p == nil {
		p = &wire.Properties{}
	}
	for _, field := range []struct {
		wanted *string
		has    any
	}{
		{f.CorrelationID, p.CorrelationID}, {f.MessageID, p.MessageID}, {f.To, p.To}, {f.ReplyTo, p.ReplyTo}, {f.Label, p.Subject},
		{f.SessionID, p.GroupID}, {f.ReplyToSessionID, p.ReplyToGroupID}, {f.ContentType, p.ContentType},
	} {
		if field.wanted == nil {
			continue
		}
		if text, ok := textOf(field.has); !ok || text != *field.wanted {
			return false
		}
	}
	for name, wanted := range f.Properties {
		if has, there := m.ApplicationProps[name]; !there || !equal(has, wanted) {
			return false
		}
	}
	return true
}

// textOf is a property as text, false when it is not there. Ids may be numbers and GUIDs, too.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case *string:
		if v == nil {
			return "", false
		}
		return *v, true
	case *wire.Symbol:
		if v == nil {
			return "", false
		}
		return string(*v), true
	case string:
		return v, true
	case wire.Symbol:
		return string(v), true
	case uuid.UUID, uint64:
		return fmt.Sprint(v), true
	}
	return "", false
}

// equal compares values as they come off the wire: texts, numbers, moments and the rest each among themselves.
func equal(a, b any) bool {
	if x, ok := numberOf(a); ok {
		y, ok := numberOf(b)
		return ok && x.Cmp(y) == 0
	}
	if x, ok := textOf(a); ok {
		y, ok := textOf(b)
		return ok && x == y
	}
	switch x := a.(type) {
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.UnixMilli() == y.UnixMilli() // which is what the wire can say
	}
	return false
}

// numberOf is a number of any AMQP type, exactly.
func numberOf(v any) (*big.Float, bool) {
	exact := func() *big.Float { return new(big.Float).SetPrec(64) }
	switch v := v.(type) {
	case int8:
		return exact().SetInt64(int64(v)), true
	case int16:
		return exact().SetInt64(int64(v)), true
	case int32:
		return exact().SetInt64(int64(v)), true
	case int64:
		return exact().SetInt64(v), true
	case int:
		return exact().SetInt64(int64(v)), true
	case uint8:
		return exact().SetUint64(uint64(v)), true
	case uint16:
		return exact().SetUint64(uint64(v)), true
	case uint32:
		return exact().SetUint64(uint64(v)), true
	case uint64:
		return exact().SetUint64(v), true
	case float32:
		return float(float64(v))
	case float64:
		return float(v)
	}
	return nil, false
}

func float(v float64) (*big.Float, bool) {
	if v != v { // not a number, and equal to none
		return nil, false
	}
	return new(big.Float).SetFloat64(v), true
}
