package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxDepth is how deeply values may nest, maxZeroWidth how many elements an array may have that take no
// bytes at all: both stop a few hostile bytes from costing much. No client is known to write such arrays.
const (
	maxDepth     = 32
	maxZeroWidth = 16
)

// Decode reads one value from the front of b and returns what follows it. The result shares no memory with b.
func Decode(b []byte) (v any, rest []byte, err error) {
	d := decoder{b: b}
	v = d.value()
	return v, d.b, d.err
}

// decoder consumes b and remembers the first error; after one every read gives a zero.
type decoder struct {
	b     []byte
	depth int
	err   error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = &Error{Condition: CondDecodeError, Description: fmt.Sprintf(format, args...)}
	}
	d.b = nil
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail("%d bytes announced, %d there", n, len(d.b))
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// size reads a length that must fit an int on every platform.
func (d *decoder) size(wide bool) int {
	if !wide {
		return int(d.u8())
	}
	n := d.u32()
	if n > math.MaxInt32 {
		d.fail("a size of %d", n)
		return 0
	}
	return int(n)
}

func (d *decoder) value() any {
	if d.err != nil {
		return nil
	}
	return d.body(d.u8())
}

// body reads a value whose constructor has been read.
func (d *decoder) body(code byte) any {
	if d.depth++; d.depth > maxDepth {
		d.fail("values nest deeper than %d", maxDepth)
	}
	defer func() { d.depth-- }()
	if d.err != nil {
		return nil
	}
	switch code {
	case codeDescribed:
		descriptor := d.value()
		return Described{Descriptor: descriptor, Value: d.value()}
	case codeNull:
		return nil
	case codeTrue, codeFalse, codeBool:
		return d.boolean(code)
	case codeUbyte:
		return d.u8()
	case codeUshort:
		return d.u16()
	case codeUint0, codeUintSmall, codeUint:
		return d.uint(code)
	case codeUlong0, codeUlongSmall, codeUlong:
		return d.ulong(code)
	case codeByte:
		return int8(d.u8())
	case codeShort:
		return int16(d.u16())
	case codeIntSmall, codeInt:
		return d.int(code)
	case codeLongSmall, codeLong:
		return d.long(code)
	case codeFloat:
		return math.Float32frombits(d.u32())
	case codeDouble:
		return math.Float64frombits(d.u64())
	case codeChar:
		return Char(d.u32())
	case codeTimestamp:
		return d.timestamp(code)
	case codeDecimal32:
		return Decimal32(fixed(d, 4))
	case codeDecimal64:
		return Decimal64(fixed(d, 8))
	case codeDecimal128:
		return Decimal128(fixed(d, 16))
	case codeUUID:
		return uuid.UUID(fixed(d, 16))
	case codeBinary8, codeBinary32:
		return d.binary(code)
	case codeString8, codeString32:
		return d.string(code)
	case codeSymbol8, codeSymbol32:
		return d.symbol(code)
	case codeList0, codeList8, codeList32:
		return d.list(code)
	case codeMap8, codeMap32:
		return d.mapping(code)
	case codeArray8, codeArray32:
		return d.array(code)
	default:
		d.fail("unknown constructor 0x%02x", code)
		return nil
	}
}

// fixed reads n bytes, or n zeros after an error, so that a conversion to an array type cannot panic.
func fixed(d *decoder, n int) []byte {
	if b := d.take(n); b != nil {
		return b
	}
	return make([]byte, n)
}

func (d *decoder) boolean(code byte) bool {
	if code != codeBool {
		return code == codeTrue
	}
	n := d.u8()
	if n > 1 {
		d.fail("a boolean of %d", n)
	}
	return n == 1
}

func (d *decoder) uint(code byte) uint32 {
	switch code {
	case codeUint0:
		return 0
	case codeUintSmall:
		return uint32(d.u8())
	}
	return d.u32()
}

func (d *decoder) ulong(code byte) uint64 {
	switch code {
	case codeUlong0:
		return 0
	case codeUlongSmall:
		return uint64(d.u8())
	}
	return d.u64()
}

func (d *decoder) int(code byte) int32 {
	if code == codeIntSmall {
		return int32(int8(d.u8()))
	}
	return int32(d.u32())
}

func (d *decoder) long(code byte) int64 {
	if code == codeLongSmall {
		return int64(int8(d.u8()))
	}
	return int64(d.u64())
}

func (d *decoder) timestamp(byte) time.Time { return time.UnixMilli(int64(d.u64())).UTC() }

func (d *decoder) binary(code byte) []byte {
	b := d.take(d.size(code == codeBinary32))
	return append(make([]byte, 0, len(b)), b...)
}

