package orchestration

import "strings"

// Channel is one row of the channel table: which CSU, operating unit and legal entity an event belongs to.
type Channel struct {
	Name        string
	Sources     []string // CloudEvents sources whose events take this row when they name none
	CSU         string   // which CSU of the configuration
	OUN         string   // operating unit number, sent with every CSU call
	LegalEntity string
	Currency    string   // ISO 4217
	Language    string   // locale of new customers, such as en-us
	Group       string   // customer group of new customers; empty: the CSU's default
	Sinks       []string // names of the sinks that are told how events ended

	Stores          []string // pairs source=headquarters of store numbers; empty: sources use headquarters' own
	DeliveryModes   []string // the same of delivery modes
	ServiceAccounts []string // of the payment connectors that headquarters has for the channel

	OrderMode      string // how orders are placed: OrderUpload or OrderCart; empty: OrderUpload
	CheckPrices    bool   // whether an order that is uploaded must be priced as the CSU prices it
	PriceTolerance string // a decimal: by how much an amount may differ from what the CSU makes it; empty: not at all
}

// How orders are placed.
const (
	OrderUpload = "upload" // as finished orders, whose amounts are the source's
	OrderCart   = "cart"   // as carts that the CSU prices, and checks out with their payments
)

// UsesCarts says whether the channel's orders are placed as carts.
func (c Channel) UsesCarts() bool { return c.OrderMode == OrderCart }

// Store is headquarters' number of a store as a source calls it; false if the channel has a table of stores that does not know it.
func (c Channel) Store(source string) (string, bool) { return translated(c.Stores, source) }

// DeliveryMode is the same of a delivery mode.
func (c Channel) DeliveryMode(source string) (string, bool) {
	return translated(c.DeliveryModes, source)
}

// translated looks a value up among pairs from=to. Without pairs every value stands for itself.
func translated(pairs []string, from string) (to string, ok bool) {
	for _, pair := range pairs {
		if left, right, _ := strings.Cut(pair, "="); left == from {
			return right, true
		}
	}
	return from, len(pairs) == 0
}

// Scope separates what may share an ID between CSUs and legal entities; it is part of every key.
func (c Channel) Scope() string { return c.CSU + "/" + c.LegalEntity }

// Scopes lists the scopes of the rows, each once.
func (cs Channels) Scopes() []string {
	var all []string
	for _, c := range cs {
		if !contains(all, c.Scope()) {
			all = append(all, c.Scope())
		}
	}
	return all
}

// Channels finds an event's row: the named one, else by source, else the only row there is.
type Channels []Channel

// For finds the row of an event; false if none fits.
func (cs Channels) For(ev Event) (Channel, bool) {
	if ev.Channel != "" {
		return cs.find(func(c Channel) bool { return c.Name == ev.Channel })
	}
	if c, ok := cs.find(func(c Channel) bool { return contains(c.Sources, ev.Source) }); ok {
		return c, true
	}
	if len(cs) == 1 && len(cs[0].Sources) == 0 {
		return cs[0], true
	}
	return Channel{}, false
}

func (cs Channels) find(fits func(Channel) bool) (Channel, bool) {
	for _, c := range cs {
		if fits(c) {
			return c, true
		}
	}
	return Channel{}, false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
