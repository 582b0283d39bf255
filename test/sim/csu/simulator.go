// Package csu is a Commerce Scale Unit that behaves, and misbehaves, like the real one: an http.Handler for the
// token endpoint and the operations of the Retail Server API for customers, carts, orders and the catalogue, with faults that can be set
// while it runs and a ledger of every write it committed.
//
// What it promises, because tests rely on it:
//   - A write is committed whole or not at all, and a client that goes away does not undo it.
//   - Nothing makes an e-mail address unique. Finding an account before making another one is the client's job.
//   - A read by key sees a write at once; a search sees it only after Options.SearchLag.
//   - While headquarters is down, a new customer gets a provisional account (IsAsyncCustomer, a GUID as its number), which
//     is replaced by a permanent one later; headquarters.go.
//   - It starts no goroutine. Requests that wait (latency, commit delay, hold) are let go by Close.
//   - Time is the standard library's, so all of it runs inside a testing/synctest bubble.
//
// A dropped connection is panic(http.ErrAbortHandler), so the handler has to be served by a real http.Server,
// over a socket or a net.Pipe.
//
// Source: Retail Server OData metadata of release 9.23 and current Microsoft documents. Where no source states a
// rule, the comment beside the code says "inferred".
package csu

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// What a simulator made from zero Options knows, so that a first request needs no configuration.
const (
	DefaultOUN          = "HOUSTON"
	DefaultClientID     = "local-client"
	DefaultClientSecret = "local-secret"
)

// maxBody is the largest request body that is read; no document gives the real limit (inferred).
const maxBody = 4 << 20

// Channel is an operating unit that the OUN header may name.
type Channel struct {
	OUN           string
	Currency      string // of a customer created without one; default USD
	Language      string // of a customer created without one; default en-us
	CustomerGroup string // of a customer created without one; default 3
	LegalEntity   string // default usrt
	Country       string // ISO 3166-1 alpha-3; default USA

	TaxPercent       json.Number // of carts, lines and charges alike; empty: no tax, so that sums are exact
	PriceIncludesTax bool
	Warehouse        string // default: the OUN
}

func (ch Channel) withDefaults() Channel {
	ch.Currency, ch.Language, ch.CustomerGroup = cmp.Or(ch.Currency, "USD"), cmp.Or(ch.Language, "en-us"), cmp.Or(ch.CustomerGroup, "3")
	ch.LegalEntity, ch.Country = cmp.Or(ch.LegalEntity, "usrt"), cmp.Or(ch.Country, "USA")
	return ch
}

// Client is an app registration that may ask for tokens.
type Client struct {
	ID     string
	Secret string
	Role   Role // default RoleApplication, the role that client credentials give
}

