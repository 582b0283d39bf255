package customers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
)

const shop = "https://shop.example.com"

func checker(t *testing.T) *orchestration.Checker {
	t.Helper()
	c, err := orchestration.NewChecker(Scenarios(Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
	return c
}

// sent is an event as it would be received.
func sent(typ, data string) orchestration.Event {
	return orchestration.Event{Source: shop, ID: "e1", Type: typ, Time: time.Now(), Data: json.RawMessage(data)}
}
