package smallfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileIsReadUpToItsMost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "map.yaml")
	require.NoError(t, os.WriteFile(path, []byte("12345"), 0o600))
	text, err := Read(path, 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(text))
	_, err = Read(path, 4)
	require.EqualError(t, err, path+" is no file of at most 4 bytes")
}

func TestWhatIsNoFileIsSaidWithItsPathOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Read(dir, 4)
	require.EqualError(t, err, dir+" is a folder, no file")
	_, err = Read(dir+"/absent", 4)
	require.EqualError(t, err, dir+"/absent cannot be read: no such file or directory")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Read("/dev/zero", 4)
	require.EqualError(t, err, "/dev/zero is no file of at most 4 bytes", "it never ends")
}
