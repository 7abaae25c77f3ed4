package sqlite_test

import (
	"database/sql"
	"database/sql/driver"
	"os"
	"testing"

	"github.com/acs-go/identity/tokenserver/migrations"
	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestFileServesOneProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/users ?#%.db" // what a URL would read otherwise
	first := open(t, path)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "locking_mode": "exclusive"} {
		var got string
		require.NoError(t, first.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		assert.Equal(t, want, got, pragma)
	}
	_, err := sqlite.Open(t.Context(), path, nil)
	require.ErrorContains(t, err, "another process uses the SQLite file")
	require.NoError(t, first.Close())
	require.NoError(t, open(t, path).Close())
	assert.FileExists(t, path)
}

func TestFileThatCannotBeOpenedIsAnError(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"nothing": "", "folder missing": t.TempDir() + "/missing/users.db", "folder": t.TempDir(),
	} {
		_, err := sqlite.Open(t.Context(), path, nil)
		assert.Error(t, err, name)
	}
}

func TestFileOfANewerVersionIsRejected(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/users.db"
	db := open(t, path)
	_, err := db.ExecContext(t.Context(), "INSERT INTO tokenserver_migrations (version_id, is_applied) VALUES (9, true)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = sqlite.Open(t.Context(), path, nil)
	require.ErrorIs(t, err, migrations.ErrNewerSchema)
}

func TestBackupIsADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	db := open(t, folder+"/users.db")
	add := func(subject string) {
		_, err := db.ExecContext(t.Context(), `INSERT INTO tokenserver_users (resource, issuer, subject, created_at)
			VALUES ('r', 'i', $1, 0)`, subject)
		require.NoError(t, err)
	}
	add("alice")
	path := folder + "/it's a copy.db"
	require.NoError(t, sqlite.Backup(t.Context(), db, path))
	add("bob")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm(), "others can read the copy")

	var users int
	require.NoError(t, open(t, path).QueryRowContext(t.Context(), "SELECT count(*) FROM tokenserver_users").Scan(&users))
	assert.Equal(t, 1, users)
}

func TestBackupOverwritesNoFileAndAFailedOneLeavesNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	db := open(t, folder+"/users.db")
	require.NoError(t, os.WriteFile(folder+"/other", []byte("precious"), 0o600))
	require.ErrorContains(t, sqlite.Backup(t.Context(), db, folder+"/other"), "file exists")
	content, err := os.ReadFile(folder + "/other")
	require.NoError(t, err)
	assert.Equal(t, "precious", string(content))

	require.NoError(t, db.Close())
	require.Error(t, sqlite.Backup(t.Context(), db, folder+"/copy"))
	assert.NoFileExists(t, folder+"/copy", "a failed backup looks like one")
}

func TestStatementsCanBeTraced(t *testing.T) {
	t.Parallel()
	called := false
	db, err := sqlite.Open(t.Context(), sqlite.InMemory, &sqlite.Options{OpenDB: func(c driver.Connector) *sql.DB {
		called = true
		return sql.OpenDB(c)
	}})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	assert.True(t, called)
}
