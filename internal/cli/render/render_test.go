package render_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/render"
)

func TestATableStandsInColumnsAndCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, render.Rows(&out, [][]string{{"QUEUE", "ID"}, {"in", "a\x1b[31m\u202eb"}, {"longer", ""}}))
	require.Equal(t, "QUEUE   ID\nin      a.[31m.b\nlonger\n", out.String())
}

func TestJSONIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, render.Value(&out, map[string]string{"a": "<&>"}))
	require.Equal(t, "{\n  \"a\": \"<&>\"\n}\n", out.String())
}

func TestWhatIsMissingIsADash(t *testing.T) {
	t.Parallel()
	require.Equal(t, "-", render.Time(time.Time{}))
	require.Equal(t, "2026-11-23T09:00:00.250Z", render.Time(time.Date(2026, 11, 23, 10, 0, 0, 250e6, time.FixedZone("CET", 3600))))
	require.Equal(t, "-", render.Or(""))
	require.Equal(t, "x", render.Or("x"))
}

func TestOnlyATerminalIsATerminal(t *testing.T) {
	t.Parallel()
	require.False(t, render.Terminal(&bytes.Buffer{}))
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, render.Terminal(f))
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	require.False(t, render.Terminal(null))
}
