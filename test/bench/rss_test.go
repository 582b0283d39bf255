package bench

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rss is how much memory of a process is resident, bytes.
func rss(b *testing.B, pid int) (kb int64) {
	b.Helper()
	out, err := exec.Command("ps", "-o", "rss=", "-p", fmt.Sprint(pid)).Output()
	require.NoError(b, err)
	_, err = fmt.Sscan(strings.TrimSpace(string(out)), &kb)
	require.NoError(b, err)
	return kb << 10
}
