// Package postgres opens PostgreSQL databases for the token server. It links the driver.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"github.com/acs-go/identity/tokenserver/migrations"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Options are optional settings of [Open].
type Options struct {
	// OpenDB replaces [sql.OpenDB], for example by one that traces statements.
	OpenDB func(driver.Connector) *sql.DB
}

const (
	maxConnections = 16
	// maxAge bounds how long a connection stays with a server that is not the primary one any more.
	maxAge         = 5 * time.Minute
	connectTimeout = 5 * time.Second
)

// Open connects to a database and creates or updates its tables. The URL starts with postgres:// or postgresql://. Nil
// options mean the defaults. Errors do not contain the URL or a part of it, which may be a password.
//
// To notice a failover, the database closes a connection after five minutes, or when its server responds that it is
// read-only, shutting down or starting. PgBouncer in transaction mode works: behind it, the database uses no prepared
// statements and no locks of sessions.
func Open(ctx context.Context, url string, options *Options) (*sql.DB, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	openDB := sql.OpenDB
	if options != nil && options.OpenDB != nil {
		openDB = options.OpenDB
	}
	db := openDB(newConnector(*config))
	limit(db)
	if err := migrations.Up(ctx, db, migrations.PostgreSQL); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Check returns an error if the URL is malformed. It does not connect.
func Check(url string) error {
	_, err := parse(url)
	return err
}

func parse(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL is malformed") // err quotes it
	}
	return config, nil
}

func limit(db *sql.DB) {
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxLifetime(maxAge)
}

func configured(config pgx.ConnConfig, mode pgx.QueryExecMode) pgx.ConnConfig {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DefaultQueryExecMode = mode
	closeIfFatal := config.OnPgError
	config.OnPgError = func(connection *pgconn.PgConn, err *pgconn.PgError) bool {
		return closeIfFatal(connection, err) && !slices.Contains(otherServer, err.Code)
	}
	return config
}

// otherServer are the errors after which a new connection may reach another server.
var otherServer = []string{
	"25006", // read_only_sql_transaction
	"57P01", // admin_shutdown
	"57P02", // crash_shutdown
	"57P03", // cannot_connect_now
}
