package identity_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRedirectIsNotFollowed uses the transport that clients have by default, over http
// because it trusts no certificate of a test.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			var asked, followed atomic.Int64
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
			defer elsewhere.Close()
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Location", elsewhere.URL+"/"+identitytest.SecretToken)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, identitytest.UserAndTokenBody)
			}))
			defer service.Close()
			options := op.NewOptions(nil)
			options.InsecureAllowCredentialWithHTTP = true
			withKey, err := identity.NewClientWithSharedKeyCredential(service.URL, key, options)
			require.NoError(t, err)
			withEntra, err := identity.NewClient(service.URL, &identitytest.EntraCredential{}, options)
			require.NoError(t, err)
			for _, client := range []*identity.Client{withKey, withEntra} {
				_, err := op.Call(t.Context(), client)
				assert.True(t, identitytest.HasStatus(err, status), "%v", err)
				identitytest.AssertNoSecret(t, err.Error())
			}
			assert.EqualValues(t, 2, asked.Load())
			assert.Zero(t, followed.Load(), "nothing may go to another host")
		}
	})
}

// TestManyCallersShareConnections has many callers come at once, again and again, with the
// transport that clients have by default.
func TestManyCallersShareConnections(t *testing.T) {
	t.Parallel()
	const callers, rounds = 200, 20
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	options := identitytest.NewOptions(nil)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+identitytest.AccessKey, options)
	require.NoError(t, err)
	for range rounds {
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				_, err := client.DeleteUser(t.Context(), identitytest.User, nil)
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
	assert.Less(t, opened.Load(), int64(callers*rounds/4), "connections for %d requests", callers*rounds)
}

// endlessBody is the body of a hostile response.
type endlessBody struct{ read int }

func (e *endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func (e *endlessBody) Close() error { return nil }

const maxResponseSize = 1 << 20

func TestEndlessResponse(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{op.Status(), http.StatusAccepted, http.StatusUnauthorized, http.StatusServiceUnavailable} {
			body := &endlessBody{}
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				resp := identitytest.NewResponse(status, "")
				resp.Body = body
				return resp, nil
			}}
			got, err := op.Call(t.Context(), op.NewClient(t, transport))
			require.ErrorContains(t, err, fmt.Sprintf("identity: response with status %d has more than 1048576 bytes", status))
			assert.Zero(t, got)
			assert.Len(t, transport.Requests, 1, "another attempt would end alike")
			assert.Less(t, body.read, 2*maxResponseSize)
		}
	})
}

// TestEndlessHeaders uses the transport that clients have by default.
func TestEndlessHeaders(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 2*maxResponseSize))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	options := identitytest.NewOptions(nil)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+identitytest.AccessKey, options)
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), identitytest.User, nil)
	require.ErrorContains(t, err, "headers exceeded 1048576 bytes")
}

// TestHeadersKeepApart has policies of the caller add values to headers that share memory.
func TestHeadersKeepApart(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
	options := identitytest.NewOptions(transport)
	options.PerCallPolicies = []policy.Policy{headerAddingPolicy{"Accept"}}
	options.PerRetryPolicies = []policy.Policy{headerAddingPolicy{"X-Ms-Date"}}
	client := identitytest.NewClientWithOptions(t, options)
	_, err := client.DeleteUser(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
	sent := transport.Requests[0].Header
	assert.Len(t, sent.Get("X-Ms-Client-Request-Id"), 36)
	assert.Len(t, sent.Get("X-Ms-Content-Sha256"), 44)
}

// headerAddingPolicy adds a second value to a header.
type headerAddingPolicy struct{ name string }

func (a headerAddingPolicy) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Add(a.name, "another")
	return req.Next()
}

func TestLargestResponse(t *testing.T) {
	t.Parallel()
	largest := identitytest.TokenBody + strings.Repeat(" ", maxResponseSize-len(identitytest.TokenBody))
	_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, largest)).GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
	require.NoError(t, err)
	_, err = identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, largest+" ")).GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
	require.ErrorContains(t, err, "more than 1048576 bytes")
}

// TestMissingResponseIsAnError has a hand-made transport return nothing at all.
func TestMissingResponseIsAnError(t *testing.T) {
	t.Parallel()
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) { return nil, nil }} //nolint:nilnil // that is the point
	_, err := identitytest.NewClient(t, transport).DeleteUser(t.Context(), identitytest.User, nil)
	require.Error(t, err)
}

// TestResponseWithoutABody has a hand-made transport leave it out.
func TestResponseWithoutABody(t *testing.T) {
	t.Parallel()
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent}, nil
	}}
	_, err := identitytest.NewClient(t, transport).DeleteUser(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
}

