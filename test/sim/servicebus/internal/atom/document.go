package atom

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kind is what an entry describes.
type Kind string

// The kinds, by the element that describes them.
const (
	KindQueue        Kind = "QueueDescription"
	KindTopic        Kind = "TopicDescription"
	KindSubscription Kind = "SubscriptionDescription"
	KindRule         Kind = "RuleDescription"
)

// ErrNoEntry says that a document is no Atom entry with a description in it.
var ErrNoEntry = errors.New("atom: no entry with a description")

// Document is what an entry of a request describes: Rule is for a rule, Entity for everything else.
type Document struct {
	Kind   Kind
	Entity Entity
	Rule   Rule
}

// Read reads the entry of a request.
func Read(r io.Reader) (Document, error) {
	var entry struct {
		XMLName xml.Name `xml:"entry"`
		Content struct {
			Queue        *Entity `xml:"QueueDescription"`
			Topic        *Entity `xml:"TopicDescription"`
			Subscription *Entity `xml:"SubscriptionDescription"`
			Rule         *Rule   `xml:"RuleDescription"`
		} `xml:"content"`
	}
	if err := xml.NewDecoder(r).Decode(&entry); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrNoEntry, err)
	}
	switch c := entry.Content; {
	case c.Queue != nil:
		return Document{Kind: KindQueue, Entity: *c.Queue}, nil
	case c.Topic != nil:
		return Document{Kind: KindTopic, Entity: *c.Topic}, nil
	case c.Subscription != nil:
		return Document{Kind: KindSubscription, Entity: *c.Subscription}, nil
	case c.Rule != nil:
		return Document{Kind: KindRule, Rule: *c.Rule}, nil
	}
	return Document{}, ErrNoEntry
}

// Link names another document.
type Link struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type text struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// Entry is one entity, or the namespace itself.
type Entry struct {
	XMLName   xml.Name `xml:"entry"`
	NS        string   `xml:"xmlns,attr,omitempty"`
	ID        string   `xml:"id"`
	Title     text     `xml:"title"`
	Published *Moment  `xml:"published"`
	Updated   Moment   `xml:"updated"`
	Author    struct {
		Name string `xml:"name"`
	} `xml:"author"`
	Link    Link `xml:"link"`
	Content struct {
		Type      string `xml:"type,attr"`
		Entity    *Entity
		Rule      *Rule
		Namespace *Namespace
	} `xml:"content"`
}

// Namespace is a NamespaceInfo.
type Namespace struct {
	XMLName       xml.Name `xml:"NamespaceInfo"`
	NS            string   `xml:"xmlns,attr"`
	XSI           string   `xml:"xmlns:i,attr"`
	CreatedTime   Moment   `xml:"CreatedTime"`
	MessagingSKU  string   `xml:"MessagingSKU"`
	ModifiedTime  Moment   `xml:"ModifiedTime"`
	Name          string   `xml:"Name"`
	NamespaceType string   `xml:"NamespaceType"`
}

// Feed is a page of a list.
type Feed struct {
	XMLName xml.Name `xml:"feed"`
	NS      string   `xml:"xmlns,attr"`
	Title   text     `xml:"title"`
	ID      string   `xml:"id"`
	Updated Moment   `xml:"updated"`
	Links   []Link   `xml:"link"`
	Entries []Entry
}

// EntityEntry makes the entry of a queue, topic or subscription; url is where it is found.
func EntityEntry(kind Kind, namespace, name, url string, q Entity) Entry {
	q.XMLName, q.NS, q.XSI = xml.Name{Local: string(kind)}, nsServiceBus, nsInstance
	if q.CountDetails != nil {
		q.CountDetails.NS = nsCounts
	}
	e := entry(namespace, name, url)
	e.Published, e.Updated, e.Content.Entity = q.CreatedAt, *q.UpdatedAt, &q
	return e
}

// RuleEntry makes the entry of a rule.
func RuleEntry(namespace, url string, r Rule) Entry {
	r.NS, r.XSI = nsServiceBus, nsInstance
	e := entry(namespace, r.Name, url)
	e.Published, e.Updated, e.Content.Rule = r.CreatedAt, *r.CreatedAt, &r
	return e
}

// NamespaceEntry makes the entry of a namespace.
func NamespaceEntry(name, url string, created time.Time) Entry {
	e := entry(name, name, url)
	e.Updated = Moment(created)
	e.Content.Namespace = &Namespace{
		NS: nsServiceBus, XSI: nsInstance, CreatedTime: Moment(created), ModifiedTime: Moment(created),
		MessagingSKU: "Standard", Name: name, NamespaceType: "Messaging",
	}
	return e
}

func entry(namespace, name, url string) Entry {
	e := Entry{NS: nsAtom, ID: url, Title: text{"text", name}, Link: Link{"self", url}}
	e.Author.Name, e.Content.Type = namespace, "application/xml"
	return e
}

// NewFeed makes a page of a list; next is where the page that follows is found, empty for the last.
func NewFeed(title, url, next string, now time.Time, entries []Entry) Feed {
	for i := range entries {
		entries[i].NS = ""
	}
	f := Feed{NS: nsAtom, Title: text{"text", title}, ID: url, Updated: Moment(now), Links: []Link{{"self", url}}, Entries: entries}
	if next != "" {
		f.Links = append(f.Links, Link{"next", next})
	}
	return f
}

// Error is the body of a failure.
type Error struct {
	XMLName xml.Name `xml:"Error"`
	Code    int      `xml:"Code"`
	Detail  string   `xml:"Detail"`
}

// Marshal writes a document.
func Marshal(document any) ([]byte, error) { return xml.Marshal(document) }
