package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func pointer[T any](v T) *T { return &v }

// full has every field of every section.
func full() *Message {
	return &Message{
		Header:              &Header{Durable: pointer(true), Priority: pointer(uint8(4)), TTL: pointer(uint32(60000)), FirstAcquirer: pointer(false), DeliveryCount: 2},
		DeliveryAnnotations: map[Symbol]any{"x-opt-lock-token": token},
		Annotations:         map[Symbol]any{"x-opt-partition-key": nil, "x-opt-sequence-number": int64(1)},
		Properties: &Properties{
			MessageID: uint64(7), UserID: []byte{1}, To: pointer("to"), Subject: pointer("subject"), ReplyTo: pointer("reply"),
			CorrelationID: token, ContentType: pointer(Symbol("text/plain")), ContentEncoding: pointer(Symbol("gzip")),
			AbsoluteExpiryTime: noon, CreationTime: noon, GroupID: pointer("group"), GroupSequence: pointer(uint32(3)), ReplyToGroupID: pointer("back"),
		},
		ApplicationProps: map[string]any{"int": int32(1), "uint": uint32(1), "char": Char('x'), "null": nil},
		Body:             DataBody([]byte("body")),
	}
}

func TestAMessageComesBackWhole(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*Message{
		"with everything":    full(),
		"with nothing":       {},
		"with a body only":   {Body: DataBody(nil)},
		"with two data":      {Body: append(DataBody([]byte("a")), DataBody([]byte("b"))...)},
		"with empty maps":    {Annotations: map[Symbol]any{}, ApplicationProps: map[string]any{}},
		"without properties": {Header: &Header{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := Marshal(m)
			require.NoError(t, err)
			got, err := Unmarshal(b)
			require.NoError(t, err)
			require.Equal(t, len(b), got.Size)
			got.Size = m.Size
			require.Equal(t, m, got)
		})
	}
}

func TestTheDeliveryCountIsAlwaysWritten(t *testing.T) {
	t.Parallel()
	b, err := Marshal(&Message{Header: &Header{}})
	require.NoError(t, err)
	require.Equal(t, []byte{0x00, 0x53, 0x70, 0xc0, 6, 5, 0x40, 0x40, 0x40, 0x40, 0x43}, b)
}

func TestABodyIsKeptToTheByte(t *testing.T) {
	t.Parallel()
	// A data section in the long form where the short one would do, a sequence, and a footer: nothing we would write.
	body := []byte{0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x75, 0xb0, 0, 0, 0, 1, 9, 0x00, 0x53, 0x76, 0x45, 0x00, 0x53, 0x78, 0xc1, 1, 0}
	m, err := Unmarshal(body)
	require.NoError(t, err)
	require.Equal(t, body, m.Body)
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"not a section":                    {0x40},
		"unknown section":                  {0x00, 0x53, 0x79, 0x45},
		"symbolic section":                 {0x00, 0xa3, 1, 'h', 0x45},
		"header that is a map":             {0x00, 0x53, 0x70, 0xc1, 1, 0},
		"header with six fields":           {0x00, 0x53, 0x70, 0xc0, 7, 6, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40},
		"header with a string for durable": {0x00, 0x53, 0x70, 0xc0, 3, 1, 0xa1, 0},
		"application property with int key": {
			0x00, 0x53, 0x74, 0xc1, 4, 2, 0x54, 1, 0x40},
		"annotations that are a list": {0x00, 0x53, 0x72, 0x45},
		"data cut short":              {0x00, 0x53, 0x75, 0xa0, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Unmarshal(b)
			var fault *Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, CondDecodeError, fault.Condition)
		})
	}
}

