// Package migrations creates and updates the tables of the token server: tokenserver_users and tokenserver_pending, with
// tokenserver_migrations for the version of the schema. Packages postgres and sqlite call it; use it for a pool of your
// own.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// A Dialect is a kind of database.
type Dialect string

// The databases that the token server works with.
const (
	// PostgreSQL can be shared by several processes.
	PostgreSQL Dialect = "postgres"
	// SQLite is for one process.
	SQLite Dialect = "sqlite3"
)

//go:embed *.sql
var files embed.FS

// versions is not the default name, which another user of the library in the same database may have.
const versions = "tokenserver_migrations"

// ErrNewerSchema means that a newer version of the token server has changed the tables.
var ErrNewerSchema = errors.New("the tables belong to a newer version of the token server")

// Up creates or updates the tables. It writes nothing if they are up to date. Processes that start together wait for
// each other. If the tables are newer than this package, the error wraps [ErrNewerSchema].
func Up(ctx context.Context, db *sql.DB, dialect Dialect) error {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versions)}
	if dialect == PostgreSQL {
		options = append(options, goose.WithLocker(new(tableLock)))
	}
	provider, err := goose.NewProvider(goose.Dialect(dialect), db, files, options...)
	if err != nil {
		return err
	}
	isCurrent, err := check(ctx, provider)
	if err != nil || isCurrent {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("creating the tables: %w", err)
	}
	return nil
}

// check reports whether the tables are up to date.
func check(ctx context.Context, provider *goose.Provider) (bool, error) {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("reading the version of the tables: %w", err)
	}
	if current > target {
		return false, fmt.Errorf("%w: version %d instead of %d", ErrNewerSchema, current, target)
	}
	return current == target, nil
}
