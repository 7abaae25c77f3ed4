package identitytest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// ServeConnections calls a function with each connection to the address that it returns, and closes the connection
// afterwards. It ends with the test.
func ServeConnections(tb testing.TB, handle func(net.Conn)) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// ServeResponse sends these bytes on each connection to the address that it returns, after a whole request: a connection
// that is closed before is reset.
func ServeResponse(tb testing.TB, response string) (address string) {
	tb.Helper()
	return ServeConnections(tb, func(conn net.Conn) {
		if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(conn, response)
		}
	})
}

// FreeAddress returns a loopback address on which nothing listens. It stays free: the system gives no port below 30000
// to a listener on port 0 or to a client.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000))) //nolint:gosec // a port is no secret
		if err == nil {
			require.NoError(tb, listener.Close())
			return listener.Addr().String()
		}
	}
	tb.Fatal("no free port")
	return ""
}
