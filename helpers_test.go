package identity_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/require"
)

const (
	testEndpoint = "https://contoso.communication.azure.com"
	testKey      = "c2VjcmV0LWFjY2Vzcy1rZXk="
)

// script answers requests in place of a network, and keeps them.
type script struct {
	answer func(*http.Request) (*http.Response, error)

	mu       sync.Mutex
	requests []sentRequest
}

type sentRequest struct {
	*http.Request
	body string
}

func (s *script) Do(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.requests = append(s.requests, sentRequest{req, string(body)})
	s.mu.Unlock()
	resp, err := s.answer(req)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	return io.ReadAll(req.Body)
}

// resend sends on a request whose body a script has read.
func resend(t *testing.T, transport policy.Transporter, req *http.Request) (*http.Response, error) {
	t.Helper()
	body, err := req.GetBody()
	require.NoError(t, err)
	req.Body = body
	return transport.Do(req)
}

// always is a script with one answer.
func always(status int, body string) *script {
	return &script{answer: func(*http.Request) (*http.Response, error) { return response(status, body), nil }}
}

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

// withoutWaiting makes retries quick.
var withoutWaiting = policy.RetryOptions{RetryDelay: time.Nanosecond}

func scriptedOptions(transport policy.Transporter) *identity.ClientOptions {
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport, Retry: withoutWaiting}}
}

func newScriptedClient(t *testing.T, transport policy.Transporter) *identity.Client {
	t.Helper()
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, scriptedOptions(transport))
	require.NoError(t, err)
	return client
}

func newEmulator(t *testing.T, options *emulator.Options) (*identity.Client, *emulator.Server) {
	t.Helper()
	server, err := emulator.NewServer(options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	require.NoError(t, err)
	return client, server
}

// entraCredential hands out one token and keeps what it was asked for.
type entraCredential struct {
	mu       sync.Mutex
	requests []policy.TokenRequestOptions
}

func (c *entraCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, options)
	return azcore.AccessToken{Token: secretToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// secretToken is what no output may hold.
const secretToken = "secret-token"

const (
	previewVersion = "2025-03-02-preview"
	assignmentURI  = "/access/teamsExtension/tenants/tenant/assignments/object?api-version=2025-06-30"
	assignmentBody = `{"objectId":"object","tenantId":"tenant","principalType":"user","clientIds":["client"]}`

	userBody         = `{"identity":{"id":"8:acs:a_b"}}`
	userAndTokenBody = `{"identity":{"id":"8:acs:a_b"},"accessToken":{"token":"` + secretToken + `","expiresOn":"2026-10-20T12:48:08.0455796+00:00"}}`
	tokenBody        = `{"token":"` + secretToken + `","expiresOn":"2026-10-20T12:48:08.0455796+00:00"}`
)

var tokenExpiresOn = time.Date(2026, 10, 20, 12, 48, 8, 45579600, time.UTC)

// operation is one of the client's methods, called with valid arguments.
type operation struct {
	name    string
	version string // that it needs; empty: the default will do
	call    func(context.Context, *identity.Client) (any, error)
	method  string
	uri     string
	body    string
	status  int
	success string // the body of a successful response
}

// options are those with which the operation can be called.
func (op operation) options(transport policy.Transporter) *identity.ClientOptions {
	options := scriptedOptions(transport)
	options.APIVersion = op.version
	return options
}

func (op operation) newClient(t *testing.T, transport policy.Transporter) *identity.Client {
	t.Helper()
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, op.options(transport))
	require.NoError(t, err)
	return client
}

var someUser = identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}