// Options configure a Simulator. The zero value works.
type Options struct {
	Channels []Channel // default: one, DefaultOUN
	Clients  []Client  // default: one, DefaultClientID with DefaultClientSecret
	Tenant   string    // the only tenant whose token endpoint answers; empty: any

	TokenLifetime time.Duration // default 3599 s, as Entra gives
	SearchLag     time.Duration // from commit until a search sees it
	Latency       time.Duration // between the effect and its answer, every Commerce operation
	CommitDelay   time.Duration // from receipt of a write until it commits

	ErrorShape   ErrorShape // default ShapeCommerce
	SearchMode   SearchMode // default SearchExact
	RefuseScheme string     // "bearer" or "id_token": that scheme word is answered with 401
	Limits       Limits     // longest values that are accepted
	Seed         uint64     // of every fault with a probability or a jitter

	AsyncCustomers    bool          // the functionality profile's mode: every new customer is provisional
	HQDown            bool          // headquarters cannot be reached: new customers are provisional, updates fail, nothing is converted
	Conversion        time.Duration // from a provisional account, or from headquarters' return, to its permanent one; default DefaultConversion
	MergeConverted    bool          // a provisional account becomes the permanent one that has its e-mail address already, if there is one
	RedirectConverted bool          // a provisional account's number goes on working after the conversion; otherwise it is not found
	AsyncEdit         bool          // accept changes of provisional accounts; otherwise they are refused

	OrderSync       time.Duration // from an order, or from headquarters' return, until headquarters has it; default DefaultOrderSync
	RepeatedUploads bool          // an order whose id is taken is answered with the stored one; otherwise it is refused

	Anonymous bool // requests without a token have the role Anonymous; otherwise they are refused
	LabRoles  bool // an application may also do what Microsoft's lab does, against the documented roles

	OwnCartIDs             bool          // the scale unit makes every cart's id; otherwise one that the client made is kept
	CartIdle               time.Duration // a cart that nobody changes is gone after that; default DefaultCartIdle
	KeyedPrices            bool          // a line may bring its price (IsPriceKeyedIn)
	OrderNumberIsReference bool          // a cart's OrderNumber becomes the order's ChannelReferenceId; otherwise that is made here
	OrdersInRealTime       bool          // checkout makes the order in headquarters, and fails without it
	NoMixedReturns         bool          // a cart may not both sell and bring back

	Coupons       []Coupon       // default none
	ChargeCodes   []ChargeCode   // default DefaultChargeCodes
	DeliveryModes []DeliveryMode // default DefaultDeliveryModes
	Stores        []Store        // default DefaultStores
	Timeslots     Timeslots      // of pickups
	TenderTypes   []TenderType   // default DefaultTenderTypes
	Connectors    []Connector    // default DefaultConnectors; empty, not nil: none
	GiftCards     []GiftCard     // default none
	LoyaltyCards  []LoyaltyCard  // default none

	States          []State         // tables of states; default DefaultStates
	ZipCodes        []ZipCode       // tables of zip codes; default none, so that none is checked
	StrictAddresses bool            // a state is required where there is a table, and refused where there is none
	CustomerGroups  []CustomerGroup // default DefaultCustomerGroups
	Products        []Product       // what each channel sells; default: DefaultProducts of them

	Categories  []Category    // of products; default DefaultCategories
	Catalogs    []int64       // besides the channel's own, 0; each has all products
	SessionLife time.Duration // of a publishing session; default DefaultSessionLife
	PageLimit   int           // products that a session gives at once, however many are asked for; default 1000
	OneSession  bool          // a publishing session ends the one that its channel had before; otherwise there are any number
	NoSyncToken bool          // a session gives no token to begin with next time, so each reads everything
	Unnumbered  bool          // as in 10.0.13, only whole products have a ProductNumber: SimpleProduct and ProductSearchResult have none

	PriceRules []PriceRule // what changes active prices; default none

	Stock               []Stock          // what warehouses have
	DefaultStock        json.Number      // of a product in a warehouse that Stock does not name; default DefaultStock
	InventoryLevels     []InventoryLevel // default DefaultInventoryLevels
	InventoryBuffer     json.Number      // of each product, that is kept back from shoppers; default none
	QuantityOutput      QuantityOutput   // default QuantityAsIs
	InventoryLimit      int              // pairs of product and warehouse in one answer; default DefaultInventoryLimit
	InventoryVisibility bool             // answers come from that service, as far as GetInventoryConfiguration says

	stock    map[stockKey]Stock
	places   tables            // from States and ZipCodes
	products map[int64]Product // Products and their variants by record id
	masters  map[int64]int64   // of variants
}

