package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStateThatCannotBeSyncedIsNotSaved writes to a pipe, which takes all data and cannot be synced.
func TestStateThatCannotBeSyncedIsNotSaved(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	f.markChanged()
	pipe := filepath.Join(path, stateFile+".new")
	require.NoError(t, syscall.Mkfifo(pipe, uint32(private)))
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // does not wait for a writer
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	require.ErrorContains(t, f.saveChanges(handler), "-data: state.json: ")
	assert.NoFileExists(t, filepath.Join(path, stateFile))
	assert.NoFileExists(t, pipe, "the rest of a failed save")
}
