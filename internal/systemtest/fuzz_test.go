package systemtest_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// FuzzEndpoint sends a request to every endpoint that the client accepts.
func FuzzEndpoint(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after string) {
		checkEndpoint(t, before+after)
		require.Equal(t, checkEndpoint(t, before+identitytest.OtherToken+after), checkEndpoint(t, before+identitytest.SecretToken+after))
	})
}

// checkEndpoint returns the text of the error.
func checkEndpoint(t *testing.T, endpoint string) string {
	t.Helper()
	base, err := baseURL(t, endpoint)
	if err != nil {
		require.False(t, plainEndpoint.MatchString(endpoint) && !strings.Contains(endpoint, "accesskey"), endpoint)
		return err.Error()
	}
	require.Equal(t, normalized(t, endpoint), base)
	again, err := baseURL(t, base)
	require.NoError(t, err)
	require.Equal(t, base, again)
	return ""
}

// baseURL returns where a client for the endpoint sends its requests to.
func baseURL(t *testing.T, endpoint string) (string, error) {
	t.Helper()
	return sendRequest(t, func(options *identity.ClientOptions) (*identity.Client, error) {
		credential, err := identity.NewSharedKeyCredential(identitytest.AccessKey)
		require.NoError(t, err)
		return identity.NewClientWithSharedKeyCredential(endpoint, credential, options)
	})
}

// plainEndpoint is what nothing can be said against.
var plainEndpoint = regexp.MustCompile(`^https://([a-z]{1,60}(\.[a-z]{1,60})*|\[::1\])(:[1-9]\d{0,3})?/?$`)

// acceptedEndpoint has the parts scheme, host, port and path. Nothing in it needs
// quoting in a URL, and a name is too short for a token.
var acceptedEndpoint = regexp.MustCompile(`^(?:((?i:https?))://)?([\w-]{1,63}(?:\.[\w-]{1,63})*|\[[\da-fA-F:.]+\])(:\d+)?((?:/[\w.~%-]*)*)$`)

// normalized is the form in which an endpoint is part of URLs.
func normalized(t *testing.T, endpoint string) string {
	t.Helper()
	require.Regexp(t, acceptedEndpoint, endpoint)
	parts := acceptedEndpoint.FindStringSubmatch(endpoint)
	scheme, host, port, path := strings.ToLower(parts[1]), parts[2], parts[3], strings.TrimRight(parts[4], "/")
	if scheme == "" {
		require.Regexp(t, `[.:]`, host+port, "which tells a host from a key")
		scheme = "https"
	}
	_, err := net.LookupPort("tcp", strings.TrimPrefix(port, ":"))
	require.NoError(t, err)
	unescaped, err := url.PathUnescape(path)
	require.NoError(t, err)
	require.Regexp(t, `^[\w.~/-]*$`, unescaped)
	if scheme == "https" && port == ":443" || scheme == "http" && port == ":80" {
		port = ""
	}
	return scheme + "://" + host + port + path
}

// FuzzConnectionString compares clients made from connection strings with clients made
// from the parts.
func FuzzConnectionString(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, endpoint, after string) {
		require.Equal(t, connectionStringError(before+strings.TrimRight(identitytest.OtherAccessKey, "=")+after), connectionStringError(before+strings.TrimRight(identitytest.AccessKey, "=")+after))
		if strings.Contains(endpoint, ";") {
			return // which is more than one part
		}
		want, wantErr := baseURL(t, strings.TrimSpace(endpoint))
		got, err := sendRequest(t, func(options *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientFromConnectionString(before+";endpoint="+endpoint+";accesskey="+identitytest.AccessKey+";"+after, options)
		})
		if err != nil && wantErr == nil {
			require.ErrorContains(t, err, "connectionString")
			require.NotEmpty(t, strings.Trim(before+after, "; \n"), "which is what is wrong then")
			return
		}
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, got)
	})
}

func connectionStringError(connectionString string) string {
	client, err := identity.NewClientFromConnectionString(connectionString, nil)
	if err == nil {
		return ""
	}
	if client != nil {
		return "an error and a client"
	}
	return err.Error()
}

// sendRequest sends a request to a service that has the access key, and returns the part of the
// URL before the operation's path.
func sendRequest(t *testing.T, newClient func(*identity.ClientOptions) (*identity.Client, error)) (string, error) {
	t.Helper()
	service, err := emulator.NewHandler(&emulator.Options{AccessKey: identitytest.AccessKey})
	require.NoError(t, err)
	transport := &wire{service: service}
	options := identitytest.NewOptions(transport)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := newClient(options)
	if err != nil {
		require.Nil(t, client)
		return "", err
	}
	_, err = client.DeleteUser(t.Context(), identitytest.User, nil)
	require.NotNil(t, transport.received, "%v", err)
	require.False(t, identity.HasCode(err, identity.ErrorCodeDenied), "what is signed must be what is sent")
	base, found := strings.CutSuffix(transport.received.RequestURI, "/identities/8:acs:a_b?api-version="+identitytest.DefaultAPIVersion)
	require.True(t, found, transport.received.RequestURI)
	return transport.scheme + "://" + transport.received.Host + base, nil
}

// wire brings requests to a service in the form that they have on the network.
type wire struct {
	service  http.Handler
	scheme   string
	received *http.Request
}

func (w *wire) Do(req *http.Request) (*http.Response, error) {
	var sent bytes.Buffer
	if err := req.Write(&sent); err != nil {
		return nil, err
	}
	received, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return nil, err
	}
	w.scheme, w.received = req.URL.Scheme, received
	recorder := httptest.NewRecorder()
	w.service.ServeHTTP(recorder, received)
	resp := recorder.Result()
	resp.Request = req
	return resp, nil
}
