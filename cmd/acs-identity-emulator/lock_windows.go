package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

const (
	lockFile = "lock"

	sharingViolation syscall.Errno = 32 // ERROR_SHARING_VIOLATION
)

// A folderLock is a file that no other process can open or remove until it is closed or the process ends.
type folderLock struct {
	*os.File
}

func lockFolder(root *os.Root) (folderLock, error) {
	path := filepath.Join(root.Name(), lockFile)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return folderLock{}, err
	}
	const noSharing = 0
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, noSharing, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL|syscall.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if errors.Is(err, sharingViolation) {
		return folderLock{}, errLocked
	}
	if err != nil {
		return folderLock{}, err
	}
	return folderLock{os.NewFile(uintptr(handle), path)}, nil
}

// sync does nothing: Windows cannot sync a folder.
func (folderLock) sync() error { return nil }
