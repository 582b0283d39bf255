package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/outline"
)

func TestScenariosAreListedWithAndWithoutAConfiguration(t *testing.T) {
	t.Parallel()
	d := cli(t, nil, nil, "scenarios")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^customers +signalbox.customer.changed.v1 +state +1 +create-account +looks, acts +lagging`, d.out)
	require.NotContains(t, d.out, "CHANNEL")

	env := settings("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;", "http://127.0.0.1:1", "redis://127.0.0.1:1")
	list := decode[outline.List](t, cli(t, env, nil, "scenarios", "-o", "json").out)
	require.Equal(t, "main", list.Channels[0].Name)
	env = append(env, "SIGNALBOX_SCENARIOS_STEPS_OFF=customers/update-account",
		`SIGNALBOX_SCENARIOS_STEPS=[{"scenario":"orders","name":"tell-warehouse","type":"emit","after":"place-order","event":"contoso.order.accepted.v1","data":"{id}"}]`)
	d = cli(t, env, nil, "scenarios")
	require.Regexp(t, `(?m)update-account +off `, d.out)
	require.Regexp(t, `(?m)place-order +looks, acts .*\n +tell-warehouse +emit `, d.out)
	require.Regexp(t, `(?m)^sinks +contoso.order.accepted.v1 `, d.out)
	require.Equal(t, exit.Configuration, cli(t, []string{"SIGNALBOX_CSU_URL=tulip"}, nil, "scenarios").code, "a configuration that is not valid is not passed over")
}
