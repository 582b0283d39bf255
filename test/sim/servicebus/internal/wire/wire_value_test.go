package wire

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-amqp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 123e6, time.UTC)
	token = uuid.MustParse("01020304-0506-0708-090a-0b0c0d0e0f10")
)

// everyValue has each type in each of its forms.
var everyValue = map[string]any{
	"null": nil, "true": true, "false": false,
	"ubyte": uint8(200), "ushort": uint16(60000),
	"uint zero": uint32(0), "uint small": uint32(255), "uint": uint32(256),
	"ulong zero": uint64(0), "ulong small": uint64(255), "ulong": uint64(math.MaxUint64),
	"byte": int8(-1), "short": int16(-300),
	"int small": int32(-128), "int": int32(128), "int least": int32(math.MinInt32),
	"long small": int64(127), "long": int64(-129), "long least": int64(math.MinInt64),
	"float": float32(1.5), "double": 2.25, "char": Char('é'),
	"decimal32": Decimal32{1, 2, 3, 4}, "decimal64": Decimal64{7, 6}, "decimal128": Decimal128{15: 9},
	"timestamp": noon, "timestamp before 1970": time.UnixMilli(-5).UTC(), "uuid": token,
	"binary": []byte{1, 2}, "binary empty": []byte{}, "binary long": bytes.Repeat([]byte{7}, 300),
	"string": "text", "string empty": "", "string long": strings.Repeat("é", 200),
	"symbol": Symbol("sym"), "symbol long": Symbol(strings.Repeat("s", 256)),
	"list empty": []any{}, "list": []any{int32(1), "two", nil, []any{true}},
	"list of many": manyNulls(300), "list wide": []any{strings.Repeat("x", 300)},
	"map empty": map[any]any{}, "map": map[any]any{"a": int64(1), Symbol("b"): []any{}, int32(3): map[any]any{"c": nil}},
	"described":       Described{uint64(0x137000000C), "session"},
	"array of uuid":   Array[uuid.UUID]{token, {}},
	"array of long":   Array[int64]{1, -1, math.MaxInt64},
	"array of times":  Array[time.Time]{noon},
	"array of symbol": Array[Symbol]{"a", Symbol(strings.Repeat("b", 300))},
	"array of string": Array[string]{"", "x"}, "array of bool": Array[bool]{true, false},
	"array of binary": Array[[]byte]{{1}, {}}, "array of uint": Array[uint32]{0, 1, 256},
	"array of ulong": Array[uint64]{0, 300}, "array of ubyte": Array[uint8]{1, 2},
	"array of ushort": Array[uint16]{1}, "array of byte": Array[int8]{-1}, "array of short": Array[int16]{-2},
	"array of int": Array[int32]{-3}, "array of float": Array[float32]{1}, "array of double": Array[float64]{2},
	"array of char": Array[Char]{'x'}, "array of decimal32": Array[Decimal32]{{1}},
	"array of decimal64": Array[Decimal64]{{1}}, "array of decimal128": Array[Decimal128]{{1}},
	"array of lists": Array[[]any]{{int32(1)}, {}}, "array of maps": Array[map[any]any]{{"a": true}},
	"array of nulls": Array[any]{nil, nil}, "array of none": Array[uuid.UUID]{},
}

func manyNulls(n int) []any { return make([]any, n) }

func TestEveryValueComesBackAsItsOwnType(t *testing.T) {
	t.Parallel()
	for name, v := range everyValue {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := Append(nil, v)
			require.NoError(t, err)
			got, rest, err := Decode(append(b, 0xff))
			require.NoError(t, err)
			require.Equal(t, []byte{0xff}, rest)
			require.Equal(t, v, got)
		})
	}
}

func TestAGoTypeWithoutAnAMQPTypeIsRefused(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"a plain int": 1, "a struct": struct{}{}, "a list of ints": []int{1}, "an array of structs": Array[struct{}]{{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Append(nil, v)
			require.Error(t, err)
		})
	}
}

