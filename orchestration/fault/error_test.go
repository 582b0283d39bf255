package fault_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestABriefHoldsCodesAndNothingElse(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]fault.Error{
		"": {Kind: fault.Transient, Detail: "a sentence", Pointer: "/email", Err: errors.New("and a cause")},
		"Customers.Create 400 InvalidStateProvince": {Operation: "Customers.Create", Status: 400, Code: "InvalidStateProvince", Class: "invalid", RequestID: "r"},
		"Customers.Read timeout":                    {Operation: "Customers.Read", Class: "timeout"},
		"ab 1":                                      {Operation: "a|\nb☃", Status: 1},
		strings.Repeat("x", 80):                     {Operation: strings.Repeat("x", 100)},
	} {
		require.Equal(t, want, f.Brief())
	}
}

func TestAStatusSpeaksOfWhatWasAskedOrOfWhoShouldHaveAnswered(t *testing.T) {
	for status, want := range map[int]bool{0: false, 200: false, 401: false, 429: false, 500: true, 501: true, 502: false, 503: false, 504: false, 505: true} {
		require.Equal(t, want, fault.FailedAt(status), status)
	}
}
