package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Append appends the encoding of v to b.
func Append(b []byte, v any) ([]byte, error) {
	e := encoder{b: b}
	e.value(v)
	return e.b, e.err
}

// encoder appends to b and remembers the first error; after one, what is in b is worthless.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("wire: encode: "+format, args...)
	}
}

func (e *encoder) byte(b ...byte) { e.b = append(e.b, b...) }
func (e *encoder) u16(n uint16)   { e.b = binary.BigEndian.AppendUint16(e.b, n) }
func (e *encoder) u32(n uint32)   { e.b = binary.BigEndian.AppendUint32(e.b, n) }
func (e *encoder) u64(n uint64)   { e.b = binary.BigEndian.AppendUint64(e.b, n) }

// value writes v in its shortest form.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.byte(codeNull)
	case bool:
		e.byte(pick(v, codeTrue, codeFalse))
	case uint32:
		e.uint(v)
	case uint64:
		e.ulong(v)
	case int32:
		e.signed(int64(v), codeIntSmall, codeInt)
	case int64:
		e.signed(v, codeLongSmall, codeLong)
	case []byte:
		e.variable(codeBinary8, codeBinary32, len(v))
		e.byte(v...)
	case string:
		e.text(codeString8, codeString32, v)
	case Symbol:
		e.text(codeSymbol8, codeSymbol32, string(v))
	case []any:
		e.list(v...)
	case map[any]any:
		encodeMap(e, v, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	case map[string]any:
		encodeMap(e, v, cmp.Compare[string])
	case map[Symbol]any:
		encodeMap(e, v, cmp.Compare[Symbol])
	case Described:
		e.byte(codeDescribed)
		e.value(v.Descriptor)
		e.value(v.Value)
	case composite:
		e.composite(v)
	case array:
		e.array(v)
	default:
		code, ok := fixedCode(v)
		if !ok {
			e.fail("no AMQP type for %T", v)
			return
		}
		e.byte(code)
		e.body(v)
	}
}

// fixedCode is the constructor of the types that have one form only.
func fixedCode(v any) (byte, bool) {
	switch v.(type) {
	case uint8:
		return codeUbyte, true
	case uint16:
		return codeUshort, true
	case int8:
		return codeByte, true
	case int16:
		return codeShort, true
	case float32:
		return codeFloat, true
	case float64:
		return codeDouble, true
	case Char:
		return codeChar, true
	case Decimal32:
		return codeDecimal32, true
	case Decimal64:
		return codeDecimal64, true
	case Decimal128:
		return codeDecimal128, true
	case time.Time:
		return codeTimestamp, true
	case uuid.UUID:
		return codeUUID, true
	}
	return 0, false
}

// body writes v without a constructor, in the widest form: the form of an array's elements.
func (e *encoder) body(v any) {
	switch v := v.(type) {
	case nil:
	case bool:
		e.byte(pick(v, 1, 0))
	case uint8:
		e.byte(v)
	case int8:
		e.byte(byte(v))
	case uint16:
		e.u16(v)
	case int16:
		e.u16(uint16(v))
	case uint32:
		e.u32(v)
	case int32:
		e.u32(uint32(v))
	case Char:
		e.u32(uint32(v))
	case float32:
		e.u32(math.Float32bits(v))
	case uint64:
		e.u64(v)
	case int64:
		e.u64(uint64(v))
	case float64:
		e.u64(math.Float64bits(v))
	case time.Time:
		e.u64(uint64(v.UnixMilli()))
	case Decimal32:
		e.byte(v[:]...)
	case Decimal64:
		e.byte(v[:]...)
	case Decimal128:
		e.byte(v[:]...)
	case uuid.UUID:
		e.byte(v[:]...)
	case []byte:
		e.u32(uint32(len(v)))
		e.byte(v...)
	case string:
		e.u32(uint32(len(v)))
		e.b = append(e.b, v...)
	case Symbol:
		e.u32(uint32(len(v)))
		e.b = append(e.b, v...)
	case []any:
		start := e.open32()
		e.items(v)
		e.close32(start, len(v))
	case map[any]any:
		start := e.open32()
		for k, item := range v {
			e.value(k)
			e.value(item)
		}
		e.close32(start, 2*len(v))
	default:
		e.fail("%T cannot be an element of an array", v)
	}
}