func TestABatchIsSplitInOrder(t *testing.T) {
	t.Parallel()
	var body []byte
	for _, text := range []string{"a", "b", "c"} {
		inner, err := Marshal(&Message{Properties: &Properties{MessageID: text}, Body: DataBody([]byte(text))})
		require.NoError(t, err)
		body = append(body, DataBody(inner)...)
	}
	envelope, err := Marshal(&Message{Properties: &Properties{MessageID: "a"}, Body: body})
	require.NoError(t, err)
	msgs, err := SplitBatch(envelope)
	require.NoError(t, err)
	require.Len(t, msgs, 3)
	for i, text := range []string{"a", "b", "c"} {
		require.Equal(t, text, msgs[i].Properties.MessageID)
		data, err := msgs[i].Data()
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte(text)}, data)
	}
}

func TestABatchWithOneBadMessageIsRefusedWhole(t *testing.T) {
	t.Parallel()
	good, err := Marshal(full())
	require.NoError(t, err)
	_, err = SplitBatch(append(DataBody(good), DataBody([]byte{1})...))
	require.Error(t, err)
}

// everyPerformative has every field set, so that a field in the wrong place shows.
var everyPerformative = map[string]Performative{
	"open":  &Open{ContainerID: "c", Hostname: "h", MaxFrameSize: 512, ChannelMax: 9, IdleTimeout: 30, Properties: map[Symbol]any{"p": "v"}},
	"begin": &Begin{RemoteChannel: pointer(uint16(1)), NextOutgoingID: 2, IncomingWindow: 3, OutgoingWindow: 4, HandleMax: 5},
	"attach": &Attach{
		Name: "n", Handle: 1, Role: RoleReceiver, SenderSettleMode: pointer(SenderSettled), ReceiverSettleMode: pointer(ReceiverSecond),
		Source: &Source{
			Address: pointer("s"), Durable: pointer(uint32(1)), ExpiryPolicy: pointer(Symbol("never")), Timeout: pointer(uint32(2)),
			Dynamic: pointer(false), DynamicNodeProperties: map[Symbol]any{"d": true}, DistributionMode: pointer(Symbol("move")),
			Filter:         map[Symbol]any{"com.microsoft:session-filter": Described{uint64(0x137000000C), "x"}},
			DefaultOutcome: Described{uint64(0x26), []any{}}, Outcomes: []Symbol{"a", "b"}, Capabilities: []Symbol{"queue"},
		},
		Target: &Target{
			Address: pointer("t"), Durable: pointer(uint32(1)), ExpiryPolicy: pointer(Symbol("never")), Timeout: pointer(uint32(2)),
			Dynamic: pointer(true), DynamicNodeProperties: map[Symbol]any{"d": true}, Capabilities: []Symbol{"queue"},
		},
		InitialDeliveryCount: pointer(uint32(6)), MaxMessageSize: pointer(uint64(7)), Properties: map[Symbol]any{"p": uint32(8)},
	},
	"flow": &Flow{
		NextIncomingID: pointer(uint32(1)), IncomingWindow: 2, NextOutgoingID: 3, OutgoingWindow: 4, Handle: pointer(uint32(5)),
		DeliveryCount: pointer(uint32(6)), LinkCredit: pointer(uint32(7)), Available: pointer(uint32(8)), Drain: true, Echo: true,
	},
	"transfer": &Transfer{
		Handle: 1, DeliveryID: pointer(uint32(2)), DeliveryTag: []byte{3}, MessageFormat: pointer(FormatBatch), Settled: true, More: true,
		Aborted: true, Payload: []byte("payload"),
	},
	"disposition accepted":  &Disposition{Role: RoleReceiver, First: 1, Last: pointer(uint32(2)), Settled: true, State: &Accepted{}},
	"disposition received":  &Disposition{State: &Received{SectionNumber: 1, SectionOffset: 2}},
	"disposition released":  &Disposition{State: &Released{}},
	"disposition rejected":  &Disposition{State: &Rejected{Error: &Error{Condition: CondDeadLetter, Description: "d", Info: map[Symbol]any{"k": "v"}}}},
	"disposition modified":  &Disposition{State: &Modified{DeliveryFailed: true, UndeliverableHere: true, Annotations: map[Symbol]any{"k": "v"}}},
	"disposition stateless": &Disposition{First: 1},
	"detach":                &Detach{Handle: 1, Closed: true, Error: &Error{Condition: CondDetachForced}},
	"end":                   &End{Error: &Error{Condition: CondWindowViolation, Description: "d"}},
	"end without error":     &End{},
	"close":                 &Close{Error: &Error{Condition: CondConnectionForced}},
	"mechanisms":            &Mechanisms{Names: []Symbol{"PLAIN", "ANONYMOUS"}},
	"init":                  &Init{Mechanism: "ANONYMOUS", InitialResponse: []byte("x"), Hostname: "h"},
	"outcome":               &Outcome{Code: 1},
}

