package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// Types of file systems as statfs reports them: on a network disk SQLite's locks are not reliable.
const (
	nfs  = 0x6969
	smb  = 0x517b
	cifs = 0xff534d42
	smb2 = 0xfe534d42
)

// checkDisk rejects a SQLite file on a network disk.
func checkDisk(path string) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		return fmt.Errorf("the folder of the SQLite file: %w", err)
	}
	return checkDiskType(uint32(disk.Type)) //nolint:gosec // the types have 32 bits
}

func checkDiskType(diskType uint32) error {
	switch diskType {
	case nfs, smb, cifs, smb2:
		return errors.New("the SQLite file is on a network disk (NFS or SMB), where it can be damaged; use a local disk or PostgreSQL")
	}
	return nil
}