func (e *encoder) uint(n uint32) {
	switch {
	case n == 0:
		e.byte(codeUint0)
	case n <= math.MaxUint8:
		e.byte(codeUintSmall, byte(n))
	default:
		e.byte(codeUint)
		e.u32(n)
	}
}

func (e *encoder) ulong(n uint64) {
	switch {
	case n == 0:
		e.byte(codeUlong0)
	case n <= math.MaxUint8:
		e.byte(codeUlongSmall, byte(n))
	default:
		e.byte(codeUlong)
		e.u64(n)
	}
}

func (e *encoder) signed(n int64, small, wide byte) {
	switch {
	case n >= math.MinInt8 && n <= math.MaxInt8:
		e.byte(small, byte(n))
	case wide == codeInt:
		e.byte(wide)
		e.u32(uint32(n))
	default:
		e.byte(wide)
		e.u64(uint64(n))
	}
}

func (e *encoder) variable(small, wide byte, n int) {
	switch {
	case n <= math.MaxUint8:
		e.byte(small, byte(n))
	case n <= math.MaxInt32:
		e.byte(wide)
		e.u32(uint32(n))
	default:
		e.fail("%d bytes are too many for one value", n)
	}
}

func (e *encoder) text(small, wide byte, s string) {
	e.variable(small, wide, len(s))
	e.b = append(e.b, s...)
}

func (e *encoder) items(items []any) {
	for _, item := range items {
		e.value(item)
	}
}

func (e *encoder) list(items ...any) {
	if len(items) == 0 {
		e.byte(codeList0)
		return
	}
	start := e.open()
	e.items(items)
	e.close(start, len(items), codeList8, codeList32)
}

func encodeMap[K comparable](e *encoder, m map[K]any, order func(a, b K) int) {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, order) // the same bytes every time: runs by seed can be compared
	start := e.open()
	for _, k := range keys {
		e.value(any(k))
		e.value(m[k])
	}
	e.close(start, 2*len(m), codeMap8, codeMap32)
}

func (e *encoder) array(a array) {
	start := e.open()
	code, n := a.constructor(), a.length()
	e.byte(code)
	for i := range n {
		item := a.element(i)
		if code == codeNull && item != nil {
			e.fail("no AMQP array of %T", item)
		}
		e.body(item)
	}
	e.close(start, n, codeArray8, codeArray32)
}

// open leaves room for the head of a compound in its wide form; close writes the head, in the short form
// when that fits.
func (e *encoder) open() int {
	start := len(e.b)
	e.byte(0, 0, 0, 0, 0, 0, 0, 0, 0)
	return start
}

func (e *encoder) close(start, count int, small, wide byte) {
	const wideHead, smallHead = 9, 3
	size := len(e.b) - start - wideHead
	if size+1 <= math.MaxUint8 && count <= math.MaxUint8 {
		copy(e.b[start+smallHead:], e.b[start+wideHead:])
		e.b = e.b[:start+smallHead+size]
		e.b[start], e.b[start+1], e.b[start+2] = small, byte(size+1), byte(count)
		return
	}
	e.b[start] = wide
	binary.BigEndian.PutUint32(e.b[start+1:], uint32(size+4))
	binary.BigEndian.PutUint32(e.b[start+5:], uint32(count))
}

// open32 and close32 do the same for a compound inside an array, whose constructor stands elsewhere.
func (e *encoder) open32() int {
	start := len(e.b)
	e.byte(0, 0, 0, 0, 0, 0, 0, 0)
	return start
}

func (e *encoder) close32(start, count int) {
	binary.BigEndian.PutUint32(e.b[start:], uint32(len(e.b)-start-4))
	binary.BigEndian.PutUint32(e.b[start+4:], uint32(count))
}

// composite is a described list that AMQP defines: a performative, a state, a terminus.
type composite interface {
	code() uint64
	fields() []any
}

// composite writes c with its trailing nulls left out. The descriptor takes the short form that go-amqp
// insists on.
func (e *encoder) composite(c composite) {
	fields := c.fields()
	for len(fields) > 0 && fields[len(fields)-1] == nil {
		fields = fields[:len(fields)-1]
	}
	e.byte(codeDescribed)
	e.ulong(c.code())
	e.list(fields...)
}

func pick(cond bool, yes, no byte) byte {
	if cond {
		return yes
	}
	return no
}
