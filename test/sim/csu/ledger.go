package csu

import (
	"maps"
	"slices"
	"time"
)

// Effect is one committed write: what a test counts to prove that there was exactly one.
type Effect struct {
	Sequence     int64     `json:"sequence"` // 1 is the first since New or Reset
	Time         time.Time `json:"time"`     // of the commit
	Operation    string    `json:"operation"`
	Account      string    `json:"account"`
	RequestID    string    `json:"requestId,omitempty"`    // header RequestId
	AppSessionID string    `json:"appSessionId,omitempty"` // header AppSessionId
	Email        string    `json:"email,omitempty"`        // of the account after the write, lower case
	Status       int       `json:"status"`                 // of the answer; 0 when none was sent, or not yet
	Delivered    bool      `json:"delivered"`              // a success was answered, as far as this side can tell
	Order        string    `json:"order,omitempty"`        // transaction id of a sales order; Account is its customer
	Cart         string    `json:"cart,omitempty"`         // id of a cart
}

// record appends to the ledger; the caller holds the lock.
func (s *Simulator) record(c *call, account, email string) int64 {
	e := Effect{
		Sequence: int64(len(s.ledger)) + 1, Time: time.Now().UTC(), Operation: c.op.name, Account: account,
		RequestID: c.r.Header.Get("RequestId"), AppSessionID: c.r.Header.Get("AppSessionId"), Email: fold(email),
	}
	s.ledger = append(s.ledger, e)
	return e.Sequence
}

// recordOrder does the same for an order.
func (s *Simulator) recordOrder(c *call, o *order) int64 {
	n := s.record(c, str(o.members, "CustomerId"), "")
	s.ledger[n-1].Order = str(o.members, "Id")
	return n
}

// setAnswer notes how an effect was answered. It is called before the answer is sent, so that a client that has read
// the answer finds it noted, and again if sending fails.
func (c *call) setAnswer(effect int64, status int, sent bool) {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if effect == 0 || s.generation != c.generation {
		return
	}
	e := &s.ledger[effect-1]
	e.Status, e.Delivered = status, sent && status < 300
}

// Ledger lists every committed write in order.
func (s *Simulator) Ledger() []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Effect{}, s.ledger...)
}

// Customers lists all accounts in order of their numbers, as a read by key would show them.
func (s *Simulator) Customers() []Customer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.convertDue(time.Now())
	out := make([]Customer, 0, len(s.store.customers))
	for _, account := range slices.Sorted(maps.Keys(s.store.customers)) {
		out = append(out, s.store.customers[account].view())
	}
	return out
}

// DuplicateEmails maps each e-mail address, in lower case, that several accounts have to those accounts.
func (s *Simulator) DuplicateEmails() map[string][]string {
	out := map[string][]string{}
	for _, c := range s.Customers() {
		if email := fold(c.Email()); email != "" {
			out[email] = append(out[email], c.AccountNumber())
		}
	}
	maps.DeleteFunc(out, func(_ string, accounts []string) bool { return len(accounts) < 2 })
	return out
}

// Stats counts requests since New or Reset, when they are answered.
type Stats struct {
	Requests  int64                    `json:"requests"`
	Throttled int64                    `json:"throttled"`
	Commits   int64                    `json:"commits"`
	Held      int                      `json:"held"`       // waiting in a Hold now
	ByStatus  map[string]map[int]int64 `json:"operations"` // operation → status → count; status 0: connection dropped
}

// Stats returns a copy of the counts.
func (s *Simulator) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{Commits: int64(len(s.ledger)), Held: s.faults.Held(), ByStatus: map[string]map[int]int64{}}
	for operation, statuses := range s.stats {
		out.ByStatus[operation] = maps.Clone(statuses)
		for status, n := range statuses {
			out.Requests += n
			if status == 429 {
				out.Throttled += n
			}
		}
	}
	return out
}

// counters are operation → status → count.
type counters map[string]map[int]int64

func (c *call) count(status int) {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.generation != 0 && c.generation != s.generation {
		return // from before a Reset
	}
	if s.stats[c.op.name] == nil {
		s.stats[c.op.name] = map[int]int64{}
	}
	s.stats[c.op.name][status]++
}
