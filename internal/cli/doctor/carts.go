package doctor

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// carts makes an empty cart under an id of ours and looks whether it has it. The id is always the same of an operating unit, so that there
// is one such cart at most; nobody checks it out, and the CSU forgets it.
func carts(ctx context.Context, csu *csuclient.Channel, row orchestration.Channel) Finding {
	const upload = "set order_mode of the channel to upload"
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:signalbox:doctor:"+row.OUN)).String()
	made, err := csu.CreateCart(ctx, csuclient.NewCart{ID: id, Checkout: true})
	switch f := fault.As(err); {
	case err != nil && f.Kind != fault.Conflict: // which says that it is there from the time before
		return fail(checkCSUCarts, row.Name, "a cart cannot be made: "+said(f), "see that the application has user type Application in headquarters, or "+upload)
	case err == nil && made.ID != id:
		return fail(checkCSUCarts, row.Name, "the CSU makes ids of carts of its own", upload+": without ids of ours an order could be placed twice")
	}
	if k, err := csu.ReadCart(ctx, id); err != nil || k.ID != id {
		return fail(checkCSUCarts, row.Name, "a cart that was made under our id is not found under it", upload+": without ids of ours an order could be placed twice")
	}
	_, err = csu.FindOrderByTransaction(ctx, id)
	switch {
	case csuclient.Refused(err):
		return warn(checkCSUCarts, row.Name, "ids of carts that we make are kept; orders cannot be looked for by them, since our role may not",
			"have the role granted GetSalesOrderDetailsByTransactionId if that can be; else a checkout without an answer, of a guest, may need a person")
	case err != nil && !errors.Is(err, csuclient.ErrNotFound):
		return unknown(checkCSUCarts, row.Name, "ids of carts that we make are kept; looking for an order by one fails: "+said(fault.As(err)), "try again")
	}
	return ok(checkCSUCarts, row.Name, "ids of carts that we make are kept, and orders can be looked for by them")
}
