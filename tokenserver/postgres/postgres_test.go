package postgres_test

import (
	"io"
	"net"
	"testing"

	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorQuotesNoPartOfTheURL(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	withoutTLS, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = withoutTLS.Close() })
	go refuseTLS(withoutTLS)
	for name, test := range map[string]struct{ url, reason string }{
		"port":             {"postgres://app:hunter2@db.example.com:port/users", "malformed"},
		"unknown settings": {"postgres://app:hunter2@db.example.com/users?sslmode=perhaps", "malformed"},
		"nothing listens":  {"postgres://app:hunter2@127.0.0.1:1/users?connect_timeout=1", "connection refused"},
		"no such host":     {"postgres://app:hunter2@db.invalid/users?connect_timeout=1", "host name"},
		"no response":      {"postgres://app:hunter2@" + silent.Addr().String() + "/users?connect_timeout=1", "no response in time"},
		"no TLS":           {"postgres://app:hunter2@" + withoutTLS.Addr().String() + "/users?sslmode=require", "the server has no TLS"},
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

// refuseTLS responds to each request for TLS as PostgreSQL does without it.
func refuseTLS(l net.Listener) {
	for {
		connection, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(connection, make([]byte, 8))
		_, _ = connection.Write([]byte("N"))
		_ = connection.Close()
	}
}
