package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShutdownCompletesRequests(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	require.NoError(t, err)
	begun, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		_, _ = w.Write([]byte("complete"))
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &servers{logger: slog.New(slog.DiscardHandler)}
	go func() { ended <- s.serve(ctx, listener{l, handler}) }()
	content := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + l.Addr().String()) //nolint:noctx // a test
		if !assert.NoError(t, err) {
			content <- ""
			return
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		content <- string(text)
	}()
	<-begun
	stop()
	require.Eventually(t, func() bool { // the shutdown has begun
		connection, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // a test
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	}, 20*time.Second, time.Millisecond)
	close(release)
	require.NoError(t, <-ended)
	assert.Equal(t, "complete", <-content)
}

func TestServerIsNotReadyWithoutTheIssuersKeys(t *testing.T) {
	t.Parallel()
	c, err := loadConfig([]string{
		"ACS_CONNECTION_STRING=endpoint=https://contoso.communication.azure.com;accesskey=aHVudGVyMg==",
		"DATABASE_URL=:memory:", "OIDC_AUDIENCE=api", "OIDC_ISSUER=http://127.0.0.1:1", // where nothing listens
	})
	require.NoError(t, err)
	s, err := newProduction(t.Context(), t.Context(), c, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.close() })
	assert.Equal(t, http.StatusOK, ask(t, s, "/healthz").Code)
	got := ask(t, s, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, got.Code)
	assert.Equal(t, "not ready: temporarily unavailable: no keys of issuer http://127.0.0.1:1 yet\n", got.Body.String())
	require.NoError(t, s.db.Close())
	assert.Contains(t, ask(t, s, "/readyz").Body.String(), "not ready: the database cannot be written: sql: database is closed\n")
}

// ask returns the response of the operators' listener.
func ask(t *testing.T, s *stack, path string) *httptest.ResponseRecorder {
	t.Helper()
	response := httptest.NewRecorder()
	adminHandler(s, new(atomic.Bool)).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return response
}

func TestHealthcheckFailsUnlessTheStatusIs200(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	for url, want := range map[string]string{server.URL + "/readyz": "status 503", "http://127.0.0.1:1": "connection refused"} {
		_, err := runProgram(t, nil, "healthcheck", url)
		require.ErrorContains(t, err, want)
	}
	_, err := runProgram(t, nil, "healthcheck", server.URL+"/healthz")
	require.NoError(t, err)
}

func TestBackupOfPostgreSQLNamesItsTool(t *testing.T) {
	t.Parallel()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:9090/backup", strings.NewReader(`{"file":"/tmp/copy"}`))
	request.RemoteAddr = "127.0.0.1:50000"
	request.Header.Set("Content-Type", "application/json")
	response := httptest.NewRecorder()
	new(stack).serveBackup(response, request)
	assert.Equal(t, http.StatusConflict, response.Code)
	assert.Contains(t, response.Body.String(), "pg_dump")

	request.RemoteAddr = "192.0.2.1:50000"
	response = httptest.NewRecorder()
	new(stack).serveBackup(response, request)
	assert.Equal(t, http.StatusForbidden, response.Code)
}
