package identity_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
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

// newPlainClient returns a client of an http server, with the transport that clients have by default.
func newPlainClient(t *testing.T, endpoint string) *identity.Client {
	t.Helper()
	options := identitytest.NewOptions(nil)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := identity.NewClientFromConnectionString("endpoint="+endpoint+";accesskey="+identitytest.AccessKey, options)
	require.NoError(t, err)
	return client
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
	client := newPlainClient(t, server.URL)
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

const (
	maxResponseSize = 1 << 20
	maxErrorSize    = 64 << 10
)

func TestEndlessResponseIsAnErrorWithItsStatus(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{op.Status(), http.StatusAccepted} {
			body := &endlessBody{}
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				resp := identitytest.NewResponse(status, "")
				resp.Body = body
				return resp, nil
			}}
			got, err := op.Call(t.Context(), op.NewClient(t, transport))
			require.ErrorContains(t, err, fmt.Sprintf("response with status %d has more than 1048576 bytes", status))
			assert.True(t, identitytest.HasStatus(err, status), "%v", err)
			assert.Zero(t, got)
			assert.Len(t, transport.Requests, 1, "another attempt would end alike")
			assert.Less(t, body.read, 2*maxResponseSize)
		}
	})
}

// TestEndlessErrorPageIsTruncated shows that such a page is an ordinary error response, retried by the usual rules.
func TestEndlessErrorPageIsTruncated(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for status, attempts := range map[int]int{http.StatusNotFound: 1, http.StatusBadGateway: 4} {
			body := &endlessBody{}
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				*body = endlessBody{}
				resp := identitytest.NewResponse(status, "")
				resp.Body = body
				return resp, nil
			}}
			_, err := op.Call(t.Context(), op.NewClient(t, transport))
			responseError, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok, "%T", err)
			assert.Equal(t, status, responseError.StatusCode)
			page, err := io.ReadAll(responseError.RawResponse.Body)
			require.NoError(t, err)
			assert.Len(t, page, 8<<10)
			assert.Len(t, transport.Requests, attempts)
			assert.Less(t, body.read, 2*maxErrorSize, "some errors would take long to decode")
		}
	})
}

// TestEndlessHeadersAreAnError uses the transport that clients have by default.
func TestEndlessHeadersAreAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 2*maxResponseSize))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	client := newPlainClient(t, server.URL)
	_, err := client.DeleteUser(t.Context(), identitytest.User, nil)
	require.ErrorContains(t, err, "headers exceeded 1048576 bytes")
}

func TestLargestResponse(t *testing.T) {
	t.Parallel()
	largest := identitytest.TokenBody + strings.Repeat(" ", maxResponseSize-len(identitytest.TokenBody))
	_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, largest)).GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
	require.NoError(t, err)
	_, err = identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, largest+" ")).GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
	require.ErrorContains(t, err, "more than 1048576 bytes")
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

// TestContentLengthDoesNotSizeTheBuffer has a gateway declare a body that no memory holds.
func TestContentLengthDoesNotSizeTheBuffer(t *testing.T) {
	t.Parallel()
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		resp := identitytest.NewResponse(http.StatusCreated, identitytest.UserBody)
		resp.ContentLength = math.MaxInt64 - 1<<20
		return resp, nil
	}}
	_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
	require.NoError(t, err)
}

