package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	bindSource = "ACS_IDENTITY_EMULATOR_TEST_BIND_SOURCE"
	bindTarget = "ACS_IDENTITY_EMULATOR_TEST_BIND_TARGET"
)

// TestMountedFilesAreWrittenInPlace runs itself again, where it may mount files like containers do.
func TestMountedFilesAreWrittenInPlace(t *testing.T) {
	t.Parallel()
	certificate, _ := emulatorCertificate(t)
	if target := os.Getenv(bindTarget); target != "" {
		require.NoError(t, syscall.Mount(os.Getenv(bindSource), target, "", syscall.MS_BIND, ""))
		require.NoError(t, writeCertificate(target, certificate), "an empty file")
		require.NoError(t, writeCertificate(target, certificate), "an emulator's certificate")
		assertAlone(t, target)
		return
	}
	source, target := filepath.Join(t.TempDir(), "source.pem"), filepath.Join(t.TempDir(), "target.pem")
	for _, file := range []string{source, target} {
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMountedFilesAreWrittenInPlace$")
	command.Env = append(os.Environ(), bindSource+"="+source, bindTarget+"="+target)
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	output, err := command.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("no permission for a user namespace")
	}
	require.NoError(t, err, "%s", output)
	written, err := os.ReadFile(source)
	require.NoError(t, err)
	assert.Contains(t, string(written), "BEGIN CERTIFICATE")
	beneath, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Empty(t, beneath)
}