func (d *decoder) string(code byte) string {
	b := d.take(d.size(code == codeString32))
	if !utf8.Valid(b) {
		d.fail("a string that is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) symbol(code byte) Symbol {
	return Symbol(d.take(d.size(code == codeSymbol32)))
}

// compound reads the head of a list, map or array and gives a decoder for exactly its contents, so that a
// wrong count cannot reach the bytes behind it.
func (d *decoder) compound(wide bool) (in decoder, count int) {
	size := d.size(wide)
	in = decoder{b: d.take(size), depth: d.depth, err: d.err}
	count = in.size(wide)
	if count > len(in.b) && in.err == nil {
		// Every element of a list or map takes at least one byte. Arrays are looked at again.
		in.err = &Error{Condition: CondDecodeError, Description: fmt.Sprintf("%d elements in %d bytes", count, len(in.b))}
	}
	return in, count
}

// done takes over the error of a finished compound and insists that nothing of it is left.
func (d *decoder) done(in *decoder) {
	if in.err == nil && len(in.b) > 0 {
		in.fail("%d stray bytes in a compound value", len(in.b))
	}
	if in.err != nil && d.err == nil {
		d.err, d.b = in.err, nil
	}
}

func (d *decoder) list(code byte) []any {
	if code == codeList0 {
		return []any{}
	}
	in, count := d.compound(code == codeList32)
	items := []any{}
	for range count {
		if in.err != nil {
			break
		}
		items = append(items, in.value())
	}
	d.done(&in)
	return items
}

func (d *decoder) mapping(code byte) map[any]any {
	in, count := d.compound(code == codeMap32)
	if count%2 != 0 {
		in.fail("a map with a key too many")
	}
	m := map[any]any{}
	for range count / 2 {
		key := in.value()
		if !hashable(key) {
			in.fail("%T as a map key", key)
		}
		if in.err != nil {
			break
		}
		m[key] = in.value()
	}
	d.done(&in)
	return m
}

// hashable says whether v may be a key of a Go map; AMQP allows more, nobody uses it.
func hashable(v any) bool {
	switch v.(type) {
	case nil, []byte, []any, map[any]any, Described, array:
		return false
	}
	return true
}

func (d *decoder) array(code byte) any {
	size := d.size(code == codeArray32)
	in := decoder{b: d.take(size), depth: d.depth, err: d.err}
	count := in.size(code == codeArray32)
	v := in.elements(in.u8(), count)
	d.done(&in)
	return v
}

func (d *decoder) elements(code byte, count int) any {
	switch code {
	case codeTrue, codeFalse, codeBool:
		return elements(d, code, count, d.boolean)
	case codeUbyte:
		return elements(d, code, count, func(byte) uint8 { return d.u8() })
	case codeUshort:
		return elements(d, code, count, func(byte) uint16 { return d.u16() })
	case codeUint0, codeUintSmall, codeUint:
		return elements(d, code, count, d.uint)
	case codeUlong0, codeUlongSmall, codeUlong:
		return elements(d, code, count, d.ulong)
	case codeByte:
		return elements(d, code, count, func(byte) int8 { return int8(d.u8()) })
	case codeShort:
		return elements(d, code, count, func(byte) int16 { return int16(d.u16()) })
	case codeIntSmall, codeInt:
		return elements(d, code, count, d.int)
	case codeLongSmall, codeLong:
		return elements(d, code, count, d.long)
	case codeFloat:
		return elements(d, code, count, func(byte) float32 { return math.Float32frombits(d.u32()) })
	case codeDouble:
		return elements(d, code, count, func(byte) float64 { return math.Float64frombits(d.u64()) })
	case codeChar:
		return elements(d, code, count, func(byte) Char { return Char(d.u32()) })
	case codeTimestamp:
		return elements(d, code, count, d.timestamp)
	case codeDecimal32:
		return elements(d, code, count, func(byte) Decimal32 { return Decimal32(fixed(d, 4)) })
	case codeDecimal64:
		return elements(d, code, count, func(byte) Decimal64 { return Decimal64(fixed(d, 8)) })
	case codeDecimal128:
		return elements(d, code, count, func(byte) Decimal128 { return Decimal128(fixed(d, 16)) })
	case codeUUID:
		return elements(d, code, count, func(byte) uuid.UUID { return uuid.UUID(fixed(d, 16)) })
	case codeBinary8, codeBinary32:
		return elements(d, code, count, d.binary)
	case codeString8, codeString32:
		return elements(d, code, count, d.string)
	case codeSymbol8, codeSymbol32:
		return elements(d, code, count, d.symbol)
	case codeList0, codeList8, codeList32:
		return elements(d, code, count, d.list)
	case codeMap8, codeMap32:
		return elements(d, code, count, d.mapping)
	case codeNull:
		return elements(d, code, count, func(byte) any { return nil })
	default:
		// Arrays of arrays and of described values are legal AMQP that no client of Service Bus sends.
		d.fail("array elements with constructor 0x%02x", code)
		return nil
	}
}

func elements[T any](d *decoder, code byte, count int, read func(byte) T) Array[T] {
	if code >= codeNull && code <= codeList0 { // these take no bytes
		if count > maxZeroWidth {
			d.fail("%d elements without bytes", count)
		}
	} else if count > len(d.b) {
		d.fail("%d elements in %d bytes", count, len(d.b))
	}
	if d.depth++; d.depth > maxDepth {
		d.fail("values nest deeper than %d", maxDepth)
	}
	defer func() { d.depth-- }()
	out := Array[T]{}
	for range count {
		if d.err != nil {
			break
		}
		out = append(out, read(code))
	}
	return out
}
