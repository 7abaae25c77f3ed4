// Package database opens the database that the program's configuration names.
package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"unicode"

	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/acs-go/identity/tokenserver/sqlite"
)

// ErrLocation means that a location is neither a URL of PostgreSQL nor the path of a file. It quotes nothing, because
// what looks like neither is probably a connection string with a password.
var ErrLocation = errors.New("neither a URL like postgres://user:password@host/database nor the path of a file")

// IsPostgreSQL reports whether the location is a URL of PostgreSQL.
func IsPostgreSQL(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// Check returns an error for locations that [Open] does not accept. It does not connect.
func Check(location string) error {
	if IsPostgreSQL(location) {
		return postgres.Check(location)
	}
	if location == sqlite.InMemory {
		return nil
	}
	if location == "" || strings.ContainsAny(location, "=;") || hasStraySpace(location) || hasScheme(location) {
		return ErrLocation
	}
	return nil
}

// hasStraySpace reports whether the location has a line feed of the file that it is from, or the like.
func hasStraySpace(location string) bool {
	return location != strings.TrimSpace(location) || strings.ContainsFunc(location, unicode.IsControl)
}

// hasScheme reports whether the location starts with the scheme of a URL, such as "mysql:" or "file:". A single letter
// is a drive of Windows.
func hasScheme(location string) bool {
	scheme, _, found := strings.Cut(location, ":")
	return found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`)
}

// Open opens the database at a location: a URL that starts with postgres:// or postgresql://, the path of a SQLite file,
// or ":memory:". The function openDB replaces [sql.OpenDB] unless it is nil. Errors do not contain the location.
func Open(ctx context.Context, location string, openDB func(driver.Connector) *sql.DB) (*sql.DB, error) {
	if err := Check(location); err != nil {
		return nil, err
	}
	if IsPostgreSQL(location) {
		return postgres.Open(ctx, location, &postgres.Options{OpenDB: openDB})
	}
	return sqlite.Open(ctx, location, &sqlite.Options{OpenDB: openDB})
}
