package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallDisk returns a folder on a file system of its own, or skips the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("mounting a small file system:", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	return path
}

// fillDisk fills the file system with a file.
func fillDisk(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	require.NoError(t, err)
	_, err = io.Copy(file, strings.NewReader(strings.Repeat("x", 1<<20)))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, file.Close())
}

func TestFullDiskIsReported(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.folder = smallDisk(t)
	k.args = append(k.args, "-data", k.folder)
	p := k.start(t)
	endpoint, _ := p.values(t)
	health := func() string { return k.call(t, p, http.MethodGet, "health", "") }
	eventually := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return health() == want }, time.Minute, 10*time.Millisecond, want)
	}
	assert.Equal(t, `{"status":"ok"}`, health())

	for range 2 {
		filler := filepath.Join(k.folder, "filler")
		fillDisk(t, filler)
		for range 3 { // each time, saving fails
			createUser(t, p.connectionString, k.options)
			eventually(`{"error":{"code":"Unhealthy","message":"the state cannot be saved in the folder ` + k.folder + `: state.json: no space left on device"}}`)
		}
		command := newCommand(t, "healthcheck", endpoint)
		output, err := command.CombinedOutput()
		require.Error(t, err)
		want := "acs-identity-emulator: healthcheck: status 503: the state cannot be saved in the folder " + k.folder + ": state.json: no space left on device\n"
		assert.Equal(t, want, string(output))

		require.NoError(t, os.Remove(filler))
		eventually(`{"status":"ok"}`)
	}
	users := k.call(t, p, http.MethodGet, "users", "")
	require.NoError(t, p.end(t, syscall.SIGTERM))
	log := p.stderr.String()
	assert.Equal(t, 2, strings.Count(log, `level=ERROR msg="-data: state.json: no space left on device; further failures are not logged" folder=`+k.folder), log)
	assert.Equal(t, 2, strings.Count(log, `level=INFO msg="the state is saved again" folder=`+k.folder), log)
	assert.JSONEq(t, users, k.call(t, k.start(t), http.MethodGet, "users", ""))
}

func TestStateThatCannotBeSyncedIsNotSaved(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	closed := func(w io.Writer) error { return w.(*os.File).Close() }
	require.ErrorContains(t, f.write(stateFile, private, closed), "state.json: ")
	assert.NoFileExists(t, filepath.Join(path, stateFile))
	assert.NoFileExists(t, filepath.Join(path, stateFile+".new"), "the rest of a failed save")
}

func TestFolderIsSyncedAfterASave(t *testing.T) {
	t.Parallel()
	f, path := newFolder(t)
	require.NoError(t, f.lock.Close()) // so that a sync fails
	require.ErrorIs(t, f.write(stateFile, private, writing(nil)), os.ErrClosed)
	assert.FileExists(t, filepath.Join(path, stateFile))
}

// A file that is left from before can have any mode, and be any kind of file.
func TestSaveUsesNoFileThatIsLeft(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	for name, leave := range map[string]func(name string) error{
		"readable for all": func(name string) error {
			return errors.Join(os.WriteFile(name, nil, 0o600), os.Chmod(name, 0o666))
		},
		"symbolic link": func(name string) error { return os.Symlink(outside, name) },
		"pipe":          func(name string) error { return syscall.Mkfifo(name, 0o666) },
		"folder":        func(name string) error { return os.Mkdir(name, 0o777) },
	} {
		f, path := newFolder(t)
		handler, err := emulator.NewHandler(nil)
		require.NoError(t, err)
		require.NoError(t, leave(filepath.Join(path, stateFile+".new")), name)
		f.markChanged()
		require.NoError(t, f.saveChanges(handler), name)
		info, err := os.Lstat(filepath.Join(path, stateFile))
		require.NoError(t, err)
		assert.Equal(t, private, info.Mode(), name)
		assert.NoFileExists(t, outside)
	}
}

func TestOtherKindsOfFilesAreRejected(t *testing.T) {
	t.Parallel()
	for _, file := range []string{stateFile, certificateFile, certificateKeyFile} {
		for name, create := range map[string]func(name string) error{
			"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
			"folder": func(name string) error { return os.Mkdir(name, 0o700) },
		} {
			t.Run(file+" "+name, func(t *testing.T) {
				t.Parallel()
				k := newKept(t)
				require.NoError(t, os.MkdirAll(k.folder, 0o700))
				require.NoError(t, create(filepath.Join(k.folder, file)))
				k.fail(t, "acs-identity-emulator: -data: "+file+": not a regular file")
			})
		}
	}
}

func TestLockCannotBeRemoved(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.start(t)
	files, err := filepath.Glob(filepath.Join(k.folder, "*"))
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
	k.fail(t, "-data: another process uses the folder")
}

func TestLockFollowsNoLinkOutOfTheFolder(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	require.NoError(t, os.MkdirAll(k.folder, 0o700))
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Symlink(outside, filepath.Join(k.folder, "lock")))
	k.start(t)
	assert.NoFileExists(t, outside)
}
