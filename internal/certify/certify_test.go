package certify_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/internal/certify"
)

// defect says to a child that it has one.
const defect = "CERTIFY_TEST_DEFECT"

// TestMain is a process of the fleet in a child that a certification kills.
func TestMain(m *testing.M) {
	if boundary.IsChild() {
		parts := app.Parts{}
		if os.Getenv(defect) != "" {
			parts.Scenarios = sendsTwice
		}
		if err := boundary.Main(parts); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// A process that is stopped while it opens its first link may leave calls of the SDK behind that never end.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Azure/go-amqp.(*Sender).send"),
		goleak.IgnoreAnyFunction("github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/internal.(*Namespace).startNegotiateClaimRenewer.func1"), // the first claim of a link
		goleak.IgnoreAnyFunction("github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/internal.(*Namespace).startNegotiateClaimRenewer.func3"), // and its renewal
		goleak.IgnoreAnyFunction("github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus.(*Client).Close"))
}

// Every boundary, with a real kill at each, is for make chaos.
func TestEveryScenarioHoldsWhereverItsProcessIsStopped(t *testing.T) {
	r, err := certify.Run(t.Context(), certify.Options{Each: 10, ChildArgs: []string{"-test.run=^$"}})
	require.NoError(t, err)
	for _, s := range r.Stories {
		for _, k := range s.Cases {
			if k.Outcome != certify.Held {
				t.Logf("%s / %s: %+v", s.Scenario, s.Name, k)
			}
		}
	}
	t.Logf("%.1f s: %+v", r.TookSeconds, r.Scenarios)
	require.NoError(t, r.Verdict())
}
