// Package businessevents reads the business events of Finance & Operations (headquarters), which are JSON and no CloudEvents, as
// events of ours that say what became of a sales order, or that ask for an export, because something changed that is told by it.
//
// What is left out matters as much as what is taken over. A business event that headquarters sends once more has its EventId again but
// another ControlNumber, so what frames a business event is no part of what a second delivery is compared by. And of its own members
// only the numbers of the order and of the invoice are taken over: the rest, such as the account that is invoiced, is nobody's matter here.
//
// Source: Microsoft's documentation of business events (the frame, and the members of SalesInvoicePostedBusinessEvent).
package businessevents

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Ignored is the status of a business event that means nothing to us.
const Ignored = "ignored"

// Statuses are those that a business event may stand for.
func Statuses() []string { return []string{"confirmed", "shipped", "invoiced", "cancelled", Ignored} }

// Defaults are the statuses of the business events that headquarters has itself: that an order is invoiced is the only one of the
// four that is there without a customization. The other one is sent when an endpoint is set up.
func Defaults() map[string]string {
	return map[string]string{"SalesInvoicePostedBusinessEvent": "invoiced", "BusinessEventsTestEndpointContract": Ignored}
}

// SalesIDMembers are where the number of the sales order is looked for: the first that is there.
func SalesIDMembers() []string { return []string{"SalesOrderId", "SalesId", "SalesOrderNumber"} }

// Options of a Translator.
type Options struct {
	Source   string            // the CloudEvents source of the events
	Type     string            // their type
	Statuses map[string]string // by BusinessEventId, besides Defaults
	SalesID  []string          // in place of SalesIDMembers
	Exports  map[string]string // types of the events that ask for exports, by BusinessEventId; each asks for what changed
	ExportOf string            // the channel that they ask for; empty: that of the legal entity
	// Channel gives the channel of a legal entity, as headquarters writes it; of none ("") any channel. False: there is none.
	Channel func(legalEntity string) (string, bool)
}

// Translator makes events of business events. Safe for concurrent use.
type Translator struct{ o Options }

// New makes a translator.
func New(o Options) *Translator {
	statuses := Defaults()
	for id, status := range o.Statuses {
		statuses[id] = status
	}
	o.Statuses = statuses
	if len(o.SalesID) == 0 {
		o.SalesID = SalesIDMembers()
	}
	return &Translator{o}
}

// frame is what every business event has, whatever it says.
type frame struct {
	BusinessEventID string `json:"BusinessEventId"`
	LegalEntity     string `json:"BusinessEventLegalEntity"`
	EventID         string `json:"EventId"`
	TimeISO         string `json:"EventTimeIso8601"`
	Time            string `json:"EventTime"`
}

// volatile are the members of the frame that may be others when the same business event is sent again.
var volatile = []string{"ControlNumber", "EventTime", "EventTimeIso8601", "InitiatingUserAADObjectId", "ContextRecordSubject",
	"ParentContextRecordSubjects", "MajorVersion", "MinorVersion"}

