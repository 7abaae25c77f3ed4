package sqlite

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNetworkDisksAreRejected(t *testing.T) {
	t.Parallel()
	for name, diskType := range map[string]uint32{"NFS": 0x6969, "SMB": 0x517b, "CIFS": 0xff534d42, "SMB2": 0xfe534d42} {
		assert.ErrorContains(t, checkDiskType(diskType), "network disk", name)
	}
	for name, diskType := range map[string]uint32{"ext4": 0xef53, "xfs": 0x58465342, "tmpfs": 0x01021994, "overlay": 0x794c7630} {
		assert.NoError(t, checkDiskType(diskType), name)
	}
}
