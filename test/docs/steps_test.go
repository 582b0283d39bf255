package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
)

// TestTheExampleOfSchedulesIsAConfiguration loads it as it stands.
func TestTheExampleOfSchedulesIsAConfiguration(t *testing.T) {
	t.Parallel()
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, "docs", "how-to", "run-on-a-timer.md"), -1)
	require.Len(t, examples, 1)
	file := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte(examples[0][1]), 0o600))
	cfg, err := config.Load(config.Sources{File: file, Env: []string{"SIGNALBOX_SERVICEBUS_CONNECTION_STRING=Endpoint=sb://n.servicebus.windows.net;SharedAccessKeyName=k;SharedAccessKey=v",
		"SIGNALBOX_REDIS_URL=redis://localhost", "SIGNALBOX_CSU_URL=https://csu.example", "SIGNALBOX_CSU_TOKEN_URL=https://login.example/token", "SIGNALBOX_CSU_CLIENT_ID=c",
		"SIGNALBOX_CSU_CLIENT_SECRET=s", "SIGNALBOX_CSU_RESOURCE=r", "SIGNALBOX_HASH_KEY=0123456789abcdefghijklmnopqrstuv", `SIGNALBOX_CHANNELS=[{"name":"web","oun":"052","legal_entity":"usrt"}]`}})
	require.NoError(t, err)
	all, err := app.Schedules(cfg)
	require.NoError(t, err)
	require.Len(t, all, 2)
}

// TestEveryExampleOfAStepIsAConfiguration loads each as it stands.
func TestEveryExampleOfAStepIsAConfiguration(t *testing.T) {
	t.Parallel()
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, "docs", "how-to", "extend-a-scenario.md"), -1)
	require.Len(t, examples, 5)
	types := map[string]bool{}
	for _, e := range examples {
		file := filepath.Join(t.TempDir(), "c.yaml")
		require.NoError(t, os.WriteFile(file, []byte(e[1]), 0o600))
		env := []string{"SIGNALBOX_SERVICEBUS_CONNECTION_STRING=Endpoint=sb://n.servicebus.windows.net;SharedAccessKeyName=k;SharedAccessKey=v", "SIGNALBOX_REDIS_URL=redis://localhost",
			"SIGNALBOX_CSU_URL=https://csu.example", "SIGNALBOX_CSU_TOKEN_URL=https://login.example/token", "SIGNALBOX_CSU_CLIENT_ID=c", "SIGNALBOX_CSU_CLIENT_SECRET=s",
			"SIGNALBOX_CSU_RESOURCE=r", "SIGNALBOX_HASH_KEY=0123456789abcdefghijklmnopqrstuv", "FRAUD_TOKEN=Bearer x", "WAREHOUSE_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
		if !strings.Contains(e[1], "channels:") {
			env = append(env, `SIGNALBOX_CHANNELS=[{"name":"web","oun":"052","legal_entity":"usrt"}]`)
		}
		cfg, err := config.Load(config.Sources{File: file, Env: env})
		require.NoError(t, err, "%s", e[1])
		all, err := app.Scenarios(cfg)
		require.NoError(t, err)
		off := 0
		for _, s := range all {
			for _, step := range s.Outline().Steps {
				types[step.Added] = true
				if step.Off {
					off++
				}
			}
		}
		require.Len(t, cfg.Scenarios.StepsOff, off)
	}
	for _, typ := range []string{"guard", "fieldmap", "http-call", "emit"} {
		require.True(t, types[typ], typ)
	}
}
