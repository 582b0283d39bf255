package envfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/envfile"
)

func TestTheEnvironmentOfLocalReplacesThatOfAnotherDeployment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(path, []byte("# local\n\nSIGNALBOX_REDIS_URL=redis://127.0.0.1:1/0?a=b\n"), 0o600))
	local, err := envfile.Read(path)
	require.NoError(t, err)
	require.Equal(t, []string{"SIGNALBOX_REDIS_URL=redis://127.0.0.1:1/0?a=b"}, local)

	env := envfile.Over([]string{"PATH=/bin", "SIGNALBOX_REDIS_URL=rediss://prod.example.com", "SIGNALBOX_CONFIG=/etc/prod.yaml"}, local)
	require.Equal(t, []string{"PATH=/bin", "SIGNALBOX_REDIS_URL=redis://127.0.0.1:1/0?a=b"}, env)
}

func TestAFileThatIsNotThereOrIsNoEnvironmentIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := envfile.Read(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, envfile.ErrNone)
	_, err = envfile.Read(dir)
	require.Error(t, err)

	for name, text := range map[string]string{"words": "hello\n", "no name": "=x\n", "long": "A=" + strings.Repeat("x", 1<<17)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = envfile.Read(path)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "hello", "the file holds secrets")
	}
}
