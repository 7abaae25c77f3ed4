package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newBrowser starts Chromium, or skips the test where it is not installed.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("Chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.IgnoreCertErrors, chromedp.WindowSize(1280, 1000))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // starts it, without a time limit
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A day in virtual time: the page's timers are faked, and the clock of the server and the emulator follows them.
func TestMicrosoftsCredentialRefreshesForADayInABrowser(t *testing.T) {
	t.Parallel()
	ctx := newBrowser(t)
	bundle := buildBundle(t)
	var outage atomic.Bool
	page := httptest.NewUnstartedServer(nil)
	origin := "http://" + strings.Replace(page.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	address, dev := startDevelopment(t, "CORS_ORIGINS="+origin)
	server := newProxy(t, address, &outage)
	var chatted atomic.Int64
	chat := newChat(t, dev, origin, &chatted)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>test</title><script src="bundle.js"></script>`))
	})
	mux.HandleFunc("GET /bundle.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, bundle) })
	mux.HandleFunc("POST /outage", func(_ http.ResponseWriter, r *http.Request) {
		var on bool
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&on))
		outage.Store(on)
	})
	mux.HandleFunc("POST /clock", func(_ http.ResponseWriter, r *http.Request) {
		var milliseconds int64
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&milliseconds))
		dev.emulator.SetClockOffset(time.Duration(milliseconds) * time.Millisecond)
	})
	page.Config.Handler = mux
	page.Start()
	t.Cleanup(page.Close)

	input, err := json.Marshal(map[string]any{"server": server, "chat": chat, "hours": 24})
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(origin)))
	got, err := chromedp.Run(ctx, chromedp.Evaluate[dayResult]("run("+string(input)+")", chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	t.Logf("24 hours in %v: %d refreshes with %d tries", time.Since(begin).Round(time.Millisecond), got.Refreshes, got.Tries)
	assert.Empty(t, got.Failures)
	assert.Zero(t, got.Expired, "minutes without a valid token")
	assert.InDelta(t, 29, got.Refreshes, 1)
	assert.Greater(t, got.Tries, got.Refreshes, "the outage hit no refresh")
	assert.Equal(t, []string{"thread"}, got.Threads)
	assert.EqualValues(t, 1, chatted.Load(), "requests to the chat service with a valid token")
	assert.Len(t, dev.emulator.Users(), 1)
}

// A dayResult is what page.js returns.
type dayResult struct {
	Refreshes, Expired, Tries int
	Failures, Threads         []string
}

// buildBundle returns the page's script with Microsoft's packages, or skips the test without Node.
func buildBundle(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("Node is not installed")
		}
	}
	bundle := filepath.Join(t.TempDir(), "bundle.js")
	output, err := exec.CommandContext(t.Context(), "../../browsertest/build.sh", bundle).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return bundle
}

// newProxy returns the URL of the server behind a connection that an outage cuts.
func newProxy(t *testing.T, target string, outage *atomic.Bool) string {
	t.Helper()
	parsed, err := url.Parse(target)
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(parsed) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if outage.Load() && r.URL.Path == "/v1/token" {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// newChat returns the URL of a chat service that knows one thread, and counts valid tokens.
func newChat(t *testing.T, dev *development, origin string, valid *atomic.Int64) string {
	t.Helper()
	chat := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		if r.Method == http.MethodOptions {
			return
		}
		if _, err := dev.emulator.InspectToken(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		valid.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"value":[{"id":"thread","topic":"Hello","lastMessageReceivedOn":"2026-11-25T00:00:00Z"}]}`))
	}))
	t.Cleanup(chat.Close)
	return chat.URL
}
