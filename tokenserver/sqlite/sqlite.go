// Package sqlite opens SQLite databases for the token server. It links the driver.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/acs-go/identity/tokenserver/migrations"
	"modernc.org/sqlite"
	library "modernc.org/sqlite/lib"
)

// Options are optional settings of [Open].
type Options struct {
	// OpenDB replaces [sql.OpenDB], for example by one that traces statements.
	OpenDB func(driver.Connector) *sql.DB
}

// InMemory is the path of a database without a file, which ends when it is closed.
const InMemory = ":memory:"

// Open opens the database in a file, and creates or updates its tables. The path is that of a file or [InMemory]. Nil
// options mean the defaults. Close the database when the server does not use it any more.
//
// Open creates the file if it is missing, but not its folder. The file is locked until the database is closed: until
// then, opening it again fails, in this process or another one. Do not use a file on a network disk (NFS or SMB): on
// Linux, it is an error.
func Open(ctx context.Context, path string, options *Options) (*sql.DB, error) {
	if path == "" {
		return nil, errors.New("the path of the SQLite file is empty")
	}
	if path != InMemory {
		if err := checkDisk(path); err != nil {
			return nil, err
		}
	}
	connector, err := sqlite.NewConnector(nameOf(path))
	if err != nil {
		return nil, err
	}
	openDB := sql.OpenDB
	if options != nil && options.OpenDB != nil {
		openDB = options.OpenDB
	}
	db := openDB(connector)
	db.SetMaxOpenConns(1) // an in-memory database ends with its connection, and an exclusive lock belongs to one
	db.SetMaxIdleConns(1)
	if err := migrations.Up(ctx, db, migrations.SQLite); err != nil {
		return nil, errors.Join(explain(err), db.Close())
	}
	return db, nil
}

// nameOf returns the path with the settings of the connection, in the form that the driver takes.
func nameOf(path string) string {
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(1000)",
		"locking_mode(EXCLUSIVE)", // before journal_mode: no shared memory, so no second process
		"journal_mode(WAL)",
		"synchronous(FULL)", // what a response reported survives a power failure
	}}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}
	return name.String()
}

// explain replaces the codes of SQLite for what an operator can do something about.
func explain(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() & 0xff {
	case library.SQLITE_BUSY:
		return errors.New("another process uses the SQLite file; stop it first, or use PostgreSQL for several processes")
	case library.SQLITE_CANTOPEN:
		return errors.New("the SQLite file cannot be opened or created")
	}
	return err
}

// Backup copies the database to a new file while the database is in use. The file must not exist; only its owner may
// read it. Statements wait until the copy is complete.
func Backup(ctx context.Context, db *sql.DB, path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = os.Remove(path)
		}
	}()
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	return file.Sync()
}
