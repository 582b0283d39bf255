package wire

// Symbol is an AMQP symbol.
type Symbol string

// Message is an AMQP message, decoded as far as a broker must rewrite it. Body sections (data, sequence or
// value) and the footer stay as the raw bytes they came in.
type Message struct {
	Header              *Header
	DeliveryAnnotations map[Symbol]any
	Annotations         map[Symbol]any
	Properties          *Properties
	ApplicationProps    map[string]any
	Body                []byte // every body section and the footer, encoded
	Size                int    // of the encoding that it was read from; zero for a message made here
}

// Header is the header section. Absent fields are nil, so that what a sender left out stays left out.
type Header struct {
	Durable       *bool
	Priority      *uint8
	TTL           *uint32 // milliseconds
	FirstAcquirer *bool
	DeliveryCount uint32 // always encoded, also when 0: clients depend on it
}

// Properties is the properties section. MessageID and CorrelationID keep the AMQP type they came in
// (string, uint64, UUID or []byte).
type Properties struct {
	MessageID          any
	UserID             []byte
	To                 *string
	Subject            *string
	ReplyTo            *string
	CorrelationID      any
	ContentType        *Symbol
	ContentEncoding    *Symbol
	AbsoluteExpiryTime any // time.Time or nil
	CreationTime       any // time.Time or nil
	GroupID            *string
	GroupSequence      *uint32
	ReplyToGroupID     *string
}
