package wire

import "math"

// Performative is the body of an AMQP frame: *Open, *Begin, *Attach, *Flow, *Transfer, *Disposition,
// *Detach, *End or *Close.
type Performative interface{ composite }

// Role says which end of a link speaks.
type Role = bool

// The two roles.
const (
	RoleSender   Role = false
	RoleReceiver Role = true
)

// Settle modes of a sender, and the two of a receiver.
const (
	SenderUnsettled uint8 = 0
	SenderSettled   uint8 = 1
	SenderMixed     uint8 = 2
	ReceiverFirst   uint8 = 0
	ReceiverSecond  uint8 = 1
)

// Open opens a connection. IdleTimeout is in milliseconds, 0 for none.
type Open struct {
	ContainerID  string
	Hostname     string
	MaxFrameSize uint32
	ChannelMax   uint16
	IdleTimeout  uint32
	Properties   map[Symbol]any
}

func (*Open) code() uint64 { return 0x10 }
func (o *Open) fields() []any {
	return []any{o.ContainerID, nonZero(o.Hostname), o.MaxFrameSize, o.ChannelMax, nonZero(o.IdleTimeout),
		nil, nil, nil, nil, mapOrNil(o.Properties)}
}

func parseOpen(v any) (*Open, error) {
	f := listOf("open", v, 10)
	return &Open{
		ContainerID: must[string](f, 0), Hostname: either(f, 1, ""),
		MaxFrameSize: either(f, 2, uint32(math.MaxUint32)), ChannelMax: either(f, 3, uint16(math.MaxUint16)),
		IdleTimeout: either(f, 4, uint32(0)), Properties: f.properties(9),
	}, f.err
}

// Begin begins a session. RemoteChannel is nil from the side that begins first.
type Begin struct {
	RemoteChannel  *uint16
	NextOutgoingID uint32
	IncomingWindow uint32
	OutgoingWindow uint32
	HandleMax      uint32
}

func (*Begin) code() uint64 { return 0x11 }
func (b *Begin) fields() []any {
	return []any{opt(b.RemoteChannel), b.NextOutgoingID, b.IncomingWindow, b.OutgoingWindow, b.HandleMax}
}

func parseBegin(v any) (*Begin, error) {
	f := listOf("begin", v, 8)
	return &Begin{
		RemoteChannel: optional[uint16](f, 0), NextOutgoingID: must[uint32](f, 1), IncomingWindow: must[uint32](f, 2),
		OutgoingWindow: must[uint32](f, 3), HandleMax: either(f, 4, uint32(math.MaxUint32)),
	}, f.err
}

// Attach attaches a link. Coordinator is true when the target was a transaction coordinator; Target is nil then.
type Attach struct {
	Name                 string
	Handle               uint32
	Role                 Role
	SenderSettleMode     *uint8
	ReceiverSettleMode   *uint8
	Source               *Source
	Target               *Target
	Coordinator          bool
	InitialDeliveryCount *uint32
	MaxMessageSize       *uint64
	Properties           map[Symbol]any
}

func (*Attach) code() uint64 { return 0x12 }
func (a *Attach) fields() []any {
	out := []any{a.Name, a.Handle, a.Role, opt(a.SenderSettleMode), opt(a.ReceiverSettleMode), nil, nil,
		nil, nil, opt(a.InitialDeliveryCount), opt(a.MaxMessageSize), nil, nil, mapOrNil(a.Properties)}
	if a.Source != nil {
		out[5] = a.Source
	}
	if a.Target != nil {
		out[6] = a.Target
	}
	return out
}

func parseAttach(v any) (*Attach, error) {
	f := listOf("attach", v, 14)
	a := &Attach{
		Name: must[string](f, 0), Handle: must[uint32](f, 1), Role: must[bool](f, 2),
		SenderSettleMode: optional[uint8](f, 3), ReceiverSettleMode: optional[uint8](f, 4),
		Source:               described(f, 5, parseSource),
		InitialDeliveryCount: optional[uint32](f, 9), MaxMessageSize: optional[uint64](f, 10), Properties: f.properties(13),
	}
	if d, ok := f.raw(6).(Described); ok && d.Descriptor == uint64(0x30) {
		a.Coordinator = true
	} else {
		a.Target = described(f, 6, parseTarget)
	}
	return a, f.err
}

// Flow updates the windows of a session and, with a Handle, the credit of a link.
type Flow struct {
	NextIncomingID *uint32
	IncomingWindow uint32
	NextOutgoingID uint32
	OutgoingWindow uint32
	Handle         *uint32
	DeliveryCount  *uint32
	LinkCredit     *uint32
	Available      *uint32
	Drain          bool
	Echo           bool
}

func (*Flow) code() uint64 { return 0x13 }
func (w *Flow) fields() []any {
	return []any{opt(w.NextIncomingID), w.IncomingWindow, w.NextOutgoingID, w.OutgoingWindow, opt(w.Handle),
		opt(w.DeliveryCount), opt(w.LinkCredit), opt(w.Available), nonZero(w.Drain), nonZero(w.Echo)}
}