// operations are all methods of the client.
var operations = []operation{
	{
		name:   "CreateUser",
		call:   func(ctx context.Context, c *identity.Client) (any, error) { return c.CreateUser(ctx, nil) },
		method: http.MethodPost, uri: "/identities?api-version=2025-06-30", body: `{}`,
		status: http.StatusCreated, success: userBody,
	},
	{
		name: "CreateUserAndToken",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}, nil)
		},
		method: http.MethodPost, uri: "/identities?api-version=2025-06-30", body: `{"createTokenWithScopes":["chat","voip"]}`,
		status: http.StatusCreated, success: userAndTokenBody,
	},
	{
		name: "GetToken",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetToken(ctx, someUser, []identity.TokenScope{identity.TokenScopeChat}, nil)
		},
		method: http.MethodPost, uri: "/identities/8:acs:a_b/:issueAccessToken?api-version=2025-06-30", body: `{"scopes":["chat"]}`,
		status: http.StatusOK, success: tokenBody,
	},
	{
		name:   "RevokeTokens",
		call:   func(ctx context.Context, c *identity.Client) (any, error) { return c.RevokeTokens(ctx, someUser, nil) },
		method: http.MethodPost, uri: "/identities/8:acs:a_b/:revokeAccessTokens?api-version=2025-06-30",
		status: http.StatusNoContent,
	},
	{
		name:   "DeleteUser",
		call:   func(ctx context.Context, c *identity.Client) (any, error) { return c.DeleteUser(ctx, someUser, nil) },
		method: http.MethodDelete, uri: "/identities/8:acs:a_b?api-version=2025-06-30",
		status: http.StatusNoContent,
	},
	{
		name: "GetTokenForTeamsUser",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{TeamsUserEntraToken: secretToken, ClientID: "client", UserObjectID: "user"}, nil)
		},
		method: http.MethodPost, uri: "/teamsUser/:exchangeAccessToken?api-version=2025-06-30",
		body:   `{"token":"` + secretToken + `","appId":"client","userId":"user"}`,
		status: http.StatusOK, success: tokenBody,
	},
	{
		name:    "GetUserDetail",
		version: previewVersion,
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetUserDetail(ctx, someUser, nil)
		},
		method: http.MethodGet, uri: "/identities/8:acs:a_b?api-version=2025-03-02-preview",
		status: http.StatusOK, success: `{"customId":"alice","lastTokenIssuedAt":"2026-10-20T12:48:08\u002B00:00","id":"8:acs:a_b"}`,
	},
	{
		name: "GetTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetTeamsExtensionAssignment(ctx, "tenant", "object", nil)
		},
		method: http.MethodGet, uri: assignmentURI,
		status: http.StatusOK, success: assignmentBody,
	},
	{
		name: "SetTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.SetTeamsExtensionAssignment(ctx, "tenant", "object", identity.TeamsExtensionAssignmentParameters{
				PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{"client"},
			}, nil)
		},
		method: http.MethodPut, uri: assignmentURI, body: `{"principalType":"user","clientIds":["client"]}`,
		status: http.StatusCreated, success: assignmentBody,
	},
	{
		name: "DeleteTeamsExtensionAssignment",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.DeleteTeamsExtensionAssignment(ctx, "tenant", "object", nil)
		},
		method: http.MethodDelete, uri: assignmentURI,
		status: http.StatusNoContent,
	},
	{
		name: "ExchangeTeamsExtensionToken",
		call: func(ctx context.Context, c *identity.Client) (any, error) {
			return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: secretToken}, nil)
		},
		method: http.MethodPost, uri: "/access/teamsExtension/:exchangeAccessToken?api-version=2025-06-30", body: `{}`,
		status: http.StatusOK, success: userAndTokenBody,
	},
}

// forEachOperation runs a test once for every method of the client.
func forEachOperation(t *testing.T, test func(t *testing.T, op operation)) {
	t.Helper()
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			test(t, op)
		})
	}
}

// closing closes the bodies of requests, as net/http does.
type closing struct{ next policy.Transporter }

func (c closing) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.next.Do(req)
	_ = req.Body.Close()
	return resp, err
}

// closeCounter replaces the body of a request by one that counts how often it is closed.
type closeCounter struct {
	io.ReadSeeker
	closed int
}

func (c *closeCounter) Do(req *policy.Request) (*http.Response, error) {
	c.ReadSeeker = req.Body()
	if err := req.SetBody(c, req.Raw().Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	return req.Next()
}

func (c *closeCounter) Close() error {
	c.closed++
	return nil
}

// anyOf sends a request to several services and returns the first answer that is not
// a refusal of the signature.
type anyOf []http.Handler

func (services anyOf) Do(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	for _, service := range services {
		received := httptest.NewRequestWithContext(req.Context(), req.Method, req.URL.RequestURI(), bytes.NewReader(body))
		received.Host = req.Host
		received.Header = req.Header.Clone()
		recorder := httptest.NewRecorder()
		service.ServeHTTP(recorder, received)
		if resp := recorder.Result(); resp.StatusCode != http.StatusUnauthorized {
			resp.Request = req
			return resp, nil
		}
	}
	return nil, errors.New("no service accepts the signature")
}
