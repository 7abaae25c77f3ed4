package systemtest_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// network joins net/http's client and server by pipes instead of sockets, so that all of
// it fits into a bubble of package synctest: time is fake, and a goroutine that is left
// behind fails the test.
type network struct {
	*http.Client
	transport *http.Transport
	accepted  chan net.Conn
	closed    chan struct{}
	refusals  atomic.Int64 // how many connections are still to be refused
	open      atomic.Int64 // the server's connections
}

func newNetwork(t *testing.T, handler http.Handler) *network {
	t.Helper()
	n := &network{accepted: make(chan net.Conn), closed: make(chan struct{})}
	// The connections count as those of TLS, whose cryptography the tests can do without.
	n.transport = &http.Transport{DialTLSContext: n.dial}
	n.Client = &http.Client{
		Transport:     n.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // like the default client
	}
	server := &http.Server{Handler: handler, ConnState: n.count}
	go func() { _ = server.Serve(n) }()
	t.Cleanup(func() {
		n.transport.CloseIdleConnections()
		_ = server.Close()
	})
	return n
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if n.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	select {
	case n.accepted <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		n.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		n.open.Add(-1)
	}
}

// Accept, Close and Addr make the network the server's net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.accepted:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	close(n.closed)
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{} }

// system is the emulator on a network, with a user, an assignment and an Entra token.
type system struct {
	*network
	service   *emulator.Handler
	arguments identitytest.Arguments
}

func newSystem(t *testing.T) *system {
	t.Helper()
	service, err := emulator.NewHandler(&emulator.Options{AccessKey: identitytest.AccessKey, ResourceID: identitytest.ResourceID})
	require.NoError(t, err)
	s := &system{service: service, network: newNetwork(t, service)}
	client := identitytest.NewClient(t, identitytest.HandlersTransport{service})
	created, err := client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	s.arguments = identitytest.Arguments{
		User: created.User,
		EntraToken: service.EntraToken(emulator.EntraTokenClaims{
			AppID: identitytest.ResourceID, ObjectID: identitytest.ObjectID, TenantID: identitytest.TenantID,
		}),
		ClientID: identitytest.ResourceID, TenantID: identitytest.TenantID, ObjectID: identitytest.ObjectID,
	}
	for _, name := range []string{"SetTeamsExtensionAssignment", "SetEntraAssignment"} {
		op := identitytest.OperationNamed(name)
		_, err = op.CallWith(t.Context(), op.NewClient(t, identitytest.HandlersTransport{service}), s.arguments)
		require.NoError(t, err)
	}
	return s
}

// call calls an operation so that it succeeds, if nothing goes wrong.
func (s *system) call(ctx context.Context, c *identity.Client, op identitytest.Operation) (any, error) {
	return op.CallWith(ctx, c, s.arguments)
}

// client returns a client on the network that can call the operation.
func (s *system) client(t *testing.T, op identitytest.Operation, retry policy.RetryOptions) *identity.Client {
	t.Helper()
	options := op.NewOptions(s.network)
	options.Retry = retry
	return identitytest.NewClientWithOptions(t, options)
}

var _ net.Listener = (*network)(nil)
