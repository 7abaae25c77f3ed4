package systemtest

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A proxy is an address that new connections reach a server by, which a failover changes.
type proxy struct {
	port   int
	target atomic.Int64 // port
}

func newProxy(t *testing.T, target int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{port: listener.Addr().(*net.TCPAddr).Port}
	p.target.Store(int64(target))
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go p.forward(connection)
		}
	}()
	return p
}

func (p *proxy) forward(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	server, err := net.Dial("tcp", "127.0.0.1:"+itoa(int(p.target.Load())))
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, connection)
		_ = server.Close()
	}()
	_, _ = io.Copy(connection, server)
}