func TestHostileValuesAreRefusedWithoutCost(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing":                            "",
		"unknown constructor":                "3f",
		"cut short":                          "7000",
		"a boolean of 2":                     "5602",
		"string that is not UTF-8":           "a102fffe",
		"binary longer than the bytes":       "b07fffffff00",
		"binary of 4 GB":                     "b0ffffffff",
		"list of 2^31 in a few bytes":        "d0000000057fffffff40",
		"list with stray bytes":              "c0030140 40",
		"list counting beyond its end":       "c0020240 40",
		"map with an odd count":              "c1020140",
		"map keyed by a list":                "c103024540",
		"map keyed by binary":                "c10502a0010140",
		"array of 2^31 zeros":                "f0000000057fffffff43",
		"many arrays of zeros":               arraysOfZeros(100, 65536),
		"array of arrays":                    "e00401e0020040",
		"array of 2^31 uuids":                "f0000000057fffffff98",
		"lists nested a hundred deep":        nested(100),
		"descriptors nested without an end":  strings.Repeat("00", 4000),
		"arrays of lists nested beyond hope": nestedArrays(100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
			require.NoError(t, err)
			_, _, err = Decode(b)
			var fault *Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, CondDecodeError, fault.Condition)
		})
	}
}

func nested(depth int) string {
	out := []byte{codeNull}
	for range depth {
		out = append([]byte{codeList8, byte(len(out) + 1), 1}, out...)
		if len(out) > 200 {
			break
		}
	}
	return hex.EncodeToString(out)
}

func nestedArrays(depth int) string {
	out := []byte{codeList0}
	for range depth {
		size := len(out) + 5
		out = append([]byte{codeList32, 0, 0, 0, byte(size), 0, 0, 0, 1}, out...)
		if len(out) > 240 {
			break
		}
	}
	return hex.EncodeToString(append([]byte{codeArray8, byte(len(out) + 1), 1}, out...))
}

// go-amqp is what the SDK reads with: it must see in our bytes what we meant.
func TestGoAMQPReadsOurMessages(t *testing.T) {
	t.Parallel()
	body, err := ValueBody(map[string]any{
		"expirations": Array[time.Time]{noon, noon}, "sequence-numbers": Array[int64]{1, 300},
		"tokens": Array[uuid.UUID]{token}, "names": Array[string]{"a"}, "messages": []any{map[string]any{"message": []byte{1}}},
	})
	require.NoError(t, err)
	subject := "s"
	b, err := Marshal(&Message{
		Header:           &Header{DeliveryCount: 3},
		Annotations:      map[Symbol]any{"x-opt-sequence-number": int64(300), "x-opt-enqueued-time": noon},
		Properties:       &Properties{MessageID: "id", Subject: &subject},
		ApplicationProps: map[string]any{"statusCode": int32(200), "token": token, "f": float32(1), "b": []byte{1}},
		Body:             body,
	})
	require.NoError(t, err)
	var m amqp.Message
	require.NoError(t, m.UnmarshalBinary(b))
	require.EqualValues(t, 3, m.Header.DeliveryCount)
	require.Equal(t, amqp.Annotations{"x-opt-sequence-number": int64(300), "x-opt-enqueued-time": noon.Local()}, m.Annotations)
	require.Equal(t, "id", m.Properties.MessageID)
	require.Equal(t, map[string]any{"statusCode": int32(200), "token": amqp.UUID(token), "f": float32(1), "b": []byte{1}}, m.ApplicationProperties)
	value := m.Value.(map[string]any)
	require.Equal(t, []time.Time{noon, noon}, value["expirations"])
	require.Equal(t, []int64{1, 300}, value["sequence-numbers"])
	require.Equal(t, []amqp.UUID{amqp.UUID(token)}, value["tokens"])
	require.Equal(t, []string{"a"}, value["names"])
	require.Equal(t, []any{map[string]any{"message": []byte{1}}}, value["messages"])
}

// arraysOfZeros is a list of arrays whose elements take no bytes: cheap to send, dear to hold.
func arraysOfZeros(arrays int, elements uint32) string {
	var items []byte
	for range arrays {
		items = append(items, codeArray32, 0, 0, 0, 5, byte(elements>>24), byte(elements>>16), byte(elements>>8), byte(elements), codeUint0)
	}
	e := encoder{}
	start := e.open()
	e.byte(items...)
	e.close(start, arrays, codeList8, codeList32)
	return hex.EncodeToString(e.b)
}
