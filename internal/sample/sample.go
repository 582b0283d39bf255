// Package sample makes customer events to try Signalbox with: made-up people at example.com, in the mixture that real
// sources produce: some published twice, some overtaken by a newer state, one that nobody can read.
package sample

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Event is a CloudEvent in its JSON format, ready to be written as a line.
type Event struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        time.Time       `json:"time"`
	Data        json.RawMessage `json:"data"`
}

// Options say what to make. The same options make the same events.
type Options struct {
	Count  int       // messages, duplicates included
	Run    string    // part of every event and customer id, so that two runs on one store do not meet
	Now    time.Time // the newest event is not later than this
	Seed   uint64
	Source string // default https://shop.example.com
}

var (
	first   = []string{"Ana", "Bo", "Chen", "Dara", "Emil", "Fatima", "Gus", "Hana", "Ivo", "Jun", "Kai", "Lena", "Milo", "Nour", "Otto", "Pia"}
	last    = []string{"Adatum", "Contoso", "Fabrikam", "Litware", "Northwind", "Proseware", "Tailspin", "Wingtip"}
	streets = []string{"Harbour Street", "Mill Lane", "Station Road", "Park Avenue", "Market Square"}
	cities  = []struct{ city, state, zip, country string }{
		{"Redmond", "WA", "98052", "USA"}, {"Houston", "TX", "77002", "USA"}, {"Lyon", "", "69001", "FRA"}, {"Graz", "", "8010", "AUT"}, {"Leeds", "", "LS1 1BA", "GBR"},
	}
)

type maker struct {
	o       Options
	r       *rand.Rand
	nextID  int
	version map[int]int // of each customer
	out     []Event
}

// Customers makes the events, in the order in which they are to be published.
func Customers(o Options) []Event {
	if o.Source == "" {
		o.Source = "https://shop.example.com"
	}
	m := &maker{o: o, r: rand.New(rand.NewPCG(o.Seed, 20)), version: map[int]int{}}
	for len(m.out) < o.Count {
		m.next(o.Count - len(m.out))
	}
	return m.out
}

// next adds one or two messages; left is how many are still wanted.
func (m *maker) next(left int) {
	known := len(m.version)
	switch n := len(m.out); {
	case n == m.o.Count/2 && n > 3:
		m.add(m.unreadable())
	case known > 2 && n%10 == 4: // published twice
		m.add(m.out[m.r.IntN(n)])
	case known > 2 && n%10 == 7 && left > 1: // overtaken: the newer state arrives first
		c := m.r.IntN(known)
		older, newer := m.change(c), m.change(c)
		m.add(newer)
		m.add(older)
	case known > 2 && n%10 == 9:
		m.add(m.change(m.r.IntN(known)))
	default:
		m.add(m.change(known))
	}
}

func (m *maker) add(e Event) { m.out = append(m.out, e) }

func (m *maker) event(data any) Event {
	m.nextID++
	b, _ := json.Marshal(data) // maps of strings cannot fail
	return Event{SpecVersion: "1.0", ID: fmt.Sprintf("%s-%05d", m.o.Run, m.nextID), Source: m.o.Source, Type: "signalbox.customer.changed.v1",
		Time: m.o.Now.Add(-time.Hour).Add(time.Duration(m.nextID) * time.Millisecond).UTC(), Data: b}
}

// change is the next state of a customer: the first one creates it, later ones move house and change the phone.
func (m *maker) change(c int) Event {
	m.version[c]++
	v := m.version[c]
	given, family := first[c%len(first)], last[(c/len(first))%len(last)]
	place := cities[(c+v)%len(cities)]
	address := map[string]any{"purpose": "home", "street": fmt.Sprintf("%d %s", 1+(c*7+v)%200, streets[(c+v)%len(streets)]),
		"city": place.city, "zip": place.zip, "country": place.country, "primary": true}
	if place.state != "" {
		address["state"] = place.state
	}
	return m.event(map[string]any{
		"id": fmt.Sprintf("C-%s-%04d", m.o.Run, c+1), "email": fmt.Sprintf("customer.%s.%04d@example.com", m.o.Run, c+1),
		"firstName": given, "lastName": family, "phone": fmt.Sprintf("+1425555%04d", (c*13+v)%10000), "language": "en-us",
		"addresses": []any{address},
	})
}

// unreadable lacks the e-mail address that the schema requires.
func (m *maker) unreadable() Event {
	return m.event(map[string]any{"id": "C-" + m.o.Run + "-none", "firstName": "Nobody"})
}
