package wire

// Source is where a link's messages come from. What the broker does not act on is kept, so that an answer
// can mirror a request.
type Source struct {
	Address               *string
	Durable               *uint32
	ExpiryPolicy          *Symbol
	Timeout               *uint32
	Dynamic               *bool
	DynamicNodeProperties map[Symbol]any
	DistributionMode      *Symbol
	Filter                map[Symbol]any
	DefaultOutcome        any
	Outcomes              []Symbol
	Capabilities          []Symbol
}

func (*Source) code() uint64 { return 0x28 }
func (s *Source) fields() []any {
	return []any{opt(s.Address), opt(s.Durable), opt(s.ExpiryPolicy), opt(s.Timeout), opt(s.Dynamic),
		mapOrNil(s.DynamicNodeProperties), opt(s.DistributionMode), mapOrNil(s.Filter), s.DefaultOutcome,
		symbolsOrNil(s.Outcomes), symbolsOrNil(s.Capabilities)}
}

func parseSource(d Described) (*Source, error) {
	if d.Descriptor != uint64(0x28) {
		return nil, unexpected("source", d)
	}
	f := listOf("source", d.Value, 11)
	return &Source{
		Address: optional[string](f, 0), Durable: optional[uint32](f, 1), ExpiryPolicy: optional[Symbol](f, 2),
		Timeout: optional[uint32](f, 3), Dynamic: optional[bool](f, 4), DynamicNodeProperties: f.properties(5),
		DistributionMode: optional[Symbol](f, 6), Filter: f.properties(7), DefaultOutcome: f.raw(8),
		Outcomes: f.symbols(9), Capabilities: f.symbols(10),
	}, f.err
}

// Target is where a link's messages go.
type Target struct {
	Address               *string
	Durable               *uint32
	ExpiryPolicy          *Symbol
	Timeout               *uint32
	Dynamic               *bool
	DynamicNodeProperties map[Symbol]any
	Capabilities          []Symbol
}

func (*Target) code() uint64 { return 0x29 }
func (t *Target) fields() []any {
	return []any{opt(t.Address), opt(t.Durable), opt(t.ExpiryPolicy), opt(t.Timeout), opt(t.Dynamic),
		mapOrNil(t.DynamicNodeProperties), symbolsOrNil(t.Capabilities)}
}

func parseTarget(d Described) (*Target, error) {
	if d.Descriptor != uint64(0x29) {
		return nil, unexpected("target", d)
	}
	f := listOf("target", d.Value, 7)
	return &Target{
		Address: optional[string](f, 0), Durable: optional[uint32](f, 1), ExpiryPolicy: optional[Symbol](f, 2),
		Timeout: optional[uint32](f, 3), Dynamic: optional[bool](f, 4), DynamicNodeProperties: f.properties(5),
		Capabilities: f.symbols(6),
	}, f.err
}