func parseFlow(v any) (*Flow, error) {
	f := listOf("flow", v, 11)
	return &Flow{
		NextIncomingID: optional[uint32](f, 0), IncomingWindow: must[uint32](f, 1),
		NextOutgoingID: must[uint32](f, 2), OutgoingWindow: must[uint32](f, 3),
		Handle: optional[uint32](f, 4), DeliveryCount: optional[uint32](f, 5), LinkCredit: optional[uint32](f, 6),
		Available: optional[uint32](f, 7), Drain: either(f, 8, false), Echo: either(f, 9, false),
	}, f.err
}

// Transfer carries a message or a part of one; the payload follows the performative in the frame.
type Transfer struct {
	Handle        uint32
	DeliveryID    *uint32
	DeliveryTag   []byte
	MessageFormat *uint32
	Settled       bool
	More          bool
	Aborted       bool
	Payload       []byte
}

func (*Transfer) code() uint64 { return 0x14 }
func (t *Transfer) fields() []any {
	var tag any
	if t.DeliveryTag != nil {
		tag = t.DeliveryTag
	}
	// More is always written, so that the size of a frame does not depend on it.
	return []any{t.Handle, opt(t.DeliveryID), tag, opt(t.MessageFormat), t.Settled, t.More, nil, nil, nil, nonZero(t.Aborted)}
}

func parseTransfer(v any) (*Transfer, error) {
	f := listOf("transfer", v, 11)
	return &Transfer{
		Handle: must[uint32](f, 0), DeliveryID: optional[uint32](f, 1), DeliveryTag: either[[]byte](f, 2, nil),
		MessageFormat: optional[uint32](f, 3), Settled: either(f, 4, false), More: either(f, 5, false),
		Aborted: either(f, 9, false),
	}, f.err
}

// Disposition tells the state of the deliveries First to Last; a nil Last means First alone.
type Disposition struct {
	Role    Role
	First   uint32
	Last    *uint32
	Settled bool
	State   State
}

func (*Disposition) code() uint64 { return 0x15 }
func (d *Disposition) fields() []any {
	out := []any{d.Role, d.First, opt(d.Last), d.Settled, nil}
	if d.State != nil {
		out[4] = d.State
	}
	return out
}

func parseDisposition(v any) (*Disposition, error) {
	f := listOf("disposition", v, 6)
	return &Disposition{
		Role: must[bool](f, 0), First: must[uint32](f, 1), Last: optional[uint32](f, 2),
		Settled: either(f, 3, false), State: described(f, 4, parseState),
	}, f.err
}

// Detach detaches a link, for good when Closed.
type Detach struct {
	Handle uint32
	Closed bool
	Error  *Error
}

func (*Detach) code() uint64    { return 0x16 }
func (d *Detach) fields() []any { return []any{d.Handle, d.Closed, errorOrNil(d.Error)} }

func parseDetach(v any) (*Detach, error) {
	f := listOf("detach", v, 3)
	return &Detach{Handle: must[uint32](f, 0), Closed: either(f, 1, false), Error: described(f, 2, parseError)}, f.err
}

// End ends a session.
type End struct{ Error *Error }

func (*End) code() uint64    { return 0x17 }
func (e *End) fields() []any { return []any{errorOrNil(e.Error)} }

func parseEnd(v any) (*End, error) {
	f := listOf("end", v, 1)
	return &End{Error: described(f, 0, parseError)}, f.err
}

// Close closes a connection.
type Close struct{ Error *Error }

func (*Close) code() uint64    { return 0x18 }
func (c *Close) fields() []any { return []any{errorOrNil(c.Error)} }

func parseClose(v any) (*Close, error) {
	f := listOf("close", v, 1)
	return &Close{Error: described(f, 0, parseError)}, f.err
}

func parseError(d Described) (*Error, error) {
	if d.Descriptor != uint64(0x1d) {
		return nil, unexpected("error", d)
	}
	f := listOf("error", d.Value, 3)
	return &Error{Condition: must[Symbol](f, 0), Description: either(f, 1, ""), Info: f.properties(2)}, f.err
}

func parsePerformative(v any) (Performative, error) {
	d, ok := v.(Described)
	if !ok {
		return nil, &Error{Condition: CondDecodeError, Description: "a frame without a performative"}
	}
	switch d.Descriptor {
	case uint64(0x10):
		return parsed(parseOpen(d.Value))
	case uint64(0x11):
		return parsed(parseBegin(d.Value))
	case uint64(0x12):
		return parsed(parseAttach(d.Value))
	case uint64(0x13):
		return parsed(parseFlow(d.Value))
	case uint64(0x14):
		return parsed(parseTransfer(d.Value))
	case uint64(0x15):
		return parsed(parseDisposition(d.Value))
	case uint64(0x16):
		return parsed(parseDetach(d.Value))
	case uint64(0x17):
		return parsed(parseEnd(d.Value))
	case uint64(0x18):
		return parsed(parseClose(d.Value))
	case uint64(0x40):
		return parsed(parseMechanisms(d.Value))
	case uint64(0x41):
		return parsed(parseInit(d.Value))
	case uint64(0x44):
		return parsed(parseOutcome(d.Value))
	default:
		return nil, unexpected("performative", d)
	}
}

// parsed keeps a nil pointer with an error from becoming a performative that is not nil.
func parsed[T Performative](p T, err error) (Performative, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