// TestAttemptsShareNoBody has a transport that reads the body of the first attempt while
// the second is on its way, as net/http may do.
func TestAttemptsShareNoBody(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.RequestBody == "" {
			return
		}
		transport := &lateReader{op: op}
		for _, client := range identitytest.NewClients(t, op.NewOptions(transport)) {
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
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		options := op.NewOptions(transport)
		options.PerCallPolicies = []policy.Policy{brokenBodyPolicy{}}
		options.Retry.ShouldRetry = func(*http.Response, error) bool {
			t.Error("another attempt would end alike")
			return false
		}
		for _, client := range identitytest.NewClients(t, options) {
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
	}{iotest.ErrReader(io.ErrUnexpectedEOF), strings.NewReader("content"), io.NopCloser(nil)}
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
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusBadGateway} {
			for _, client := range identitytest.NewClients(t, op.NewOptions(echoTransport{status})) {
				_, err := op.Call(t.Context(), client)
				require.ErrorContains(t, err, "<html>The request was map[", "the rest stays, to help")
				assert.Contains(t, err.Error(), "REDACTED")
				assert.NotRegexp(t, "Signature=[^R]", err.Error())
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

// TestErrorNamesTheProxy has proxies reject requests. net/http reports the text of their status alone.
func TestErrorNamesTheProxy(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"407 Proxy authentication required", "403 Filtered", "503"} {
		proxy := identitytest.ServeResponse(t, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		transport := identity.DefaultHTTPClient.Transport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxy, User: url.UserPassword("user", "hunter2")})
		options := identitytest.NewOptions(&http.Client{Transport: transport})
		_, err := identitytest.NewClientWithOptions(t, options).CreateUser(t.Context(), nil)
		require.ErrorContains(t, err, "proxy "+proxy+" responded to CONNECT with "+status)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// TestErrorsOfTheTransportAreKept has transports of the caller fail.
func TestErrorsOfTheTransportAreKept(t *testing.T) {
	t.Parallel()
	for name, original := range map[string]error{
		"text":           errors.New(`the breaker "acs" is open`),
		"refused":        &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"certificate":    &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"timeout":        timeoutError{},
		"several":        errors.Join(io.ErrNoProgress, errors.New("and another one")),
		"uncomparable":   uncomparableError{[]int{1}},
		"malformed, EOF": fmt.Errorf("malformed HTTP response %q: %w", identitytest.SecretToken, io.EOF),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, wrap := range []func(error) error{
				func(err error) error { return err },
				func(err error) error { return fmt.Errorf("wrapped: %w", err) },
				func(err error) error {
					return &url.Error{Op: "Post", URL: "https://elsewhere.example/" + identitytest.SecretToken, Err: err}
				},
			} {
				transport := &identitytest.ScriptedTransport{Respond: failWith(wrap(original))}
				_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
				identitytest.AssertNoSecretInError(t, err)
				assert.Len(t, transport.Requests, 4, "such errors are retried")
				if name == "malformed, EOF" {
					require.ErrorIs(t, err, io.EOF)
					require.ErrorContains(t, err, "malformed HTTP response")
					continue
				}
				require.ErrorContains(t, err, original.Error())
				if outer, ok := errors.AsType[*url.Error](err); ok {
					assert.Equal(t, identitytest.Endpoint+"/identities?api-version="+identitytest.DefaultAPIVersion, outer.URL)
					assert.Equal(t, name == "timeout", outer.Timeout())
				}
				if name != "uncomparable" {
					assert.ErrorIs(t, err, original)
				}
			}
		})
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// TestBodiesOfResponsesAreClosed covers every status that a server can send.
func TestBodiesOfResponsesAreClosed(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		var open atomic.Int64
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			open.Add(1)
			resp := identitytest.NewResponse(status, "")
			resp.Body = &countedBody{strings.NewReader(identitytest.UserAndTokenBody), &open}
			return resp, nil
		}}
		_, _ = identitytest.NewClient(t, transport).CreateUserAndToken(t.Context(), identitytest.ChatScopes, nil)
		assert.Zero(t, open.Load(), "open bodies after status %d", status)
	}
}

type countedBody struct {
	io.Reader
	open *atomic.Int64
}

func (b *countedBody) Close() error {
	b.open.Add(-1)
	return nil
}

// TestSwitchedProtocolDoesNotOutliveTheCall has a server keep the connection that it says it switched to another protocol.
func TestSwitchedProtocolDoesNotOutliveTheCall(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // until the client closes it
		_ = conn.Close()
		closed <- struct{}{}
	}))
	defer server.Close()
	client := newPlainClient(t, server.URL)
	_, err := client.CreateUser(t.Context(), nil)
	assert.True(t, identitytest.HasStatus(err, http.StatusSwitchingProtocols), "%v", err)
	<-closed
}

// TestDefaultTransport pins the settings of the transport that clients have by default.
func TestDefaultTransport(t *testing.T) {
	t.Parallel()
	transport, ok := identity.DefaultHTTPClient.Transport.(*http.Transport)
	require.True(t, ok)
	assert.Zero(t, identity.DefaultHTTPClient.Timeout, "contexts end calls")
	assert.Equal(t, reflect.ValueOf(http.ProxyFromEnvironment).Pointer(), reflect.ValueOf(transport.Proxy).Pointer())
	assert.True(t, transport.ForceAttemptHTTP2)
	assert.Equal(t, &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}, transport.HTTP2)
	assert.Equal(t, 10*time.Second, transport.TLSHandshakeTimeout)
	assert.Equal(t, 90*time.Second, transport.IdleConnTimeout)
	assert.Equal(t, time.Second, transport.ExpectContinueTimeout)
	assert.Equal(t, 256, transport.MaxIdleConnsPerHost)
	assert.Zero(t, transport.MaxIdleConns)
	assert.EqualValues(t, maxResponseSize, transport.MaxResponseHeaderBytes)
	assert.NotNil(t, transport.DialContext)
	assert.NotNil(t, transport.OnProxyConnectResponse)
	assert.False(t, transport.DisableKeepAlives)
}

// TestBodyIsSentAgainOnStaleConnections has a server close connections that the client keeps, in both versions of HTTP.
func TestBodyIsSentAgainOnStaleConnections(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) {
			t.Parallel()
			var bodies sync.Map
			var connections atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.EqualValues(t, len(body), r.ContentLength, "the length must be sent")
				bodies.Store(string(body), r.ProtoMajor)
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, identitytest.UserBody)
			}))
			server.EnableHTTP2 = http2
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.StartTLS()
			defer server.Close()
			options := identitytest.NewOptions(server.Client())
			client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+identitytest.AccessKey, options)
			require.NoError(t, err)
			const calls = 3
			for range calls {
				_, err := client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
				server.CloseClientConnections()
			}
			protocol, ok := bodies.Load("{}")
			require.True(t, ok)
			assert.Equal(t, http2, protocol == 2)
			assert.EqualValues(t, calls, connections.Load())
		})
	}
}
