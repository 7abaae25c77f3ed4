package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newFolder(t *testing.T) (f *folder, path string) {
	t.Helper()
	path = t.TempDir()
	f, err := openFolder(path)
	require.NoError(t, err)
	t.Cleanup(f.close)
	return f, path
}

func TestFailedSaveIsRepeated(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	f.markChanged()
	obstacle := filepath.Join(path, stateFile+".new", "full")
	require.NoError(t, os.MkdirAll(obstacle, 0o700))
	require.ErrorContains(t, f.saveChanges(handler), "-data: state.json: ")
	require.NoError(t, os.RemoveAll(filepath.Dir(obstacle)))
	require.NoError(t, f.saveChanges(handler))
	assert.FileExists(t, filepath.Join(path, stateFile))
}

func TestFailedSavesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	obstacle := filepath.Join(path, stateFile+".new", "full")
	for range 2 {
		log.Reset()
		f.markChanged()
		require.NoError(t, os.MkdirAll(obstacle, 0o700))
		for range 3 {
			f.saveAndLog(handler, logger)
			require.ErrorContains(t, f.checkHealth(), path)
		}
		require.NoError(t, os.RemoveAll(filepath.Dir(obstacle)))
		for range 3 {
			f.saveAndLog(handler, logger)
			require.NoError(t, f.checkHealth())
			f.markChanged()
		}
		assert.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log.String())
		assert.Equal(t, 1, strings.Count(log.String(), "the state is saved again"), log.String())
		assert.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
	}
}

func TestRestOfAnInterruptedSaveIsOverwritten(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	f.markChanged()
	require.NoError(t, os.WriteFile(filepath.Join(path, stateFile+".new"), make([]byte, 1<<16), private))
	require.NoError(t, f.saveChanges(handler))
	require.NoError(t, f.load(handler))
}

func TestClosedFolderCanBeOpenedAgain(t *testing.T) {
	t.Parallel()
	first, path := newFolder(t)
	_, err := openFolder(path)
	require.ErrorIs(t, err, errLocked)
	first.close()
	second, err := openFolder(path)
	require.NoError(t, err)
	second.close()
}

func TestUnchangedStateIsNotSaved(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	require.NoError(t, f.saveChanges(nil))
	assert.NoFileExists(t, filepath.Join(path, stateFile))
}

// A savedBody is a body during whose read the state is saved.
type savedBody struct{ f *folder }

func (b savedBody) Read([]byte) (int, error) {
	b.f.changed.Store(false)
	return 0, io.EOF
}

func TestChangesAfterASaveAreSavedNext(t *testing.T) {
	t.Parallel()
	p, _ := newTestProgram(t)
	p.folder, _ = newFolder(t)
	p.handler.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter})
	for _, path := range []string{"/identities?api-version=2026-09-23", "/_emulator/state"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, savedBody{p.folder})
		r.Header.Set("Authorization", "Bearer any")
		func() {
			defer func() { _ = recover() }() // the fault closes the connection
			p.markingChanges(p.handler).ServeHTTP(httptest.NewRecorder(), r)
		}()
		assert.True(t, p.folder.changed.Load(), path)
	}
}
