package systemtest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A disk is a small file system in memory.
type disk struct{ path string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	d := &disk{path: t.TempDir()}
	output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs", d.path).CombinedOutput()
	if err != nil {
		t.Skipf("no file system can be mounted here: %s", output)
	}
	t.Cleanup(func() { assert.NoError(t, exec.Command("umount", "-l", d.path).Run()) })
	return d
}

// fill leaves no byte, and returns a function that frees what it took.
func (d *disk) fill(t *testing.T) (free func()) {
	t.Helper()
	file, err := os.Create(d.path + "/ballast")
	require.NoError(t, err)
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
	require.NoError(t, file.Close())
	return func() { require.NoError(t, os.Remove(d.path+"/ballast")) }
}

func TestFullDiskLeavesNoOrphans(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		d := newDisk(t)
		testFullDisk(t, d, d.path+"/users.db")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		pg, d := newPostgres(t), newDisk(t)
		space := d.path + "/space"
		require.NoError(t, os.Mkdir(space, 0o700))
		if pg.owner != nil {
			require.NoError(t, os.Chown(space, int(pg.owner.Uid), int(pg.owner.Gid)))
			require.NoError(t, os.Chmod(filepath.Dir(d.path), 0o755))
		}
		pg.execute(t, "postgres", "CREATE TABLESPACE small LOCATION '"+space+"'")
		pg.run(t, "createdb", "-D", "small", "full")
		testFullDisk(t, d, urlOf(pg.port, "full"))
	})
}

// testFullDisk asks for the tokens of new users until there is no room for another one.
func testFullDisk(t *testing.T, d *disk, database string) {
	t.Helper()
	a, i, p := startWith(t, database)
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "known"))
	free := d.fill(t)
	stored, failed := map[string]string{}, 0
	for n := 0; failed < 40; n++ {
		got, err := call(http.MethodPost, p.url+"/v1/token", i.jwt(t, subjectOf(n)), "")
		require.NoError(t, err)
		if got.status == http.StatusOK {
			stored[subjectOf(n)] = got.User.ID
			continue
		}
		require.Equal(t, http.StatusServiceUnavailable, got.status, "%s", got.body)
		failed++
	}
	assert.Equal(t, http.StatusServiceUnavailable, p.ready(t))
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "known"))
	t.Logf("full after %d users; %d users failed and left %d identities", len(stored), failed, len(a.Users())-len(stored)-1)

	free()
	require.Eventually(t, func() bool { return p.ready(t) == http.StatusOK }, 10*time.Second, 50*time.Millisecond)
	for n := range len(stored) + failed {
		got := mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, subjectOf(n)))
		if id := stored[subjectOf(n)]; id != "" {
			assert.Equal(t, id, got.User.ID)
		}
	}
	assert.Len(t, a.Users(), len(stored)+failed+1, "identities are orphaned")
}