func (o Options) withDefaults() Options {
	if len(o.Channels) == 0 {
		o.Channels = []Channel{{OUN: DefaultOUN}}
	}
	if len(o.Clients) == 0 {
		o.Clients = []Client{{ID: DefaultClientID, Secret: DefaultClientSecret}}
	}
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = 3599 * time.Second
	}
	if o.Conversion <= 0 {
		o.Conversion = DefaultConversion
	}
	if o.OrderSync <= 0 {
		o.OrderSync = DefaultOrderSync
	}
	if o.States == nil {
		o.States = DefaultStates()
	}
	if o.CustomerGroups == nil {
		o.CustomerGroups = DefaultCustomerGroups()
	}
	if o.CartIdle <= 0 {
		o.CartIdle = DefaultCartIdle
	}
	otherwise(&o.ChargeCodes, DefaultChargeCodes)
	otherwise(&o.DeliveryModes, DefaultDeliveryModes)
	otherwise(&o.Stores, DefaultStores)
	otherwise(&o.TenderTypes, DefaultTenderTypes)
	otherwise(&o.Connectors, DefaultConnectors)
	o.Limits = o.Limits.withDefaults()
	if o.Products == nil {
		o.Products = MakeProducts(DefaultProducts)
	}
	otherwise(&o.Categories, DefaultCategories)
	o.PageLimit = cmp.Or(o.PageLimit, maxTop)
	if o.SessionLife <= 0 {
		o.SessionLife = DefaultSessionLife
	}
	otherwise(&o.InventoryLevels, DefaultInventoryLevels)
	o.DefaultStock, o.InventoryLimit = cmp.Or(o.DefaultStock, DefaultStock), cmp.Or(o.InventoryLimit, DefaultInventoryLimit)
	o.places, o.stock = o.tables(), o.stockByKey()
	o.products, o.masters = o.productsByID()
	return o
}

// otherwise fills a list that was not given.
func otherwise[T any](list *[]T, preset func() []T) {
	if *list == nil {
		*list = preset()
	}
}

// Simulator is one scale unit. All of its methods are safe for concurrent use.
type Simulator struct {
	done chan struct{} // closed by Close

	mu         sync.Mutex // guards everything below
	closed     bool
	opts       Options
	generation int // raised by Reset; a write received before it does not commit
	store      store
	faults     *misbehave.Faults // with a lock of its own
	tokens     map[string]grant
	ledger     []Effect
	stats      counters
	changes    changeLog // of products; they stay when the store is reset
}

// New makes a simulator; Close it to let go what waits inside.
func New(opts Options) *Simulator {
	opts = opts.withDefaults()
	s := &Simulator{
		done:       make(chan struct{}),
		opts:       opts,
		generation: 1,
		store:      newStore(),
		faults:     newFaults(opts.Seed),
		tokens:     map[string]grant{},
		stats:      counters{},
		changes:    newChangeLog(),
	}
	s.changes.follow(nil, opts, time.Now())
	return s
}

// Configure changes options while the simulator runs. Seed is read only by New. The function must not call
// the simulator.
func (s *Simulator) Configure(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configure(change)
}

// configure does it for whoever holds the lock.
func (s *Simulator) configure(change func(*Options)) {
	now, was := time.Now(), s.opts.products
	s.convertDue(now) // by the options that were in force so far
	s.landDue(now)
	down := s.opts.HQDown
	change(&s.opts)
	s.opts = s.opts.withDefaults()
	s.changes.follow(was, s.opts, now)
	if down && !s.opts.HQDown {
		s.store.headquartersIsBack(now)
	}
}

// options are those in force now.
func (s *Simulator) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reset forgets customers, carts, orders, what was published, ledger, statistics and faults. Tokens and options stay, and writes that were under way
// are dropped rather than committed into the fresh store.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	s.store = newStore()
	s.faults.Reset()
	s.ledger = nil
	s.stats = counters{}
}

// Close lets go every request that waits, without its effect, and answers later ones with 503.
func (s *Simulator) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
}

// Handler serves the scale unit and its token endpoint.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// call is one request on its way through the simulator.
type call struct {
	sim        *Simulator
	w          http.ResponseWriter
	r          *http.Request
	op         operation
	key        string            // of the entity in the path
	args       map[string]string // of a function in the path, text without its quotes
	body       []byte
	received   time.Time
	generation int
	oun        string
	channel    Channel
	document   bool // what is priced is no cart: no charges
}

// reply is what an operation answers.
type reply struct {
	status int
	header map[string]string
	body   any    // marshalled as JSON, nil for none
	html   string // instead of body: a page from something in front of the scale unit
	effect int64  // sequence in the ledger of what was committed, 0 for nothing
}

