// Package smallfile reads files that people write.
package smallfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Read reads a file of at most so many bytes, so that a path to something else, such as a device or a log, is not read into memory. Errors name
// the path once.
func Read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, Reason(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, no file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", path, Reason(err))
	case int64(len(text)) > most:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, most)
	}
	return text, nil
}

// Reason is what the system said, without the path around it.
func Reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
