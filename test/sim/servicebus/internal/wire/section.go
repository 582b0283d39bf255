package wire

import (
	"fmt"
	"time"
)

// Descriptors of the message sections, AMQP 1.0 part 3, section 3.2.
const (
	sectionHeader              = 0x70
	sectionDeliveryAnnotations = 0x71
	sectionAnnotations         = 0x72
	sectionProperties          = 0x73
	sectionApplicationProps    = 0x74
	sectionData                = 0x75
	sectionSequence            = 0x76
	sectionValue               = 0x77
	sectionFooter              = 0x78
)

// FormatBatch is the message-format of a transfer whose data sections are messages of their own.
const FormatBatch uint32 = 0x80013700

// Marshal encodes m. Sections that are nil are left out.
func Marshal(m *Message) ([]byte, error) {
	e := encoder{b: make([]byte, 0, 512+len(m.Body))}
	if m.Header != nil {
		e.composite(m.Header)
	}
	if m.DeliveryAnnotations != nil {
		e.section(sectionDeliveryAnnotations, m.DeliveryAnnotations)
	}
	if m.Annotations != nil {
		e.section(sectionAnnotations, m.Annotations)
	}
	if m.Properties != nil {
		e.composite(m.Properties)
	}
	if m.ApplicationProps != nil {
		e.section(sectionApplicationProps, m.ApplicationProps)
	}
	e.byte(m.Body...)
	return e.b, e.err
}

func (e *encoder) section(code uint64, v any) {
	e.byte(codeDescribed)
	e.ulong(code)
	e.value(v)
}

// Unmarshal decodes a message. Its Body is a part of b, which the caller gives up.
func Unmarshal(b []byte) (*Message, error) {
	m := &Message{Size: len(b)}
	for d := (decoder{b: b}); len(d.b) > 0; {
		start := d.b
		code := d.sectionCode()
		if d.err == nil && code >= sectionData {
			d.skip()
			if d.err != nil {
				return nil, d.err
			}
			m.Body = append(m.Body[:len(m.Body):len(m.Body)], start[:len(start)-len(d.b)]...)
			continue
		}
		v := d.value()
		if d.err != nil {
			return nil, d.err
		}
		if err := m.setSection(code, v); err != nil {
			return nil, &Error{Condition: CondDecodeError, Description: err.Error()}
		}
	}
	return m, nil
}

// sectionCode reads the descriptor of the next section.
func (d *decoder) sectionCode() uint64 {
	if c := d.u8(); c != codeDescribed && d.err == nil {
		d.fail("constructor 0x%02x where a message section begins", c)
	}
	code, ok := d.value().(uint64)
	if d.err == nil && (!ok || code < sectionHeader || code > sectionFooter) {
		d.fail("unknown message section")
	}
	return code
}

func (m *Message) setSection(code uint64, v any) (err error) {
	switch code {
	case sectionHeader:
		m.Header, err = parseHeader(v)
	case sectionDeliveryAnnotations:
		m.DeliveryAnnotations, err = symbolMap(v)
	case sectionAnnotations:
		m.Annotations, err = symbolMap(v)
	case sectionProperties:
		m.Properties, err = parseProperties(v)
	case sectionApplicationProps:
		m.ApplicationProps, err = stringMap(v)
	}
	return err
}

func stringMap(v any) (map[string]any, error) {
	m, ok := v.(map[any]any)
	if !ok {
		return nil, fmt.Errorf("application properties are %T", v)
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		key, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("%T as the key of an application property", k)
		}
		out[key] = v
	}
	return out, nil
}

func (*Header) code() uint64 { return sectionHeader }
func (h *Header) fields() []any {
	return []any{opt(h.Durable), opt(h.Priority), opt(h.TTL), opt(h.FirstAcquirer), h.DeliveryCount}
}

func parseHeader(v any) (*Header, error) {
	f := listOf("header", v, 5)
	return &Header{
		Durable: optional[bool](f, 0), Priority: optional[uint8](f, 1), TTL: optional[uint32](f, 2),
		FirstAcquirer: optional[bool](f, 3), DeliveryCount: either(f, 4, uint32(0)),
	}, f.err
}

