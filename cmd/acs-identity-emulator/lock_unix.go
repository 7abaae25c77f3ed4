//go:build !windows

package main

import (
	"errors"
	"os"
	"syscall"
)

// A folderLock is the locked folder itself, because a file in it could be removed. It is locked until it is closed or
// the process ends.
type folderLock struct {
	*os.File
}

func lockFolder(root *os.Root) (folderLock, error) {
	folder, err := root.Open(".")
	if err != nil {
		return folderLock{}, err
	}
	err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	if err != nil {
		_ = folder.Close()
		return folderLock{}, err
	}
	return folderLock{folder}, nil
}

// sync makes renames in the folder survive a crash of the machine, on file systems that can do that.
func (l folderLock) sync() error {
	err := l.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