// reported is the data of the event: signalbox.order.reported.v1.
type reported struct {
	SalesID       string `json:"salesId,omitempty"`
	Status        string `json:"status"`
	Invoice       string `json:"invoice,omitempty"`
	BusinessEvent string `json:"businessEvent"`
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,127}$`)

// Translate makes the event: ev holds the business event as its Data. Errors are Poison faults; the event then holds what is known of it.
func (t *Translator) Translate(ev orchestration.Event) (orchestration.Event, error) {
	received := ev.Data
	ev.Source, ev.Type, ev.Data = t.o.Source, t.o.Type, nil
	var members map[string]json.RawMessage
	var f frame
	if json.Unmarshal(received, &members) != nil || members == nil || json.Unmarshal(received, &f) != nil {
		return ev, poison(fault.Malformed, "", "The message is no business event: it is no JSON object, or its frame has members that are no texts.")
	}
	ev.ID = strings.ToLower(strings.Trim(f.EventID, "{}"))
	switch {
	case f.BusinessEventID == "":
		return ev, poison(fault.Malformed, "/BusinessEventId", "The message is no business event: it does not say which.")
	case ev.ID == "":
		return ev, poison(fault.Malformed, "/EventId", "The business event has no id.")
	}
	if typ, asks := t.o.Exports[f.BusinessEventID]; asks {
		return t.export(ev, typ, f, members)
	}
	status, known := t.o.Statuses[f.BusinessEventID]
	if !known {
		if ev.Type = ""; plain.MatchString(f.BusinessEventID) {
			ev.Type = f.BusinessEventID
		}
		return ev, poison(fault.UnknownType, "/BusinessEventId", "The source's statuses and exports do not say what this business event stands for; "+
			"add it there, as "+Ignored+" if it means nothing, or do not send it here.")
	}
	ev.AsReceived = identifying(members)
	data := reported{Status: status, BusinessEvent: f.BusinessEventID}
	at, dated := f.at()
	channel, served := t.o.Channel(f.LegalEntity)
	switch {
	case status == Ignored:
		if !dated {
			at = ev.Origin.Enqueued
		}
		if !served {
			channel, _ = t.o.Channel("")
		}
	case !served:
		return ev, poison(fault.UnknownChannel, "/BusinessEventLegalEntity", "No row of the channel table has this legal entity; add one, or activate the business event for those that have.")
	case !dated:
		return ev, poison(fault.Malformed, "/EventTimeIso8601", "The business event does not say when it was.")
	default:
		if data.SalesID = t.salesID(members); data.SalesID == "" {
			return ev, poison(fault.SchemaInvalid, "/"+t.o.SalesID[0], "The business event names no sales order in any of "+strings.Join(t.o.SalesID, ", ")+
				"; have the source's sales_id name the member that does.")
		}
		data.Invoice = text(members["InvoiceId"])
	}
	made, err := json.Marshal(data)
	if err != nil {
		return ev, fault.Wrap(fault.Poison, "encode a business event", err)
	}
	ev.Data = made
	return ev, envelope.Assemble(&ev, map[string]string{"specversion": "1.0", "id": ev.ID, "source": ev.Source, "type": ev.Type,
		"time": at.UTC().Format(time.RFC3339Nano), "signalboxchannel": channel})
}

// export makes the event that asks for what changed. What the business event says of it is not needed: the export finds that out.
func (t *Translator) export(ev orchestration.Event, typ string, f frame, members map[string]json.RawMessage) (orchestration.Event, error) {
	ev.Type, ev.AsReceived = typ, identifying(members)
	channel, served := t.o.ExportOf, t.o.ExportOf != ""
	if !served {
		channel, served = t.o.Channel(f.LegalEntity)
	}
	if !served {
		return ev, poison(fault.UnknownChannel, "/BusinessEventLegalEntity", "No row of the channel table has this legal entity; add one, or activate the business event for those that have.")
	}
	at, dated := f.at()
	if !dated {
		at = ev.Origin.Enqueued
	}
	ev.Data = json.RawMessage(`{}`)
	return ev, envelope.Assemble(&ev, map[string]string{"specversion": "1.0", "id": ev.ID, "source": ev.Source, "type": ev.Type,
		"time": at.UTC().Format(time.RFC3339Nano), "signalboxchannel": channel})
}

// salesID is the first of the members that holds a number.
func (t *Translator) salesID(members map[string]json.RawMessage) string {
	for _, name := range t.o.SalesID {
		if id := text(members[name]); id != "" {
			return id
		}
	}
	return ""
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// identifying is the business event without what may be another when it is sent again.
func identifying(members map[string]json.RawMessage) json.RawMessage {
	for _, name := range volatile {
		delete(members, name)
	}
	b, _ := json.Marshal(members) // they were JSON before
	return b
}

// at is when the business event was; false if it does not say. Headquarters writes the year 1900 for no time at all.
func (f frame) at() (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, f.TimeISO)
	if err != nil {
		digits, isDate := strings.CutPrefix(f.Time, "/Date(")
		ms, number := strconv.ParseInt(strings.TrimSuffix(digits, ")/"), 10, 64)
		if !isDate || number != nil {
			return time.Time{}, false
		}
		at = time.UnixMilli(ms)
	}
	return at, at.Year() > 1900 && at.Year() < 10000
}

func poison(reason fault.Reason, pointer, detail string) error {
	return &fault.Error{Kind: fault.Poison, Reason: reason, Operation: "read a business event", Pointer: pointer, Detail: detail, Class: "invalid"}
}
