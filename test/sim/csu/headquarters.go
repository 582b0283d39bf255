package csu

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// DefaultConversion is how long a provisional account lives when Options do not say.
const DefaultConversion = time.Minute

// Conversion is a provisional account that headquarters has replaced.
type Conversion struct {
	Time        time.Time `json:"time"`
	Provisional string    `json:"provisional"` // the GUID, not found since, unless Options.RedirectConverted
	Account     string    `json:"account"`
	Merged      bool      `json:"merged"` // Account was there before (Options.MergeConverted)
}

// Headquarters is how things stand between the scale unit and headquarters.
type Headquarters struct {
	Down        bool         `json:"down"`
	Provisional []string     `json:"provisional"` // accounts to be converted, in order
	Conversions []Conversion `json:"conversions"` // since New or Reset
}

// Headquarters says how things stand.
func (s *Simulator) Headquarters() Headquarters {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.convertDue(time.Now())
	h := Headquarters{Down: s.opts.HQDown, Provisional: []string{}, Conversions: append([]Conversion{}, s.store.conversions...)}
	for _, rec := range s.store.pending {
		h.Provisional = append(h.Provisional, rec.account)
	}
	return h
}

// SetHeadquarters takes headquarters away or brings it back.
func (s *Simulator) SetHeadquarters(up bool) { s.Configure(func(o *Options) { o.HQDown = !up }) }

// Convert replaces provisional accounts at once, whether or not headquarters is up: those named, or all. It says how many.
func (s *Simulator) Convert(accounts ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.convertDue(now)
	n := 0
	for _, rec := range slices.Clone(s.store.pending) {
		if len(accounts) == 0 || slices.Contains(accounts, rec.account) {
			s.convert(rec, now)
			n++
		}
	}
	return n
}

// headquartersAway says whether this request's call of headquarters fails; it must be asked once, when the call would be
// made, by whoever holds the lock.
func (c *call) headquartersAway() bool {
	if c.sim.opts.HQDown {
		return true
	}
	_, fails := c.fault(HQUnreachable)
	return fails
}

func headquartersUnreachable() *apiError {
	return &apiError{http.StatusInternalServerError, typeCommunication, idHeadquarters, "headquarters could not be reached", nil}
}

// lookUp finds an account for whoever holds the lock.
func (s *Simulator) lookUp(account string) (*record, bool) {
	rec, known := s.store.customers[account]
	if !known && s.opts.RedirectConverted {
		rec, known = s.store.customers[s.store.moved[account]]
	}
	return rec, known
}

// headquartersIsBack lets the time to every conversion begin anew.
func (s *store) headquartersIsBack(now time.Time) {
	for _, rec := range s.pending {
		rec.since = now
	}
	for _, o := range s.orders.pending {
		o.since = now
	}
	for _, o := range s.orders.canceling {
		o.canceled = now
	}
}

// convertDue does what headquarters' jobs have done by now. There is no goroutine for it: whoever looks at the store, under
// the lock, calls it first.
func (s *Simulator) convertDue(now time.Time) {
	for !s.opts.HQDown && len(s.store.pending) > 0 {
		next := s.store.pending[0]
		at := next.since.Add(s.opts.Conversion)
		if at.After(now) {
			return
		}
		s.convert(next, at)
	}
}

// convert gives a provisional account its permanent number and record ids, or lets it go into the account that has its
// e-mail address. Which record ids stay is not documented; none do here.
func (s *Simulator) convert(rec *record, at time.Time) {
	db, old := &s.store, rec.account
	db.pending = slices.DeleteFunc(db.pending, func(r *record) bool { return r == rec })
	delete(db.customers, old)
	delete(db.byEmail[fold(str(rec.members, "Email"))], old)
	done := Conversion{Time: at.UTC(), Provisional: old}
	if into := db.permanentWith(str(rec.members, "Email")); s.opts.MergeConverted && into != "" {
		done.Account, done.Merged = into, true
	} else {
		done.Account = db.becomePermanent(rec)
		db.index(rec, rec.view(), at.Add(s.opts.SearchLag))
	}
	db.moved[old] = done.Account
	db.conversions = append(db.conversions, done)
}

func (s *store) becomePermanent(rec *record) string {
	rec.account, rec.provisional = s.nextAccount(), false
	rec.members["AccountNumber"], rec.members["IsAsyncCustomer"] = rec.account, false
	rec.members["PartyNumber"] = rec.members["NewCustomerPartyNumber"]
	rec.members["RecordId"], rec.members["DirectoryPartyRecordId"] = number(s.nextID()), number(s.nextID())
	for _, entry := range slices.Concat(entries(rec.members, "Addresses"), entries(rec.members, "Contacts")) {
		entry["RecordId"] = number(s.nextID())
		if yes(entry, "IsAsyncAddress") {
			entry["IsAsyncAddress"] = false
		}
	}
	s.customers[rec.account] = rec
	return rec.account
}

// permanentWith is the lowest permanent account with an e-mail address, empty if there is none.
func (s *store) permanentWith(email string) (lowest string) {
	for account := range s.byEmail[fold(email)] {
		rec := s.customers[account]
		if rec != nil && !rec.provisional && fold(str(rec.members, "Email")) == fold(email) {
			lowest = min(cmp.Or(lowest, account), account)
		}
	}
	return lowest
}
