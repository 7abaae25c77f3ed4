package identity_test

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

// scene is the emulator on a network, with something there for every operation to work on.
type scene struct {
	*network
	service    *emulator.Handler
	user       identity.CommunicationUserIdentifier
	entraToken string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{}
	service, err := emulator.NewHandler(&emulator.Options{AccessKey: testKey, ResourceID: resource})
	require.NoError(t, err)
	s.service, s.network = service, newNetwork(t, service)
	s.entraToken = service.EntraToken(emulator.EntraTokenClaims{AppID: resource, ObjectID: person, TenantID: tenant})
	client := newScriptedClient(t, anyOf{service})
	created, err := client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	s.user = created.User
	_, err = client.SetTeamsExtensionAssignment(t.Context(), tenant, person, someAssignment, nil)
	require.NoError(t, err)
	return s
}

var someAssignment = identity.TeamsExtensionAssignmentParameters{PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{resource}}

// call calls an operation so that it succeeds, if nothing goes wrong.
func (s *scene) call(ctx context.Context, c *identity.Client, op operation) (any, error) {
	switch op.name {
	case "GetToken":
		return c.GetToken(ctx, s.user, chat, nil)
	case "RevokeTokens":
		return c.RevokeTokens(ctx, s.user, nil)
	case "DeleteUser":
		return c.DeleteUser(ctx, s.user, nil)
	case "GetUserDetail":
		return c.GetUserDetail(ctx, s.user, nil)
	case "GetTokenForTeamsUser":
		return c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{TeamsUserEntraToken: s.entraToken, ClientID: resource, UserObjectID: person}, nil)
	case "GetTeamsExtensionAssignment":
		return c.GetTeamsExtensionAssignment(ctx, tenant, person, nil)
	case "SetTeamsExtensionAssignment":
		return c.SetTeamsExtensionAssignment(ctx, tenant, person, someAssignment, nil)
	case "DeleteTeamsExtensionAssignment":
		return c.DeleteTeamsExtensionAssignment(ctx, tenant, person, nil)
	case "ExchangeTeamsExtensionToken":
		return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: s.entraToken}, nil)
	default:
		return op.call(ctx, c)
	}
}

// client is a client of the scene that may call the operation.
func (s *scene) client(t *testing.T, op operation, retry policy.RetryOptions) *identity.Client {
	t.Helper()
	options := op.options(s.network)
	options.Retry = retry
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, options)
	require.NoError(t, err)
	return client
}

var _ net.Listener = (*network)(nil)
