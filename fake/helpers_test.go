package fake_test

import (
	"context"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
	"github.com/stretchr/testify/require"
)

const (
	endpoint       = "https://contoso.communication.azure.com"
	previewVersion = "2025-03-02-preview" // has all methods, as far as the client knows
)

// counter is a transport that counts requests.
type counter struct {
	next  policy.Transporter
	count atomic.Int32
}

func (c *counter) Do(req *http.Request) (*http.Response, error) {
	c.count.Add(1)
	return c.next.Do(req)
}

func newClientAt(t *testing.T, endpoint string, transport policy.Transporter, retry policy.RetryOptions) *identity.Client {
	t.Helper()
	client, err := identity.NewClient(endpoint, &azfake.TokenCredential{}, &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		APIVersion: previewVersion,
		Retry:      retry,
		Transport:  transport,
	}})
	require.NoError(t, err)
	return client
}

// newClient returns a client of the server, and the number of requests that it has sent.
func newClient(t *testing.T, server *fake.Server) (*identity.Client, func() int) {
	t.Helper()
	transport := &counter{next: fake.NewServerTransport(server)}
	client := newClientAt(t, endpoint, transport, policy.RetryOptions{RetryDelay: time.Nanosecond})
	return client, func() int { return int(transport.count.Load()) }
}

var (
	someUser  = identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}
	someToken = identity.AccessToken{Token: "secret", ExpiresOn: time.Date(2026, 10, 20, 12, 48, 8, 45579600, time.UTC)}
)

// method is a method of the client, called with valid arguments.
type method struct {
	name     string
	call     func(context.Context, *identity.Client) (any, error)
	statuses []int
}

var methods = []method{
	{
		name:     "CreateUser",
		call:     func(ctx context.Context, c *identity.Client) (any, error) { return c.CreateUser(ctx, nil) },
		statuses: []int{http.StatusCreated},
	},
	{
		name: "CreateUserAndToken",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
		},
		statuses: []int{http.StatusCreated},
	},
	{
		name: "DeleteTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.DeleteTeamsExtensionAssignment(ctx, "tenant", "object", nil)
		},
		statuses: []int{http.StatusNoContent},
	},
	{
		name:     "DeleteUser",
		call:     func(ctx context.Context, c *identity.Client) (any, error) { return c.DeleteUser(ctx, someUser, nil) },
		statuses: []int{http.StatusNoContent},
	},
	{
		name: "ExchangeTeamsExtensionToken",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: "entra"}, nil)
		},
		statuses: []int{http.StatusOK},
	},
	{
		name: "GetTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetTeamsExtensionAssignment(ctx, "tenant", "object", nil)
		},
		statuses: []int{http.StatusOK},
	},
	{
		name:     "GetToken",
		call:     func(ctx context.Context, c *identity.Client) (any, error) { return c.GetToken(ctx, someUser, nil, nil) },
		statuses: []int{http.StatusOK},
	},
	{
		name: "GetTokenForTeamsUser",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{}, nil)
		},
		statuses: []int{http.StatusOK},
	},
	{
		name:     "GetUserDetail",
		call:     func(ctx context.Context, c *identity.Client) (any, error) { return c.GetUserDetail(ctx, someUser, nil) },
		statuses: []int{http.StatusOK},
	},
	{
		name:     "RevokeTokens",
		call:     func(ctx context.Context, c *identity.Client) (any, error) { return c.RevokeTokens(ctx, someUser, nil) },
		statuses: []int{http.StatusNoContent},
	},
	{
		name: "SetTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.SetTeamsExtensionAssignment(ctx, "tenant", "object", identity.TeamsExtensionAssignmentParameters{}, nil)
		},
		statuses: []int{http.StatusOK, http.StatusCreated},
	},
}

// forEachMethod runs a test once for every method of the client.
func forEachMethod(t *testing.T, test func(t *testing.T, m method)) {
	t.Helper()
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// answer is what any function of a server can return: a status and a complete response,
// or an error.
type answer struct {
	status  int // 0: no response
	options *azfake.SetResponseOptions
	errResp azfake.ErrorResponder
}

// newServer returns a server whose functions all return what answer does.
func newServer(answer func(context.Context) answer) *fake.Server {
	server := &fake.Server{}
	for _, field := range reflect.ValueOf(server).Elem().Fields() {
		function := field.Type()
		field.Set(reflect.MakeFunc(function, func(arguments []reflect.Value) []reflect.Value {
			answered := answer(arguments[0].Interface().(context.Context))
			responder := reflect.New(function.Out(0))
			if answered.status != 0 {
				set := responder.MethodByName("SetResponse")
				set.Call([]reflect.Value{reflect.ValueOf(answered.status), complete(set.Type().In(1)), reflect.ValueOf(answered.options)})
			}
			return []reflect.Value{responder.Elem(), reflect.ValueOf(answered.errResp)}
		}))
	}
	return server
}

// complete returns a response with the fields that the client wants to see.
func complete(response reflect.Type) reflect.Value {
	value := reflect.New(response).Elem()
	for _, part := range []any{someUser, someToken, someToken.ExpiresOn, identity.TeamsExtensionAssignment{TenantID: "tenant", ObjectID: "object", PrincipalType: "user"}} {
		for _, field := range value.Fields() {
			if reflect.TypeOf(part).AssignableTo(field.Type()) {
				field.Set(reflect.ValueOf(part))
			}
		}
	}
	return value
}
