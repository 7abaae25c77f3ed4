package tokenserver_test

import (
	"database/sql"
	"testing"
	"testing/fstest"

	"github.com/acs-go/identity/tokenserver"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSQLiteFileServesOneProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/users ?#%.db" // what a URL would read otherwise
	first, dialect, err := tokenserver.OpenDatabase(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, tokenserver.DialectSQLite, dialect)
	var synchronous int
	require.NoError(t, first.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
	assert.Equal(t, 2, synchronous, "a power failure undoes what responses reported (2 is FULL)")
	_, _, err = tokenserver.OpenDatabase(t.Context(), path)
	require.ErrorContains(t, err, "another process uses the SQLite file")
	require.NoError(t, first.Close())
	again, _, err := tokenserver.OpenDatabase(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, again.Close())
	assert.FileExists(t, path)
}

func TestDatabaseThatCannotBeOpenedIsAnErrorWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{
		"nothing":          "",
		"folder missing":   t.TempDir() + "/missing/users.db",
		"folder":           t.TempDir(),
		"other database":   "mysql://root:hunter2@127.0.0.1/users",
		"malformed URL":    "postgres://tokenserver:hunter2@127.0.0.1:port/users",
		"nothing listens":  "postgres://tokenserver:hunter2@127.0.0.1:1/users?connect_timeout=1",
		"unknown settings": "postgres://tokenserver:hunter2@127.0.0.1:1/users?sslmode=perhaps",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := tokenserver.OpenDatabase(t.Context(), location)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
			t.Log(err)
		})
	}
}

// TestServiceWithMigrationsOfItsOwnGetsTheTables shares the database with another user of the same library.
func TestServiceWithMigrationsOfItsOwnGetsTheTables(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	files := fstest.MapFS{"00001_orders.sql": {Data: []byte("-- +goose Up\nCREATE TABLE orders (id TEXT);\n")}}
	other, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	require.NoError(t, err)
	_, err = other.Up(t.Context())
	require.NoError(t, err)

	for range 2 {
		require.NoError(t, tokenserver.Migrate(t.Context(), db, tokenserver.DialectSQLite))
	}
	for _, table := range []string{"users", "pending", "orders"} {
		_, err := db.ExecContext(t.Context(), "SELECT * FROM "+table)
		assert.NoError(t, err)
	}
}
