package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Protocol headers: what each side sends first, and again after SASL.
const (
	HeaderAMQP = "AMQP\x00\x01\x00\x00"
	HeaderSASL = "AMQP\x03\x01\x00\x00"
)

// Frame types.
const (
	FrameAMQP uint8 = 0
	FrameSASL uint8 = 1
)

const frameHead = 8

// Frame is one frame; Body is nil in an empty frame, which only says that its sender lives.
type Frame struct {
	Type    uint8
	Channel uint16
	Body    Performative
}

// ReadFrame reads one frame of at most limit bytes. An error that is an *Error is the peer's fault and
// names the condition to close the connection with.
func ReadFrame(r io.Reader, limit uint32) (Frame, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	size, doff := binary.BigEndian.Uint32(head[:]), uint32(head[4])*4
	if size < frameHead || size > limit || doff < frameHead || doff > size {
		return Frame{}, &Error{Condition: CondFramingError, Description: fmt.Sprintf("a frame of %d bytes, data at %d, limit %d", size, doff, limit)}
	}
	frame := Frame{Type: head[5], Channel: binary.BigEndian.Uint16(head[6:])}
	if frame.Type > FrameSASL {
		return Frame{}, &Error{Condition: CondFramingError, Description: fmt.Sprintf("frame type %d", frame.Type)}
	}
	rest := make([]byte, size-frameHead)
	if _, err := io.ReadFull(r, rest); err != nil {
		return Frame{}, err
	}
	if err := frame.parse(rest[doff-frameHead:]); err != nil {
		return Frame{}, err
	}
	return frame, nil
}

func (f *Frame) parse(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	v, payload, err := Decode(b)
	if err != nil {
		return err
	}
	if f.Body, err = parsePerformative(v); err != nil {
		return err
	}
	if t, ok := f.Body.(*Transfer); ok {
		t.Payload = payload
	} else if len(payload) > 0 {
		return &Error{Condition: CondFramingError, Description: fmt.Sprintf("%d stray bytes after a performative", len(payload))}
	}
	return nil
}

// AppendFrame appends a frame. The payload of a transfer goes in whole; see AppendTransfer.
func AppendFrame(b []byte, f Frame) ([]byte, error) {
	start := len(b)
	e := encoder{b: append(b, 0, 0, 0, 0, 2, f.Type, byte(f.Channel>>8), byte(f.Channel))}
	if f.Body != nil {
		e.composite(f.Body)
		if t, ok := f.Body.(*Transfer); ok {
			e.byte(t.Payload...)
		}
	}
	size := len(e.b) - start
	if size > math.MaxInt32 {
		e.fail("a frame of %d bytes", size)
	}
	if e.err != nil {
		return b, e.err
	}
	binary.BigEndian.PutUint32(e.b[start:], uint32(size))
	return e.b, nil
}

// AppendTransfer appends one frame of at most limit bytes with as much of t's payload as fits, and says how
// much of the payload is left for the next one.
func AppendTransfer(b []byte, channel uint16, t *Transfer, limit uint32) (out []byte, left []byte, err error) {
	bare := *t
	bare.Payload, bare.More = nil, true
	start := len(b)
	out, err = AppendFrame(b, Frame{Channel: channel, Body: &bare})
	if err != nil {
		return b, t.Payload, err
	}
	room := int64(limit) - int64(len(out)-start)
	if room <= 0 {
		return b, t.Payload, fmt.Errorf("wire: no room for a transfer in a frame of %d bytes", limit)
	}
	bare.Payload = t.Payload
	if int64(len(t.Payload)) > room {
		bare.Payload = t.Payload[:room]
	}
	bare.More = len(bare.Payload) < len(t.Payload)
	out, err = AppendFrame(out[:start], Frame{Channel: channel, Body: &bare})
	return out, t.Payload[len(bare.Payload):], err
}
