package orders

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestAnOrderThatHasGoneTooFarIsNotCancelled(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		csuclient.OrderCreated: "", csuclient.OrderProcessing: "", csuclient.OrderConfirmed: "", csuclient.OrderCanceled: "found",
		csuclient.OrderDelivered: "it is delivered there", csuclient.OrderInvoiced: "it is invoiced there", csuclient.OrderLost: "it is lost there",
	} {
		found, err := over(status)
		switch want {
		case "", "found":
			require.NoError(t, err)
			require.Equal(t, want == "found", found, status)
		default:
			require.Equal(t, fault.BusinessRule, fault.As(err).Reason)
			require.Contains(t, fault.As(err).Detail, want)
		}
	}
}

func TestACancellationThatWasAskedForIsDoneAndOneThatIsRefusedSaysTheStatus(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	o := orders{Parts{Orders: func(orchestration.Channel) Orders { return s }}, &refusal{}}
	r := &cancelRun{State: cancelling{SalesID: "SO-1", Status: csuclient.OrderConfirmed}}
	require.NoError(t, o.cancel(t.Context(), r))
	s.refuses = &fault.Error{Kind: fault.Conflict, Code: csuclient.CodeCancelAsked}
	require.NoError(t, o.cancel(t.Context(), r))
	for _, code := range []string{csuclient.CodeCancelNotValid, csuclient.CodeCancelTarget} {
		s.refuses = &fault.Error{Kind: fault.Permanent, Reason: fault.CsuRejected, Code: code}
		err := o.cancel(t.Context(), r)
		require.Equal(t, fault.BusinessRule, fault.As(err).Reason)
		require.Contains(t, fault.As(err).Detail, "confirmed")
	}
	s.refuses = &fault.Error{Kind: fault.Ambiguous, Class: "timeout"}
	require.Equal(t, fault.Ambiguous, fault.KindOf(o.cancel(t.Context(), r)), "whatever else fails is what it was")
	require.Equal(t, []string{"SO-1", "SO-1", "SO-1", "SO-1", "SO-1"}, s.canceled)
}
