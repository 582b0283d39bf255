package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
)

var complete = settings("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;", "http://127.0.0.1:1", "redis://127.0.0.1:1")

func TestAConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	require.Equal(t, done{exit.Done, "the configuration is valid\n", ""}, cli(t, complete, nil, "config", "check"))
	require.Equal(t, checked{true, []problem{}}, decode[checked](t, cli(t, complete, nil, "config", "check", "-o", "json").out))

	bad := append(append([]string(nil), complete...), "SIGNALBOX_RUN_LEASE=soon", "SIGNALBOX_TULIP=1")
	d := cli(t, bad, nil, "config", "check")
	require.Equal(t, exit.Configuration, d.code)
	require.Regexp(t, `^KEY +FROM +PROBLEM +DO\n`, d.out)
	require.Regexp(t, `(?m)^run\.lease +SIGNALBOX_RUN_LEASE +`, d.out)
	d = cli(t, bad, nil, "config", "check", "-o", "json")
	require.Equal(t, exit.Configuration, d.code)
	require.Len(t, decode[checked](t, d.out).Problems, 2)
}

func TestAConfigurationIsShownWithItsOrigins(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signalbox.yaml")
	require.NoError(t, os.WriteFile(path, []byte("run: {lease: 20s}\n"), 0o600))
	d := cli(t, complete, nil, "config", "show", "--origin", "--config", path)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^run\.lease +20s +`+path+`$`, d.out)
	require.Regexp(t, `(?m)^redis\.url +\*\*\* +SIGNALBOX_REDIS_URL$`, d.out)
	require.Regexp(t, `(?m)^log\.level +info +default$`, d.out)
	require.Regexp(t, `(?m)^log\.level +info$`, cli(t, complete, nil, "config", "show").out, "origins only when asked for")
	require.NotEmpty(t, decode[[]config.Row](t, cli(t, complete, nil, "config", "show", "-o", "json").out))
	require.Equal(t, exit.Configuration, cli(t, nil, nil, "config", "show").code)
	require.Equal(t, exit.Configuration, cli(t, complete, nil, "config", "show", "--config", "/nowhere.yaml").code)
}
