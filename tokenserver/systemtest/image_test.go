package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxBinary = 32 << 20 // with OpenTelemetry and its exporters

func TestBinaryRunsInAnEmptyFileSystem(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(binary)
	require.NoError(t, err)
	t.Logf("binary: %.1f MB", float64(info.Size())/(1<<20))
	assert.LessOrEqual(t, info.Size(), int64(maxBinary))
	if os.Getuid() != 0 {
		t.Skip("chroot needs root")
	}
	root := t.TempDir()
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "acs-token-server"), content, 0o700))
	command := exec.Command("/acs-token-server", "dev")
	command.Dir = "/"
	command.Env = []string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	log := new(locked.Buffer)
	command.Stdout, command.Stderr = log, log
	require.NoError(t, command.Start())
	assert.Eventually(t, func() bool { return adminAddress.MatchString(log.String()) }, 20*time.Second, 10*time.Millisecond, "%s", log)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, command.Wait())
}
