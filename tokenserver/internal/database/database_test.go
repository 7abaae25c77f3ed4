package database_test

import (
	"testing"

	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLocationThatIsNeitherAURLNorAPathIsRejected(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{
		"nothing":                    "",
		"PostgreSQL keywords":        "host=db user=app password=hunter2",
		"ADO.NET connection string":  "Server=db;Database=users;User Id=app;Password=hunter2",
		"other database":             "mysql://root:hunter2@db/users",
		"other database, no slashes": "mysql:root/hunter2@db",
		"URL of a file":              "file:hunter2.db",
		"JDBC":                       "jdbc:postgresql://db/users?password=hunter2",
		"upper case":                 "POSTGRES://app:hunter2@db/users",
		"one slash":                  "postgres:/app:hunter2@db/users",
		"spaces":                     " postgres://app:hunter2@db/users",
		"a space":                    " ",
		"a space before a path":      " hunter2.db",
		"a line feed after a path":   "hunter2.db\n",
		"two lines":                  "hunter2\n.db",
		"NUL":                        "hunter2\x00.db",
	} {
		_, err := database.Open(t.Context(), location, nil)
		require.ErrorIs(t, err, database.ErrLocation, name)
		assert.NotContains(t, err.Error(), "hunter2", name)
	}
}

func TestPathIsAFile(t *testing.T) {
	t.Parallel()
	for _, location := range []string{":memory:", "users.db", "/var/lib/users:1.db", `C:\data\users.db`, "a b?c#d%.db"} {
		require.NoError(t, database.Check(location), location)
	}
	path := t.TempDir() + "/users.db"
	db, err := database.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	assert.FileExists(t, path)
}
