package wire

// Mechanisms is the server's list of SASL mechanisms.
type Mechanisms struct{ Names []Symbol }

// Init is the client's choice of a mechanism.
type Init struct {
	Mechanism       Symbol
	InitialResponse []byte
	Hostname        string
}

// Outcome ends the SASL exchange; code 0 is success.
type Outcome struct{ Code uint8 }

func (*Mechanisms) code() uint64 { return 0x40 }
func (*Init) code() uint64       { return 0x41 }
func (*Outcome) code() uint64    { return 0x44 }

func (m *Mechanisms) fields() []any { return []any{Array[Symbol](m.Names)} }
func (i *Init) fields() []any {
	return []any{i.Mechanism, i.InitialResponse, nonZero(i.Hostname)}
}
func (o *Outcome) fields() []any { return []any{o.Code} }

func parseMechanisms(v any) (*Mechanisms, error) {
	f := listOf("sasl-mechanisms", v, 1)
	return &Mechanisms{Names: f.symbols(0)}, f.err
}

func parseInit(v any) (*Init, error) {
	f := listOf("sasl-init", v, 3)
	return &Init{Mechanism: must[Symbol](f, 0), InitialResponse: either[[]byte](f, 1, nil), Hostname: either(f, 2, "")}, f.err
}

func parseOutcome(v any) (*Outcome, error) {
	f := listOf("sasl-outcome", v, 2)
	return &Outcome{Code: must[uint8](f, 0)}, f.err
}
