//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package jsonlines

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file for this process; false while another has it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return false, nil
	case errors.Is(err, errors.ErrUnsupported): // some network file systems know no locks
		return true, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
