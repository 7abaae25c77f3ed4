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
	hangs  atomic.Int64 // how often hang was called
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
	begun := p.hangs.Load()
	go func() {
		_, _ = io.Copy(direction{server, p, begun}, connection)
		_ = server.Close()
	}()
	_, _ = io.Copy(direction{connection, p, begun}, server)
}

// hang loses what is sent on the connections of now, which do not end: a machine without its network is like that.
func (p *proxy) hang() { p.hangs.Add(1) }

type direction struct {
	io.Writer
	proxy *proxy
	begun int64 // the number of hangs at that time
}

// Write implements [io.Writer].
func (d direction) Write(data []byte) (int, error) {
	if d.proxy.hangs.Load() != d.begun {
		return len(data), nil
	}
	return d.Writer.Write(data)
}
