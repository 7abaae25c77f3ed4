//go:build !windows

package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// acquireLock locks a file until it is closed or the process ends.
func acquireLock(path string) (io.Closer, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, private) //nolint:gosec // the user names the folder
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
