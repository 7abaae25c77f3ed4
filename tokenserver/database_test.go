package tokenserver_test

import (
	"testing"

	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSQLiteFileServesOneProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/users ?#%.db" // what a URL would read otherwise
	first, dialect, err := tokenserver.OpenDatabase(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, tokenserver.DialectSQLite, dialect)
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