// serve takes a request through its stages: find the operation, front faults, permission, effect, answer.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	op, key, args, miss := route(r)
	if miss != 0 {
		s.writeMiss(w, r, op.name, miss)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c := &call{sim: s, w: w, r: r, op: op, key: key, args: args, body: body, received: time.Now(), oun: r.Header.Get("OUN")}
	if err != nil {
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) {
			panic(http.ErrAbortHandler) // half a request has no effect
		}
		c.finish(c.errorReply(&apiError{http.StatusRequestEntityTooLarge, typeBadRequest, idRequestTooLarge, "the request body is too large", nil}))
		return
	}
	s.mu.Lock()
	closed := s.closed
	c.generation = s.generation
	s.mu.Unlock()
	if closed {
		c.finish(gatewayReply(http.StatusServiceUnavailable))
		return
	}
	c.finish(c.run())
}

func (c *call) run() reply {
	rep, stopped := c.front()
	if stopped {
		return rep
	}
	if c.op.commerce {
		if err := c.admit(); err != nil {
			return c.errorReply(err)
		}
	}
	rep, err := c.op.serve(c)
	if err != nil {
		return c.errorReply(err)
	}
	if !c.wait(PointAnswer) {
		c.abort()
	}
	return rep
}

// front is what stands before the service: waits at receipt, the throttle, and failures that have no effect.
func (c *call) front() (reply, bool) {
	if !c.wait(PointReceived) {
		c.abort()
	}
	if rep, refused := c.throttle(); refused {
		return rep, true
	}
	if _, drop := c.fault(Drop); drop {
		c.abort()
	}
	if f, fail := c.fault(Error); fail {
		return c.faultReply(f), true
	}
	return reply{}, false
}

// finish sends the answer, or loses it when a fault says so; the effect, if any, stays.
func (c *call) finish(rep reply) {
	if rep.effect != 0 {
		if _, drop := c.fault(CommitThenDrop); drop {
			c.abort()
		}
		if f, fail := c.fault(CommitThenError); fail {
			effect := rep.effect
			rep = c.faultReply(f)
			rep.effect = effect
		}
	}
	c.count(rep.status)
	c.setAnswer(rep.effect, rep.status, c.r.Context().Err() == nil)
	if err := c.send(rep); err != nil {
		c.setAnswer(rep.effect, rep.status, false)
	}
}

// abort closes the connection without an answer.
func (c *call) abort() {
	c.count(0)
	panic(http.ErrAbortHandler)
}

func (c *call) send(rep reply) error {
	payload := []byte(rep.html)
	h := c.w.Header()
	switch {
	case rep.html != "":
		h.Set("Content-Type", "text/html; charset=utf-8")
	case rep.body != nil:
		var err error
		if payload, err = marshal(rep.body); err != nil {
			return fmt.Errorf("csu: encode answer: %w", err)
		}
		h.Set("Content-Type", "application/json; odata.metadata=minimal; charset=utf-8")
		if c.op.commerce {
			h.Set("OData-Version", "4.0")
		}
	}
	for k, v := range rep.header {
		h.Set(k, v)
	}
	if rep.status != http.StatusNoContent {
		h.Set("Content-Length", fmt.Sprint(len(payload)))
	}
	c.w.WriteHeader(rep.status)
	if _, err := c.w.Write(payload); err != nil || rep.effect == 0 {
		return err
	}
	// Only a flush tells whether the connection still took the answer.
	if err := http.NewResponseController(c.w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// writeMiss answers a path or method that is not served: a page from the web server, not a Commerce error.
func (s *Simulator) writeMiss(w http.ResponseWriter, r *http.Request, name string, status int) {
	c := &call{sim: s, w: w, r: r, op: operation{name: name}}
	c.finish(reply{status: status, html: page(status)})
}

func page(status int) string {
	return fmt.Sprintf("<!DOCTYPE html>\n<html><head><title>%d</title></head><body><h1>%d %s</h1></body></html>\n",
		status, status, http.StatusText(status))
}

func gatewayReply(status int) reply { return reply{status: status, html: page(status)} }

func (c *call) origin() string {
	scheme := "http"
	if c.r.TLS != nil || strings.EqualFold(c.r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host + "/Commerce/"
}
