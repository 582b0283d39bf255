// Package wire is the AMQP 1.0 codec of the local Service Bus: types, performatives, frames and message
// sections, and nothing that keeps state.
//
// An AMQP value is a Go value of one fixed type, so that what is decoded is encoded as the same AMQP type:
// null nil, boolean bool, ubyte…ulong uint8…uint64, byte…long int8…int64, float float32, double float64,
// char Char, decimals Decimal32, Decimal64, Decimal128, timestamp time.Time (UTC, milliseconds), uuid
// uuid.UUID, binary []byte, string string, symbol Symbol, list []any, map map[any]any, array Array[T],
// described value Described. A plain int is refused: its AMQP type would be a guess.
//
// Bytes from outside are limited in depth, size and count before anything is allocated for them. Errors of
// decoding are *Error with the condition a peer should be told.
// Source: OASIS AMQP 1.0, parts 1 to 3, docs.oasis-open.org/amqp/core/v1.0/os.
package wire

import (
	"time"

	"github.com/google/uuid"
)

// Char is an AMQP char: one Unicode code point.
type Char rune

// The decimals are carried, never computed with.
type (
	Decimal32  [4]byte
	Decimal64  [8]byte
	Decimal128 [16]byte
)

// Described is a value with a descriptor, which is a uint64 or a Symbol for everything AMQP itself defines.
type Described struct {
	Descriptor any
	Value      any
}

// Array is an AMQP array: unlike a list ([]any) it has one element type, and clients tell the two apart.
// An array of lists is Array[[]any], of maps Array[map[any]any].
type Array[T any] []T

type array interface {
	constructor() byte
	length() int
	element(i int) any
}

func (a Array[T]) length() int       { return len(a) }
func (a Array[T]) element(i int) any { return a[i] }

func (a Array[T]) constructor() byte {
	var zero T
	switch any(zero).(type) {
	case bool:
		return codeBool
	case uint8:
		return codeUbyte
	case uint16:
		return codeUshort
	case uint32:
		return codeUint
	case uint64:
		return codeUlong
	case int8:
		return codeByte
	case int16:
		return codeShort
	case int32:
		return codeInt
	case int64:
		return codeLong
	case float32:
		return codeFloat
	case float64:
		return codeDouble
	case Char:
		return codeChar
	case Decimal32:
		return codeDecimal32
	case Decimal64:
		return codeDecimal64
	case Decimal128:
		return codeDecimal128
	case time.Time:
		return codeTimestamp
	case uuid.UUID:
		return codeUUID
	case []byte:
		return codeBinary32
	case string:
		return codeString32
	case Symbol:
		return codeSymbol32
	case []any:
		return codeList32
	case map[any]any:
		return codeMap32
	default:
		return codeNull // only an array of nulls, or one without elements
	}
}

// Constructors, AMQP 1.0 part 1, section 1.6.
const (
	codeDescribed  = 0x00
	codeNull       = 0x40
	codeTrue       = 0x41
	codeFalse      = 0x42
	codeUint0      = 0x43
	codeUlong0     = 0x44
	codeList0      = 0x45
	codeUbyte      = 0x50
	codeByte       = 0x51
	codeUintSmall  = 0x52
	codeUlongSmall = 0x53
	codeIntSmall   = 0x54
	codeLongSmall  = 0x55
	codeBool       = 0x56
	codeUshort     = 0x60
	codeShort      = 0x61
	codeUint       = 0x70
	codeInt        = 0x71
	codeFloat      = 0x72
	codeChar       = 0x73
	codeDecimal32  = 0x74
	codeUlong      = 0x80
	codeLong       = 0x81
	codeDouble     = 0x82
	codeTimestamp  = 0x83
	codeDecimal64  = 0x84
	codeDecimal128 = 0x94
	codeUUID       = 0x98
	codeBinary8    = 0xa0
	codeString8    = 0xa1
	codeSymbol8    = 0xa3
	codeBinary32   = 0xb0
	codeString32   = 0xb1
	codeSymbol32   = 0xb3
	codeList8      = 0xc0
	codeMap8       = 0xc1
	codeList32     = 0xd0
	codeMap32      = 0xd1
	codeArray8     = 0xe0
	codeArray32    = 0xf0
)
