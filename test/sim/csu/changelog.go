package csu

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// changeLog knows which products changed after a synchronization token was given. The caller holds the lock.
type changeLog struct {
	name   string                  // of this log: a token of another one is unknown
	number int64                   // of the last change
	oldest int64                   // a token from before it is too old
	last   map[int64]productChange // of the products that are sold, by record id
}

type productChange struct {
	number int64
	at     time.Time
}

func newChangeLog() changeLog {
	return changeLog{name: uuid.NewString(), last: map[int64]productChange{}}
}

// follow notes what differs between the products that were sold and those that are.
func (l *changeLog) follow(was map[int64]Product, is Options, now time.Time) {
	sold := make(map[int64]bool, len(is.Products))
	var changed []int64
	for _, p := range is.Products {
		sold[p.RecordID] = true
		before, known := was[p.RecordID]
		if !known || !reflect.DeepEqual(before.unpriced(), p.unpriced()) {
			changed = append(changed, p.RecordID)
		}
	}
	l.note(now, changed...)
	for id := range l.last {
		if !sold[id] {
			delete(l.last, id)
		}
	}
}

// note gives each of the products the number of a new change.
func (l *changeLog) note(now time.Time, ids ...int64) {
	for _, id := range ids {
		l.number++
		l.last[id] = productChange{l.number, now}
	}
}

// unpriced is a product without its prices.
func (p Product) unpriced() Product {
	p.Price, p.Variants = "", slices.Clone(p.Variants)
	for i := range p.Variants {
		p.Variants[i].Price = ""
	}
	return p
}

// token stands for all changes so far. Its form is nobody's business.
func (l *changeLog) token() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s/%d", l.name, l.number))
}

// since lists the products that changed after a token, in the order in which they did; all of them for a token that is empty, unknown or
// too old.
func (l *changeLog) since(token string) (ids []int64, initial bool) {
	after, known := l.read(token)
	if !known {
		after = -1
	}
	for id, c := range l.last {
		if c.number > after {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Compare(l.last[a].number, l.last[b].number) })
	return ids, !known
}

func (l *changeLog) read(token string) (number int64, known bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	name, digits, _ := strings.Cut(string(text), "/")
	number, bad := strconv.ParseInt(digits, 10, 64)
	return number, err == nil && bad == nil && name == l.name && number >= l.oldest && number <= l.number
}

// PutProducts adds products, or replaces those with the same record ids. Each counts as changed, whether or not it differs.
func (s *Simulator) PutProducts(products ...Product) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.changes.number
	s.configure(func(o *Options) {
		o.Products = slices.Clone(o.Products)
		for _, p := range products {
			if at := slices.IndexFunc(o.Products, func(was Product) bool { return was.RecordID == p.RecordID }); at >= 0 {
				o.Products[at] = p
				continue
			}
			o.Products = append(o.Products, p)
		}
	})
	for _, p := range products {
		if s.changes.last[p.RecordID].number <= before {
			s.changes.note(time.Now(), p.RecordID)
		}
	}
}

// RemoveProducts takes products, or variants, out of what is sold, and says how many were there.
func (s *Simulator) RemoveProducts(ids ...int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	s.configure(func(o *Options) {
		gone := func(id int64) bool {
			if slices.Contains(ids, id) {
				n++
				return true
			}
			return false
		}
		o.Products = slices.DeleteFunc(slices.Clone(o.Products), func(p Product) bool { return gone(p.RecordID) })
		for i, p := range o.Products {
			o.Products[i].Variants = slices.DeleteFunc(slices.Clone(p.Variants), func(v Variant) bool { return gone(v.RecordID) })
		}
	})
	return n
}

// Products lists what is sold.
func (s *Simulator) Products() []Product {
	return append([]Product{}, s.options().Products...)
}

// ForgetChanges makes every synchronization token so far too old.
func (s *Simulator) ForgetChanges() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.number++
	s.changes.oldest = s.changes.number
}
