package tokenserver

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A Dialect is a kind of database. See [Migrate].
type Dialect string

// The databases that the server works with.
const (
	// DialectPostgreSQL is PostgreSQL, which several processes can share.
	DialectPostgreSQL Dialect = "postgres"
	// DialectSQLite is SQLite, for one process.
	DialectSQLite Dialect = "sqlite3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// OpenDatabase opens a database and calls [Migrate]. The location is a URL that starts with postgres:// or
// postgresql://, the path of a SQLite file, or ":memory:" for a SQLite database that ends when it is closed. Close the
// database after [Server.Run] has returned.
//
// A SQLite file is created if it is missing, but its folder is not. The file is locked until the database is closed: it
// is an error to open it again, in this process or another one. On Linux, a file on a network disk (NFS or SMB) is an
// error; elsewhere, do not use one.
//
// Errors do not contain the URL, which may hold a password.
func OpenDatabase(ctx context.Context, location string) (*sql.DB, Dialect, error) {
	open, dialect := openSQLite, DialectSQLite
	if isPostgreSQL(location) {
		open, dialect = openPostgreSQL, DialectPostgreSQL
	}
	db, err := open(location)
	if err != nil {
		return nil, "", err
	}
	if err := Migrate(ctx, db, dialect); err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, dialect, nil
}

func isPostgreSQL(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

func openPostgreSQL(location string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL is malformed") // err quotes it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// inMemory is SQLite's name for a database without a file.
const inMemory = ":memory:"

func openSQLite(path string) (*sql.DB, error) {
	if path == "" || strings.Contains(path, "://") {
		return nil, errors.New("the database is neither a postgres:// URL nor a file")
	}
	if path != inMemory {
		if err := checkDisk(path); err != nil {
			return nil, err
		}
	}
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(1000)",
		"locking_mode(EXCLUSIVE)", // before journal_mode: no shared memory, so no second process
		"journal_mode(WAL)",
		"synchronous(FULL)", // what a response reported survives a power failure
	}}
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}).String()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // an in-memory database ends with its connection, and an exclusive lock belongs to one
	db.SetMaxIdleConns(1)
	return db, nil
}

// Migrate creates or updates the server's tables: users, pending and tokenserver_migrations. It is an error if the
// database has other tables of these names; use a schema of its own then. [OpenDatabase] does so, too: call Migrate only
// for a PostgreSQL pool of your own. Processes that start together wait for each other. Open SQLite files with
// OpenDatabase, which locks them.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	// The default name would be that of another user of goose in the same database.
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName("tokenserver_migrations")}
	if dialect == DialectPostgreSQL {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(goose.Dialect(dialect), db, files, options...)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("opening the database: %w", explain(err))
	}
	return nil
}

// explain says what SQLite means by a locked database.
func explain(err error) error {
	if strings.Contains(err.Error(), "SQLITE_BUSY") {
		return errors.New("another process uses the SQLite file; stop it first, or use PostgreSQL for several processes")
	}
	return err
}
