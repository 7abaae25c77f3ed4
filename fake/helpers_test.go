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
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake/server"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
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
		APIVersion: identitytest.PreviewAPIVersion,
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
	client := newClientAt(t, identitytest.Endpoint, transport, policy.RetryOptions{RetryDelay: time.Nanosecond})
	return client, func() int { return int(transport.count.Load()) }
}

// result is what any function of a server can return: a status and a complete response,
// or an error.
type result struct {
	status  int // 0: no response
	options *azfake.SetResponseOptions
	errResp azfake.ErrorResponder
}

// newServer returns a server whose functions all return what result does, with the response in the table of operations.
func newServer(result func(context.Context) result) *fake.Server {
	functions := &fake.Server{}
	for _, op := range identitytest.Operations {
		if op.IsPager() {
			functions.NewListEntraAssignmentsPager = func(*identity.ListEntraAssignmentsOptions) azfake.PagerResponder[identity.ListEntraAssignmentsResponse] {
				return newPages(result(context.Background()), op.Response.(identity.ListEntraAssignmentsResponse))
			}
			continue
		}
		function := reflect.ValueOf(functions).Elem().FieldByName(op.GoName())
		function.Set(reflect.MakeFunc(function.Type(), func(arguments []reflect.Value) []reflect.Value {
			returned := result(arguments[0].Interface().(context.Context))
			responder := reflect.New(function.Type().Out(0))
			if returned.status != 0 {
				responder.MethodByName("SetResponse").Call([]reflect.Value{
					reflect.ValueOf(returned.status), reflect.ValueOf(op.Response), reflect.ValueOf(returned.options),
				})
			}
			return []reflect.Value{responder.Elem(), reflect.ValueOf(returned.errResp)}
		}))
	}
	return functions
}

// newPages returns the result in the form in which the functions of pagers return it.
func newPages(returned result, page identity.ListEntraAssignmentsResponse) (pages azfake.PagerResponder[identity.ListEntraAssignmentsResponse]) {
	if err := server.GetError(returned.errResp, &http.Request{}); err != nil {
		pages.AddError(err)
	} else if returned.status != 0 {
		pages.AddPage(returned.status, page, nil)
	}
	return pages
}
