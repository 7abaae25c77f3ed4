package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// A connector opens connections that use prepared statements, with which PostgreSQL needs half of the CPU time. Behind a
// pooler, such as PgBouncer in transaction mode, a statement may meet a session that does not know them: connections
// through one use none.
//
// It replaces the errors of connecting, which quote the host, the user and the database of the URL.
type connector struct{ direct, pooled driver.Connector }

func newConnector(config pgx.ConnConfig) connector {
	mode := pgx.QueryExecModeCacheStatement
	if config.StatementCacheCapacity == 0 { // as URLs for poolers ask for
		mode = pgx.QueryExecModeExec
	}
	return connector{
		direct: stdlib.GetConnector(configured(config, mode)),
		pooled: stdlib.GetConnector(configured(config, pgx.QueryExecModeExec)),
	}
}

// Driver implements [driver.Connector].
func (c connector) Driver() driver.Driver { return c.direct.Driver() }

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := c.connect(ctx)
	if err != nil {
		return nil, errors.New("connecting to PostgreSQL: " + reasonOf(err))
	}
	return connection, nil
}

func (c connector) connect(ctx context.Context) (driver.Conn, error) {
	connection, err := c.direct.Connect(ctx)
	if err != nil {
		return nil, err
	}
	pooled, err := isPooled(ctx, connection.(*stdlib.Conn).Conn())
	if err == nil && !pooled {
		return connection, nil
	}
	_ = connection.Close()
	if err != nil {
		return nil, err
	}
	return c.pooled.Connect(ctx)
}

// isPooled reports whether the server that runs a statement is not the one that accepted the connection.
func isPooled(ctx context.Context, connection *pgx.Conn) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var pid uint32
	err := connection.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid)
	return pid != connection.PgConn().PID(), err
}

// rejections are the usual reasons why a server does not accept a connection.
var rejections = map[string]string{
	"08P01": "PgBouncer does not accept the user, the database or a parameter",
	"22023": "the server does not accept the value of a parameter of the URL",
	"28000": "the server does not accept this user from here",
	"28P01": "the password is wrong",
	"3D000": "the database does not exist",
	"42501": "the user may not use the database",
	"42704": "the server does not know a parameter of the URL",
	"53300": "the server has too many connections",
	"57P03": "the server is starting or shutting down",
}

// reasonOf returns why there is no connection, in words that are not in the URL.
func reasonOf(err error) string {
	if rejected, ok := errors.AsType[*pgconn.PgError](err); ok {
		if reason := rejections[rejected.Code]; reason != "" {
			return reason
		}
		return "the server rejects it with SQLSTATE " + rejected.Code
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "no response in time"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host name cannot be resolved"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the server's certificate is not trusted"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	if strings.Contains(err.Error(), "server refused TLS connection") { // pgconn has no type for it
		return "the server has no TLS, which the URL's sslmode requires"
	}
	return "the connection failed"
}
