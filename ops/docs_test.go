package ops

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheConfigurationOfTheHowToIsOne hands the Prometheus configuration of the page to promtool, where the page says it is run.
func TestTheConfigurationOfTheHowToIsOne(t *testing.T) {
	page, err := os.ReadFile("../docs/how-to/watch-it.md")
	require.NoError(t, err)
	config := regexp.MustCompile(`(?s)cat >prometheus.yaml <<'END'\n(.*?)END\n`).FindSubmatch(page)
	require.NotNil(t, config)
	here, err := os.Getwd()
	require.NoError(t, err)
	root := t.TempDir() // stands for the folder in which the page's commands are run
	require.NoError(t, os.Symlink(here, filepath.Join(root, "ops")))
	file := filepath.Join(root, "prometheus.yaml")
	require.NoError(t, os.WriteFile(file, config[1], 0o600))
	out, err := exec.Command("promtool", "check", "config", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "2 rule files found")
}
