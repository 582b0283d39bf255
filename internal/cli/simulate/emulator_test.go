package simulate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// emulatorFile has what the emulator's samples have: comments, a trailing comma, a topic with rules, names in any case.
const emulatorFile = `{
  // the only namespace
  "UserConfig": { "namespaces": [ { "Name": "sbemulatorns",
    "Queues": [
      { "Name": "orders", "Properties": { "DeadLetteringOnMessageExpiration": true, "DefaultMessageTimeToLive": "PT1H",
          "DuplicateDetectionHistoryTimeWindow": "PT20S", "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "", "lockDuration": "PT45S",
          "MaxDeliveryCount": 3, "RequiresDuplicateDetection": true, "RequiresSession": false } },
      { "Name": "plain" },
    ],
    /* with everything that a topic has */
    "Topics": [ { "Name": "news", "Properties": { "DefaultMessageTimeToLive": "PT1H", "DuplicateDetectionHistoryTimeWindow": "PT20S", "RequiresDuplicateDetection": true },
      "Subscriptions": [ { "Name": "all", "Properties": { "LockDuration": "PT1M", "MaxDeliveryCount": 5, "RequiresSession": false }, "Rules": [] },
        { "Name": "some", "Rules": [
          { "Name": "by-value", "Properties": { "FilterType": "Correlation", "CorrelationFilter": { "Label": "order", "ContentType": "application/json", "Properties": { "k": "v" } } } },
          { "Name": "never", "Properties": { "FilterType": "Sql", "SqlFilter": { "SqlExpression": "1=0" } } } ] } ] } ]
  } ], "Logging": { "Type": "File" } }
}`

func TestQueuesAndTopicsComeFromTheEmulatorsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(file, []byte(emulatorFile), 0o600))
	queues, topics, err := Emulated(file)
	require.NoError(t, err)
	require.Equal(t, []servicebus.Queue{
		{Name: "orders", LockDuration: 45 * time.Second, MaxDeliveryCount: 3, DefaultTTL: time.Hour, DeadLetterExpired: true, DuplicateDetection: true, DuplicateWindow: 20 * time.Second},
		{Name: "plain"},
	}, queues)
	label, kind := "order", "application/json"
	require.Equal(t, []servicebus.Topic{{Name: "news", DefaultTTL: time.Hour, DuplicateDetection: true, DuplicateWindow: 20 * time.Second, Subscriptions: []servicebus.Subscription{
		{Topic: "news", Name: "all", LockDuration: time.Minute, MaxDeliveryCount: 5},
		{Topic: "news", Name: "some", Rules: []servicebus.Rule{
			{Name: "by-value", Filter: servicebus.CorrelationFilter{Label: &label, ContentType: &kind, Properties: map[string]any{"k": "v"}}},
			{Name: "never", Filter: servicebus.FalseFilter{}},
		}},
	}}}, topics)
	broker, err := servicebus.New(servicebus.Options{Queues: queues, Topics: topics})
	require.NoError(t, err)
	require.NoError(t, broker.Close())
}

func TestEverythingThatAFileAsksForInVainIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := readEmulated([]byte(strings.NewReplacer(`"RequiresSession": false`, `"RequiresSession": true`, `"ForwardTo": ""`, `"ForwardTo": "plain"`,
		"PT45S", "45 s", `"MaxDeliveryCount": 3`, `"MaxDeliveryCount": "three", "AutoDelete": 1`, `"plain"`, `"Orders"`,
		`"1=0"`, `"user.k = 'v'"`, `"FilterType": "Correlation"`, `"Action": { "SqlExpression": "SET k = 1" }, "FilterType": "Correlation"`, `"some"`, `"ALL"`).Replace(emulatorFile)))
	for _, want := range []string{`queue "orders", RequiresSession: is not simulated`, `queue "orders", ForwardTo: is not simulated`,
		`queue "orders", lockDuration: "45 s" is not a duration`, `queue "orders", MaxDeliveryCount: "three" is not a whole number`,
		`queue "orders", AutoDelete: is no property`, `queue "Orders" is there twice`,
		`rule "never" of "news/Subscriptions/ALL": of SQL filters`, `rule "by-value" of "news/Subscriptions/ALL": an Action is not simulated`,
		`subscription "news/Subscriptions/ALL" is there twice`} {
		require.ErrorContains(t, err, want)
	}
	for text, want := range map[string]string{
		`{"UserConfig": `: "it is not JSON", `[]`: "it is not a config.json", `{}`: "has 0 namespaces", `{"UserConfig": {"Namespaces": [{}]}}`: "it names no queue and no topic",
		`{"UserConfig": {"Namespaces": [{"Queues": [{}]}]}}`: "queue 1 has no Name",
	} {
		_, _, err := readEmulated([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
	_, _, err = Emulated("missing.json")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzEmulated(f *testing.F) {
	f.Add([]byte(emulatorFile))
	f.Fuzz(func(t *testing.T, text []byte) {
		queues, topics, err := readEmulated(text)
		if err == nil {
			require.NotZero(t, len(queues)+len(topics))
		}
	})
}