func TestEveryFrameComesBackWhole(t *testing.T) {
	t.Parallel()
	for name, body := range everyPerformative {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := AppendFrame(nil, Frame{Channel: 513, Body: body})
			require.NoError(t, err)
			got, err := ReadFrame(bytes.NewReader(b), 65536)
			require.NoError(t, err)
			require.Equal(t, Frame{Channel: 513, Body: body}, got)
		})
	}
}

func TestPerformativesTakeTheDescriptorThatGoAMQPReads(t *testing.T) {
	t.Parallel()
	for name, body := range everyPerformative {
		b, err := AppendFrame(nil, Frame{Body: body})
		require.NoError(t, err)
		require.Equal(t, []byte{0x00, 0x53}, b[8:10], name)
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   []byte
		want Symbol
	}{
		"smaller than its head":         {[]byte{0, 0, 0, 7, 2, 0, 0, 0}, CondFramingError},
		"larger than allowed":           {[]byte{0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0}, CondFramingError},
		"data inside the head":          {[]byte{0, 0, 0, 8, 1, 0, 0, 0}, CondFramingError},
		"data beyond the end":           {[]byte{0, 0, 0, 8, 3, 0, 0, 0}, CondFramingError},
		"of an unknown type":            {[]byte{0, 0, 0, 8, 2, 2, 0, 0}, CondFramingError},
		"with stray bytes at its end":   {[]byte{0, 0, 0, 13, 2, 0, 0, 0, 0x00, 0x53, 0x18, 0x45, 0x40}, CondFramingError},
		"with an unknown performative":  {[]byte{0, 0, 0, 12, 2, 0, 0, 0, 0x00, 0x53, 0x19, 0x45}, CondDecodeError},
		"without its mandatory fields":  {[]byte{0, 0, 0, 12, 2, 0, 0, 0, 0x00, 0x53, 0x10, 0x45}, CondDecodeError},
		"with a value for performative": {[]byte{0, 0, 0, 9, 2, 0, 0, 0, 0x40}, CondDecodeError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadFrame(bytes.NewReader(tc.in), 65536)
			var fault *Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tc.want, fault.Condition)
		})
	}
}

func TestATransferIsCutToTheFrameSize(t *testing.T) {
	t.Parallel()
	payload := bytes.Repeat([]byte("0123456789"), 1000)
	first := &Transfer{Handle: 3, DeliveryID: pointer(uint32(300)), DeliveryTag: make([]byte, 16), MessageFormat: pointer(uint32(0)), Payload: payload}
	var whole []byte
	frames := 0
	for t1 := first; ; frames++ {
		b, left, err := AppendTransfer(nil, 1, t1, 512)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b), 512)
		f, err := ReadFrame(bytes.NewReader(b), 512)
		require.NoError(t, err)
		got := f.Body.(*Transfer)
		whole = append(whole, got.Payload...)
		require.Equal(t, len(left) > 0, got.More)
		if len(left) == 0 {
			break
		}
		require.Len(t, b, 512, "every frame but the last is full")
		next := *t1
		next.Payload = left
		t1 = &next
	}
	require.Equal(t, payload, whole)
	require.Greater(t, frames, 19)
}
