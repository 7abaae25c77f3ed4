package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startDevelopment returns the URL of a server in development mode.
func startDevelopment(t *testing.T, settings ...string) (string, *development) {
	t.Helper()
	c, err := loadDevelopmentConfig(append(settings, "RATE=1000/min"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	s, dev, err := newDevelopment(t.Context(), c, developmentOptions{}, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	server.Config.Handler = s.handler
	server.Start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		s.server.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		server.Close()
		_ = s.close()
	})
	return url, dev
}

func request(t *testing.T, method, url, token, body string) (*http.Response, string) {
	t.Helper()
	return send(t, method, url, body, func(r *http.Request) {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	})
}

// send sends a request with changes.
func send(t *testing.T, method, url, body string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	change(r)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(content)
}

func signIn(t *testing.T, url, body string) string {
	t.Helper()
	response, content := request(t, http.MethodPost, url+"/dev/sign-in", "", body)
	require.Equal(t, http.StatusOK, response.StatusCode, content)
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	var got struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(content), &got))
	return got.Token
}

// requestToken requests a token as alice, who signs in now.
func requestToken(t *testing.T, url string) string {
	t.Helper()
	response, content := request(t, http.MethodPost, url+"/v1/token", signIn(t, url, `{"subject":"alice"}`), "")
	require.Equal(t, http.StatusOK, response.StatusCode, content)
	return content
}

func TestDevelopmentSignsInAndHandsOutTokens(t *testing.T) {
	t.Parallel()
	url, dev := startDevelopment(t)
	var got struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(requestToken(t, url)), &got))
	_, err := dev.emulator.InspectToken(got.Token)
	require.NoError(t, err)

	admin := signIn(t, url, `{"subject":"root","roles":["acs-admin"]}`)
	response, content := request(t, http.MethodGet, url+"/v1/users/alice", admin, "")
	assert.Equal(t, http.StatusOK, response.StatusCode, content)
	for _, body := range []string{
		"", "{}", `{"subject":"a\tb"}`, `{"subject":"` + strings.Repeat("x", 256) + `"}`, `{"subject":"alice","role":["acs-admin"]}`,
	} {
		response, _ = request(t, http.MethodPost, url+"/dev/sign-in", "", body)
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, body)
	}
	response, _ = request(t, http.MethodPut, url+"/dev/sign-in", "", `{"subject":"alice"}`)
	assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
}

func TestPageIsServedInDevelopment(t *testing.T) {
	t.Parallel()
	url, _ := startDevelopment(t)
	for _, path := range []string{"/", "/page.css", "/page.js", "/token-refresher.js", "/icon.svg"} {
		response, content := request(t, http.MethodGet, url+path, "", "")
		assert.Equal(t, http.StatusOK, response.StatusCode, path)
		assert.NotEmpty(t, content)
		assert.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Contains(t, response.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	}
}

func TestDevelopmentRejectsOtherHostNames(t *testing.T) {
	t.Parallel()
	url, _ := startDevelopment(t)
	response, _ := send(t, http.MethodPost, url+"/dev/sign-in", `{"subject":"alice"}`, func(r *http.Request) { r.Host = "rebound.example.com" })
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestDevelopmentSignsInForListedOriginsOnly(t *testing.T) {
	t.Parallel()
	const listed, other = "http://localhost:3000", "https://evil.example"
	for setting, want := range map[string]map[string]string{
		"CORS_ORIGINS=":          {listed: "", other: ""},
		"CORS_ORIGINS=" + listed: {listed: listed, other: ""},
	} {
		url, _ := startDevelopment(t, setting)
		for origin, allowed := range want {
			response, _ := send(t, http.MethodPost, url+"/dev/sign-in", `{"subject":"alice"}`, func(r *http.Request) { r.Header.Set("Origin", origin) })
			assert.Equal(t, allowed, response.Header.Get("Access-Control-Allow-Origin"), "%s, %s", setting, origin)
		}
	}
}

func TestDevelopmentSignsInForAShortSession(t *testing.T) {
	t.Parallel()
	url, _ := startDevelopment(t, "MAX_SESSION=30m")
	requestToken(t, url)
}
