package orders

import (
	"context"
	_ "embed" // the schema
	"errors"
	"time"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ReportedType is what headquarters reports of a sales order (reported.schema.json).
const ReportedType = "signalbox.order.reported.v1"

// StatusName is the scenario that handles it.
const StatusName = "orders-status"

// ignored is a report that means nothing to us.
const ignored = "ignored"

//go:embed reported.schema.json
var reportedSchema []byte

// Reported is what became of a sales order.
type Reported struct {
	SalesID       string `json:"salesId"` // of every order of the legal entity, ours or not; empty only if the report is ignored
	Status        string `json:"status"`
	Invoice       string `json:"invoice"`
	BusinessEvent string `json:"businessEvent"` // as headquarters calls it
}

// followed is what a status learns.
type followed struct {
	Orders []placedOrder `json:"orders,omitempty"`
}

// placedOrder is an order as a source has placed it.
type placedOrder struct {
	Source string `json:"source"`
	ID     string `json:"id"` // empty if it looks personal: then only its hash is kept
}

type (
	statusRun  = orchestration.Run[Reported, followed]
	statusStep = orchestration.Step[Reported, followed]
)

// status tells the order's source. Reports are facts: each is told once, and none waits for another. The last step does nothing: those
// that are nobody's are counted by it.
func (o orders) status() orchestration.Pipeline[Reported, followed] {
	return orchestration.Pipeline[Reported, followed]{
		Name: StatusName, PartOf: "orders", Handles: ReportedType, Version: 1, Order: orchestration.Fact, Schema: reportedSchema,
		EntityOf: reportedOf, Tells: []orchestration.Telling{tellsStatus}, Certify: statusCertification(),
		Steps: []statusStep{
			{Name: "find-order", When: func(r *statusRun) bool { return r.In.Status != ignored }, Look: o.placedAs},
			{Name: "tell-status", When: ours, Look: always, Note: o.tellStatus},
			{Name: "leave-order", When: func(r *statusRun) bool { return r.In.Status != ignored && !ours(r) }, Look: always},
		},
	}
}

// reportedOf is the sales order; what is ignored stands for itself.
func reportedOf(ev orchestration.Event, in Reported) (kind, id string) {
	if in.Status == ignored {
		return kindSalesOrder, "ignored/" + ev.ID
	}
	return kindSalesOrder, in.SalesID
}

// placedAs finds the orders that the sales order is bound to.
func (o orders) placedAs(ctx context.Context, r *statusRun) (bool, error) {
	refs, err := o.Bindings.Sources(ctx, mapping.Target{Kind: kindOrder, Scope: r.Channel.Scope(), ID: r.In.SalesID})
	switch {
	case errors.Is(err, mapping.ErrNotBound):
		return true, o.unknown(ctx, r)
	case err != nil:
		return false, fault.Wrap(fault.Transient, "find the order of a sales order", err)
	}
	r.State.Orders = nil
	for _, ref := range refs {
		r.State.Orders = append(r.State.Orders, placedOrder{ref.Source, ref.ID})
	}
	return true, nil
}

const (
	// statusGrace is how long a report of an unknown sales order is kept in any case: an order that the CSU has just taken may not be
	// among those yet that wait for their sales ids.
	statusGrace = 15 * time.Minute
	// The waits between two looks: half of what it has waited so far.
	statusFirst = 30 * time.Second
	statusMost  = 30 * time.Minute
)

// unknown says that nobody knows the sales order yet; nil when it is not ours. Stores make many that never will be: those must neither
// become dead letters nor wait for days. One of ours is unknown only while its confirmation looks for the sales id, and each
// confirmation looks again and again: so a report is kept while any is open, but not for ever, for in a busy shop there is always one.
func (o orders) unknown(ctx context.Context, r *statusRun) error {
	quiet := o.Quiet != nil && o.Quiet(ctx) // asked each time: it takes two counts
	age, patience := time.Since(r.Event.Origin.Enqueued), o.StatusPatience
	if age >= patience || quiet && age >= statusGrace {
		return nil
	}
	return &fault.Error{Kind: fault.Dependency, Wait: min(max(age/2, statusFirst), statusMost, patience-age+time.Second), Class: "not_found",
		Detail: "no order is bound to this sales order; it may be one of ours whose sales id is looked for still, or one that somebody else has placed"}
}

func ours(r *statusRun) bool { return len(r.State.Orders) > 0 }

func always(context.Context, *statusRun) (bool, error) { return true, nil }

// tellStatus tells the sinks of each order's own source.
func (o orders) tellStatus(r *statusRun) {
	for _, p := range r.State.Orders {
		ref := mapping.Ref{Kind: kindOrder, Scope: r.Channel.Scope(), Source: p.Source, ID: p.ID}
		for _, ch := range o.channelsOf(ref) {
			r.TellOf(ref, ch, StatusType, Status{ID: p.ID, SalesID: r.In.SalesID, Status: r.In.Status, At: r.Event.Time, Invoice: r.In.Invoice,
				BusinessEvent: r.In.BusinessEvent})
		}
	}
}

// channelsOf are those whose sinks are told of an order: its source's; all of the legal entity, each sink once, if the source has none
// there, for then its events have said their channel themselves, and nobody has kept it.
func (o orders) channelsOf(ref mapping.Ref) []orchestration.Channel {
	if ch, ok := o.Channels.For(orchestration.Event{Source: ref.Source}); ok && ch.Scope() == ref.Scope {
		return []orchestration.Channel{ch}
	}
	var all []orchestration.Channel
	seen := map[string]bool{}
	for _, ch := range o.Channels {
		if ch.Scope() != ref.Scope {
			continue
		}
		var sinks []string
		for _, name := range ch.Sinks {
			if !seen[name] {
				sinks = append(sinks, name)
			}
			seen[name] = true
		}
		ch.Sinks = sinks
		all = append(all, ch)
	}
	return all
}
