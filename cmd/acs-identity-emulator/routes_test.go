package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/acs-go/identity/internal/httpserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newTestProgram returns a program that is not started, and its routes with the endpoint https://127.0.0.1:8443/.
func newTestProgram(t *testing.T, args ...string) (*program, http.Handler) {
	t.Helper()
	s, err := parse(args, io.Discard)
	require.NoError(t, err)
	p, err := newProgram(s, io.Discard)
	require.NoError(t, err)
	return p, p.routes(t.Context(), &url.URL{Scheme: "https", Host: "127.0.0.1:8443", Path: "/"}, true)
}

func do(t *testing.T, handler http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Host = "127.0.0.1:8443"
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestRequestsAreKeptWithoutContent(t *testing.T) {
	t.Parallel()
	p, routes := newTestProgram(t)
	do(t, routes, http.MethodPost, "/identities", map[string]string{"Authorization": "Bearer x"})
	require.Len(t, p.handler.Requests(), 1)
	assert.Empty(t, p.handler.Requests()[0].Header)
	assert.Empty(t, p.handler.Requests()[0].Body)
}

func TestControlRequestsAreNotRequestsOfTheService(t *testing.T) {
	t.Parallel()
	p, routes := newTestProgram(t)
	for _, path := range []string{"/_emulator/", "/_emulator/info", "/_emulator/health", "/_emulator/unknown"} {
		do(t, routes, http.MethodGet, path, nil)
	}
	assert.Empty(t, p.handler.Requests())
}

func TestAddressOfThePageWithoutSlash(t *testing.T) {
	t.Parallel()
	p, routes := newTestProgram(t)
	response := do(t, routes, http.MethodGet, "/_emulator", nil)
	assert.Equal(t, http.StatusMovedPermanently, response.Code)
	assert.Equal(t, "/_emulator/", response.Header().Get("Location"))
	assert.Empty(t, p.handler.Requests())
}

func TestControlIsOffExceptOnLoopback(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		on   bool
	}{
		"IPv4":             {[]string{"-addr", "127.0.0.1:0"}, true},
		"name":             {[]string{"-addr", "localhost:0"}, true},
		"loopback, off":    {[]string{"-addr", "127.0.0.1:0", "-control=false"}, false},
		"all":              {[]string{"-addr", "0.0.0.0:0"}, false},
		"no host":          {[]string{"-addr", ":0"}, false},
		"all, asked for":   {[]string{"-addr", ":0", "-control"}, true},
		"all, not wanted":  {[]string{"-addr", ":0", "-control=0"}, false},
		"all, in one word": {[]string{"-addr", ":0", "-control=true"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startCommand(t, newCommand(t, append(test.args, "-insecure-http")...))
			endpoint, _, _ := strings.Cut(strings.TrimPrefix(p.connectionString, "endpoint="), ";")
			response, err := http.Get(endpoint + "_emulator/info")
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			if test.on {
				assert.Contains(t, string(body), p.connectionString)
				return
			}
			assert.Equal(t, http.StatusNotFound, response.StatusCode)
			assert.NotContains(t, string(body), "accesskey")
		})
	}
}

func TestControlAcceptsTheHostsOfTheFlags(t *testing.T) {
	t.Parallel()
	_, routes := newTestProgram(t, "-host", "emulator.example,192.0.2.7")
	for host, want := range map[string]int{
		"emulator.example:8443": http.StatusOK,
		"192.0.2.7:8443":        http.StatusOK,
		"other.example:8443":    http.StatusForbidden,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_emulator/info", nil)
		r.Host = host
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		assert.Equal(t, want, w.Code, host)
	}
}

const origin = "http://localhost:3000"

func TestPreflightOfAListedOriginIsAllowedWhatItAsksFor(t *testing.T) {
	t.Parallel()
	p, routes := newTestProgram(t, "-cors", "https://other.example", "-cors", origin)
	w := do(t, routes, http.MethodOptions, "/identities?api-version=2026-09-23", map[string]string{
		"Origin":                         origin,
		"Access-Control-Request-Method":  "POST",
		"Access-Control-Request-Headers": "authorization,x-ms-date",
	})
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, http.Header{
		"Vary":                          {"Origin"},
		"Access-Control-Allow-Origin":   {origin},
		"Access-Control-Allow-Methods":  {"POST"},
		"Access-Control-Allow-Headers":  {"authorization,x-ms-date"},
		"Access-Control-Expose-Headers": {"*"},
	}, w.Header())
	assert.Empty(t, p.handler.Requests())
}

func TestResponsesToAListedOriginCanBeRead(t *testing.T) {
	t.Parallel()
	_, routes := newTestProgram(t, "-cors", origin)
	for _, authorization := range []string{"Bearer x", ""} {
		w := do(t, routes, http.MethodPost, "/identities?api-version=2026-09-23", map[string]string{"Origin": origin, "Authorization": authorization})
		assert.Equal(t, authorization != "", w.Code == http.StatusCreated)
		assert.Equal(t, origin, w.Header().Get("Access-Control-Allow-Origin"))
		assert.NotEmpty(t, w.Header().Get("Ms-Cv"))
	}
}

func TestOtherRequestsGetNoCORSHeaders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args         []string
		path, origin string
	}{
		"off":              {nil, "/identities", origin},
		"other origin":     {[]string{"-cors", origin}, "/identities", "http://localhost:3001"},
		"other scheme":     {[]string{"-cors", origin}, "/identities", "https://localhost:3000"},
		"null":             {[]string{"-cors", origin}, "/identities", "null"},
		"no origin":        {[]string{"-cors", origin}, "/identities", ""},
		"control":          {[]string{"-cors", origin}, "/_emulator/info", origin},
		"control, encoded": {[]string{"-cors", origin}, "/%5Femulator/info", origin},
		"health":           {[]string{"-cors", origin}, "/_emulator/health", origin},
	} {
		for _, method := range []string{http.MethodOptions, http.MethodPost, http.MethodGet} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				_, routes := newTestProgram(t, test.args...)
				w := do(t, routes, method, test.path, map[string]string{"Origin": test.origin, "Access-Control-Request-Method": "POST"})
				for header := range w.Header() {
					assert.False(t, strings.HasPrefix(header, "Access-Control-"), header)
				}
			})
		}
	}
}

// TestEventsEndWithTheProgram stops the program while a client waits for events.
func TestEventsEndWithTheProgram(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http")
	endpoint, _ := p.values(t)
	response, err := http.Get(endpoint + "_emulator/events")
	require.NoError(t, err)
	createUser(t, p.connectionString, insecure())
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, `"operation":"CreateUser"`)
	require.NoError(t, p.end(t, syscall.SIGTERM))
	require.NoError(t, response.Body.Close())
}

// TestStopEndsControlRequestsAtOnce stops the program before its server.
func TestStopEndsControlRequestsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	server := httpserver.New(endingWith(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
		close(ended)
	})), nil)
	require.NoError(t, stopDuringRequest(t, server, ended))
}
