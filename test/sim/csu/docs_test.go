package csu

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page names every operation, kind, setting and default that the code knows.
func TestThePageIsComplete(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/reference/csu-simulator.md")
	require.NoError(t, err)
	names := append(Operations(), DefaultOUN, DefaultClientID, DefaultClientSecret)
	for _, kind := range kinds {
		names = append(names, "`"+string(kind)+"`")
	}
	for f := range reflect.TypeFor[settings]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	for _, name := range names {
		require.Contains(t, string(page), name)
	}
}
