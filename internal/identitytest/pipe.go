//go:build unix

package identitytest

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// FullPipe returns the ends of a pipe that has no room.
func FullPipe(tb testing.TB) (reader, writer *os.File) {
	tb.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_ = reader.Close()
		_ = writer.Close()
	})
	fd := int(writer.Fd())
	require.NoError(tb, syscall.SetNonblock(fd, true))
	for err == nil {
		_, err = syscall.Write(fd, []byte("x"))
	}
	require.ErrorIs(tb, err, syscall.EAGAIN)
	require.NoError(tb, syscall.SetNonblock(fd, false))
	return reader, writer
}
