package systemtest

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/acs-go/identity/internal/identitytest"
)

// A proxy is an address that new connections reach a server by, which a failover changes.
type proxy struct {
	port   int
	target atomic.Int64 // port
}

func newProxy(t *testing.T, target int) *proxy {
	t.Helper()
	p := &proxy{}
	p.target.Store(int64(target))
	p.port = portOf(identitytest.ServeConnections(t, p.forward))
	return p
}

func (p *proxy) forward(connection net.Conn) {
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
