package migrations_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"testing"
	"testing/fstest"

	"github.com/acs-go/identity/tokenserver/migrations"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// TestServiceWithTablesOfItsOwnGetsThese shares the database with another user of the same library, and with a table of
// an ordinary name.
func TestServiceWithTablesOfItsOwnGetsThese(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	files := fstest.MapFS{"00001_users.sql": {Data: []byte("-- +goose Up\nCREATE TABLE users (id TEXT);\nCREATE TABLE pending (id TEXT);\n")}}
	other, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	require.NoError(t, err)
	_, err = other.Up(t.Context())
	require.NoError(t, err)

	for range 2 {
		require.NoError(t, migrations.Up(t.Context(), db, migrations.SQLite))
	}
	for _, table := range []string{"tokenserver_users", "tokenserver_pending", "users"} {
		_, err := db.ExecContext(t.Context(), "SELECT * FROM "+table)
		assert.NoError(t, err)
	}
}

// A service that has a pool can use it for the token server, too. Up changes nothing if the tables are up to date, so
// that a service can call it at every start.
func ExampleUp() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:") // stands for your pool, and migrations.PostgreSQL
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	err = migrations.Up(ctx, db, migrations.SQLite)
	fmt.Println(err)
	// Output: <nil>
}
