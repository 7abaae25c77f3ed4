package postgres_test

import (
	"io"
	"net"
	"testing"

	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorQuotesNoPartOfTheURL(t *testing.T) {
	t.Parallel()
	silent := identitytest.ServeConnections(t, func(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) })
	withoutTLS := identitytest.ServeConnections(t, func(connection net.Conn) { // responds as PostgreSQL does to a request for TLS
		_, _ = io.ReadFull(connection, make([]byte, 8))
		_, _ = connection.Write([]byte("N"))
	})
	for name, test := range map[string]struct{ url, reason string }{
		"port":             {"postgres://app:hunter2@db.example.com:port/users", "malformed"},
		"unknown settings": {"postgres://app:hunter2@db.example.com/users?sslmode=perhaps", "malformed"},
		"nothing listens":  {"postgres://app:hunter2@127.0.0.1:1/users?connect_timeout=1", "connection refused"},
		"no such host":     {"postgres://app:hunter2@db.invalid/users?connect_timeout=1", "host name"},
		"no response":      {"postgres://app:hunter2@" + silent + "/users?connect_timeout=1", "no response in time"},
		"no TLS":           {"postgres://app:hunter2@" + withoutTLS + "/users?sslmode=require", "the server has no TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), test.url, nil)
			require.ErrorContains(t, err, test.reason)
			for _, part := range []string{"hunter2", "app", "db.", "users", "127.0.0.1"} {
				assert.NotContains(t, err.Error(), part)
			}
		})
	}
}