// TestAttemptsShareNoBody has a transport that reads the body of the first attempt while
// the second is on its way, as net/http may do.
func TestAttemptsShareNoBody(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.RequestBody == "" {
			return
		}
		transport := &lateReader{op: op}
		withKey, err := identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, key, op.NewOptions(transport))
		require.NoError(t, err)
		withEntra, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, op.NewOptions(transport))
		require.NoError(t, err)
		for _, client := range []*identity.Client{withKey, withEntra} {
			transport.first, transport.bodies = nil, nil
			_, err := op.Call(t.Context(), client)
			require.NoError(t, err)
			assert.Equal(t, []string{op.RequestBody, op.RequestBody, op.RequestBody}, transport.bodies)
		}
	})
}

// lateReader reads the body of the first attempt when it has read that of the second. It
// reads each of the second's twice, the second time like one who follows a redirect.
type lateReader struct {
	op     identitytest.Operation
	first  io.Reader
	bodies []string
}

func (r *lateReader) Do(req *http.Request) (*http.Response, error) {
	if r.first == nil {
		r.first = req.Body
		return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
	}
	again, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	for _, reader := range []io.Reader{req.Body, again, r.first} {
		body, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		r.bodies = append(r.bodies, string(body))
	}
	return identitytest.NewResponse(r.op.Status(), r.op.ResponseBody), nil
}

// TestUnreadableRequestBodyIsAnError has a policy of the caller put a broken body into a request.
func TestUnreadableRequestBodyIsAnError(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		options := op.NewOptions(transport)
		options.PerCallPolicies = []policy.Policy{brokenBodyPolicy{}}
		options.Retry.ShouldRetry = func(*http.Response, error) bool {
			t.Error("another attempt would end alike")
			return false
		}
		withKey, err := identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, key, options)
		require.NoError(t, err)
		withEntra, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, options)
		require.NoError(t, err)
		for _, client := range []*identity.Client{withKey, withEntra} {
			_, err := op.Call(t.Context(), client)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
		assert.Empty(t, transport.Requests)
	})
}

// brokenBodyPolicy replaces the body of a request by one that fails.
type brokenBodyPolicy struct{}

func (brokenBodyPolicy) Do(req *policy.Request) (*http.Response, error) {
	body := struct {
		io.Reader
		io.Seeker
		io.Closer
	}{brokenReader{}, strings.NewReader("content"), io.NopCloser(nil)}
	if err := req.SetBody(body, "text/plain"); err != nil {
		return nil, err
	}
	return req.Next()
}

// echoTransport responds with what it was sent, like the debug page of a gateway. It leaves Response.Request empty, as
// hand-written transports do.
type echoTransport struct{ status int }

func (e echoTransport) Do(req *http.Request) (*http.Response, error) {
	body, err := identitytest.ReadBody(req)
	if err != nil {
		return nil, err
	}
	return identitytest.NewResponse(e.status, fmt.Sprintf("<html>The request was %v %s</html>", req.Header, body)), nil
}

func TestErrorDoesNotRepeatCredentials(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusBadGateway} {
			withKey, err := identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, key, op.NewOptions(echoTransport{status}))
			require.NoError(t, err)
			withEntra, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, op.NewOptions(echoTransport{status}))
			require.NoError(t, err)
			for _, client := range []*identity.Client{withKey, withEntra} {
				_, err = op.Call(t.Context(), client)
				require.ErrorContains(t, err, "<html>The request was map[", "the rest stays, to help")
				assert.Contains(t, err.Error(), "REDACTED")
				assert.NotContains(t, err.Error(), "Signature=")
				identitytest.AssertNoSecret(t, err.Error())
			}
		}
	})
}

// TestResponseWithoutARequest has a policy of the caller respond.
func TestResponseWithoutARequest(t *testing.T) {
	t.Parallel()
	options := identitytest.NewOptions(echoTransport{http.StatusOK})
	options.PerCallPolicies = append(options.PerCallPolicies, respondingPolicy{})
	client := identitytest.NewClientWithOptions(t, options)
	_, err := client.GetTokenForTeamsUser(t.Context(), teamsParameters, nil)
	assert.True(t, identitytest.HasStatus(err, http.StatusTeapot), "%v", err)
	identitytest.AssertNoSecret(t, err.Error())
}

// respondingPolicy responds in place of the transport.
type respondingPolicy struct{}

func (respondingPolicy) Do(*policy.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusTeapot, Body: io.NopCloser(strings.NewReader(identitytest.SecretToken))}, nil
}

func TestBodyIsNotClosedBetweenAttempts(t *testing.T) {
	t.Parallel()
	attempts := 0
	body := &closeCounter{}
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		attempts++
		assert.Zero(t, body.closed, "the transport must not reach the body's Close")
		if attempts < 3 {
			return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
		}
		return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
	}}
	options := identitytest.NewOptions(bodyClosingTransport{transport})
	options.PerCallPolicies = []policy.Policy{body}
	client := identitytest.NewClientWithOptions(t, options)
	_, err := client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, 3, attempts)
	assert.Equal(t, 1, body.closed)
}

// bodyClosingTransport closes the bodies of requests, as net/http does.
type bodyClosingTransport struct{ next policy.Transporter }

func (c bodyClosingTransport) Do(req *http.Request) (*http.Response, error) {
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