func (*Properties) code() uint64 { return sectionProperties }
func (p *Properties) fields() []any {
	var user any
	if p.UserID != nil {
		user = p.UserID
	}
	return []any{p.MessageID, user, opt(p.To), opt(p.Subject), opt(p.ReplyTo), p.CorrelationID, opt(p.ContentType),
		opt(p.ContentEncoding), p.AbsoluteExpiryTime, p.CreationTime, opt(p.GroupID), opt(p.GroupSequence), opt(p.ReplyToGroupID)}
}

func parseProperties(v any) (*Properties, error) {
	f := listOf("properties", v, 13)
	return &Properties{
		MessageID: f.raw(0), UserID: either[[]byte](f, 1, nil), To: optional[string](f, 2), Subject: optional[string](f, 3),
		ReplyTo: optional[string](f, 4), CorrelationID: f.raw(5), ContentType: optional[Symbol](f, 6),
		ContentEncoding: optional[Symbol](f, 7), AbsoluteExpiryTime: opt(optional[time.Time](f, 8)),
		CreationTime: opt(optional[time.Time](f, 9)), GroupID: optional[string](f, 10),
		GroupSequence: optional[uint32](f, 11), ReplyToGroupID: optional[string](f, 12),
	}, f.err
}

// DataBody is a body of one data section.
func DataBody(data []byte) []byte {
	e := encoder{}
	e.section(sectionData, data)
	return e.b
}

// ValueBody is a body of one value section.
func ValueBody(v any) ([]byte, error) {
	e := encoder{}
	e.section(sectionValue, v)
	return e.b, e.err
}

// Value is what the value section of m's body holds, nil when there is no such section.
func (m *Message) Value() (any, error) {
	for d := (decoder{b: m.Body}); len(d.b) > 0; {
		if code := d.sectionCode(); code == sectionValue {
			v := d.value()
			return v, d.err
		}
		d.skip()
		if d.err != nil {
			return nil, d.err
		}
	}
	return nil, nil
}

// Data is what m's data sections hold, one element for each.
func (m *Message) Data() ([][]byte, error) {
	var out [][]byte
	for d := (decoder{b: m.Body}); len(d.b) > 0; {
		code := d.sectionCode()
		if code != sectionData {
			d.skip()
		} else if data, ok := d.value().([]byte); ok {
			out = append(out, data)
		} else {
			d.fail("a data section without binary")
		}
		if d.err != nil {
			return nil, d.err
		}
	}
	return out, nil
}

// SplitBatch decodes the messages of a transfer with FormatBatch, in order. The envelope's own sections
// only serve routing and are dropped.
func SplitBatch(b []byte) ([]*Message, error) {
	envelope, err := Unmarshal(b)
	if err != nil {
		return nil, err
	}
	parts, err := envelope.Data()
	if err != nil {
		return nil, err
	}
	msgs := make([]*Message, len(parts))
	for i, part := range parts {
		if msgs[i], err = Unmarshal(part); err != nil {
			return nil, err
		}
	}
	return msgs, nil
}

// skip passes over one value. The contents of a compound are not looked at: a broker hands them on as they are.
func (d *decoder) skip() {
	if d.depth++; d.depth > maxDepth {
		d.fail("values nest deeper than %d", maxDepth)
	}
	defer func() { d.depth-- }()
	if d.err != nil {
		return
	}
	switch code := d.u8(); code >> 4 {
	case 0x0:
		if code != codeDescribed {
			d.fail("unknown constructor 0x%02x", code)
			return
		}
		d.skip()
		d.skip()
	case 0x4:
	case 0x5:
		d.take(1)
	case 0x6:
		d.take(2)
	case 0x7:
		d.take(4)
	case 0x8:
		d.take(8)
	case 0x9:
		d.take(16)
	case 0xa, 0xc, 0xe:
		d.take(d.size(false))
	case 0xb, 0xd, 0xf:
		d.take(d.size(true))
	default:
		d.fail("unknown constructor 0x%02x", code)
	}
}
