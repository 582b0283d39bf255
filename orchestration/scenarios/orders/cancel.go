package orders

import (
	"context"
	_ "embed" // the schema
	"encoding/json"
	"fmt"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// CancelType is a source's wish that a whole order be cancelled (cancel.schema.json).
const CancelType = "signalbox.order.cancellation.requested.v1"

//go:embed cancel.schema.json
var cancelSchema []byte

// Cancel asks for the cancellation of an order.
type Cancel struct {
	ID     string            `json:"id"`     // the source's own number
	Reason pii.Text          `json:"reason"` // goes nowhere: the CSU takes none
	Lines  []json.RawMessage `json:"lines"`  // refused: the CSU cancels whole orders
}

func (c Cancel) entity() (kind, id string) { return kindOrder, c.ID }

func (c Cancel) needs() []mapping.Ref { return []mapping.Ref{{Kind: kindOrder, ID: c.ID}} }

// cancelling is what a cancellation learns.
type cancelling struct {
	SalesID string `json:"salesId,omitempty"`
	Status  int    `json:"status,omitempty"` // as the channel's database had it
}

type cancelRun = orchestration.Run[Cancel, cancelling]

// cancellation asks headquarters to cancel an order. It does so later, so a look may not show that it was asked. But the target knows a
// repeat: one is answered by CodeCancelAsked, which counts as done, and were it taken all the same, an order that is cancelled twice is as
// cancelled as before. So the step is Repeatable: after a lost answer it asks once more.
func (o orders) cancellation() orchestration.Pipeline[Cancel, cancelling] {
	return orchestration.Pipeline[Cancel, cancelling]{
		Name: "cancellations", Handles: CancelType, Version: 1, Order: orchestration.Fact, Schema: cancelSchema,
		Entity: Cancel.entity, Needs: Cancel.needs, Tells: []orchestration.Telling{tellsCancellation, tellsRefused}, Refused: RefusedType, Certify: certifyCancel(),
		Steps: []orchestration.Step[Cancel, cancelling]{{Name: "request-cancellation", Look: o.canceled, Sure: orchestration.Repeatable, Act: o.cancel, Plannable: true, Note: asked}},
	}
}

// canceled looks whether the order is cancelled, and whether it still may be.
func (o orders) canceled(ctx context.Context, r *cancelRun) (bool, error) {
	if len(r.In.Lines) > 0 {
		return false, wrong("/lines", "names lines, and the CSU cancels whole orders only; change the lines in headquarters, or cancel the order and place another")
	}
	is, err := Landed(ctx, Lookup{o.refused}, o.csu(r.Channel), r, r.In.ID, "")
	if err != nil {
		return false, err
	}
	r.State.SalesID, r.State.Status = is.SalesID, is.Status
	return over(is.Status)
}

// over says whether an order is cancelled, and fails when it cannot be any more. What the channel's database does not know yet,
// headquarters says when it is asked.
func over(status int) (canceled bool, err error) {
	switch status {
	case csuclient.OrderCanceled:
		return true, nil
	case csuclient.OrderDelivered, csuclient.OrderInvoiced, csuclient.OrderLost:
		return false, tooLate(status)
	}
	return false, nil
}

func (o orders) cancel(ctx context.Context, r *cancelRun) error {
	err := o.csu(r.Channel).CancelOrder(ctx, r.State.SalesID)
	f := fault.As(err)
	if f == nil {
		return nil
	}
	switch f.Code {
	case csuclient.CodeCancelAsked:
		return nil
	case csuclient.CodeCancelNotValid, csuclient.CodeCancelTarget:
		return tooLate(r.State.Status)
	}
	return err
}

// tooLate refuses a cancellation of what goes its way already.
func tooLate(status int) error {
	return fault.New(fault.Permanent, fault.BusinessRule, fmt.Sprintf("headquarters does not cancel the order any more: it is %s there; "+
		"what may be stopped is stopped by an employee in headquarters, and what was delivered comes back by signalbox.return.requested.v1", statusOf(status)))
}

// statuses in words.
var statuses = map[int]string{csuclient.OrderCreated: "created", csuclient.OrderProcessing: "in process", csuclient.OrderDelivered: "delivered", csuclient.OrderInvoiced: "invoiced",
	csuclient.OrderConfirmed: "confirmed, and perhaps picked or packed", csuclient.OrderSent: "sent", csuclient.OrderCanceled: "cancelled", csuclient.OrderLost: "lost"}

func statusOf(status int) string {
	if said, ok := statuses[status]; ok {
		return said
	}
	return "too far on its way"
}

func asked(r *cancelRun) {
	r.Tell(CancellationType, Cancellation{ID: r.In.ID, SalesID: r.State.SalesID})
}
