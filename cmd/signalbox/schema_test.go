package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheContractNamesTheQueuesThatTakeEventsAndNoneOfRows(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`sources: [{name: hq, source: "urn:contoso:hq", queue: CRM-rows, format: business-events}]`), 0o600))
	for queues, want := range map[string]struct{ address, says string }{
		"crm-rows,orders-in":              {"orders-in", "servicebus.queues"},
		"crm-rows,customers-in,orders-in": {"", "customers-in, orders-in."},
		"crm-rows":                        {"", "servicebus.queues"},
		"crm-rows,events/Subscriptions/a,events/Subscriptions/b": {"events", "servicebus.queues"},
	} {
		got := cli(t, append(settings("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;", "http://127.0.0.1:1", "redis://127.0.0.1:1/0"),
			"SIGNALBOX_SERVICEBUS_QUEUES="+queues), nil, "schema", "--asyncapi", "--config", file)
		require.Zero(t, got.code, got.err)
		var doc struct {
			Channels map[string]struct{ Address, Description string }
		}
		require.NoError(t, json.Unmarshal([]byte(got.out), &doc))
		require.Equal(t, want.address, doc.Channels["events"].Address, queues)
		require.Contains(t, doc.Channels["events"].Description, want.says, queues)
		require.NotContains(t, doc.Channels["events"].Description, "rows", queues)
	}
}
