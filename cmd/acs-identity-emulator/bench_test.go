package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/require"
)

const (
	manyUsers  = 100_000
	createPath = "/identities?api-version=2026-09-23"
	createBody = `{"createTokenWithScopes":["chat"]}`
)

// A creator sends requests to create a user with a token.
type creator struct {
	client *http.Client
	url    string
	host   string
	key    []byte
}

func (c *creator) create(tb testing.TB) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, c.url+createPath, strings.NewReader(createBody))
	require.NoError(tb, err)
	sum := sha256.Sum256([]byte(createBody))
	hash, date := base64.StdEncoding.EncodeToString(sum[:]), time.Now().UTC().Format(http.TimeFormat)
	mac := hmac.New(sha256.New, c.key)
	_, _ = fmt.Fprintf(mac, "POST\n%s\n%s;%s;%s", createPath, date, c.host, hash)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Ms-Date", date)
	r.Header.Set("X-Ms-Content-Sha256", hash)
	r.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+
		base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	response, err := c.client.Do(r)
	require.NoError(tb, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(tb, err)
	require.NoError(tb, response.Body.Close())
	require.Equal(tb, http.StatusCreated, response.StatusCode)
}

// startCanned starts a server that responds to everything with a body of the emulator, without any work.
func startCanned(b *testing.B) *creator {
	b.Helper()
	handler, err := emulator.NewHandler(nil)
	require.NoError(b, err)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, createPath, strings.NewReader(createBody))
	r.Header.Set("Authorization", "Bearer any")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	body := w.Body.String()
	certificate, err := selfsigned.New()
	require.NoError(b, err)
	server := httptest.NewUnstartedServer(nil)
	server.Config = httpserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, body)
	}), certificate)
	server.TLS = server.Config.TLSConfig
	server.StartTLS()
	b.Cleanup(server.Close)
	transport := &http.Transport{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig, MaxIdleConnsPerHost: 100}
	b.Cleanup(transport.CloseIdleConnections)
	return &creator{client: &http.Client{Transport: transport}, url: server.URL, host: server.Listener.Addr().String()}
}

// startCreator starts the program with its log in a file.
func startCreator(b *testing.B, args ...string) *creator {
	b.Helper()
	certificate := filepath.Join(b.TempDir(), "certificate.pem")
	command := newCommand(b, append(args, "-addr", "127.0.0.1:0", "-certificate", certificate)...)
	logFile, err := os.Create(filepath.Join(b.TempDir(), "log"))
	require.NoError(b, err)
	b.Cleanup(func() { _ = logFile.Close() })
	command.Stderr = logFile
	output, err := command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(b, err)
	endpoint, key, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "endpoint=")), "/;accesskey=")
	secret, err := base64.StdEncoding.DecodeString(key)
	require.NoError(b, err)
	client := trusting(b, certificate).Transport.(*http.Client)
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 100
	return &creator{client: client, url: endpoint, host: strings.TrimPrefix(endpoint, "https://"), key: secret}
}

// fill returns a folder of -data with many users.
func fill(b *testing.B) string {
	b.Helper()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(b, err)
	var text strings.Builder
	require.NoError(b, handler.Export(&text))
	var state map[string]any
	require.NoError(b, json.Unmarshal([]byte(text.String()), &state))
	users := make([]map[string]any, manyUsers)
	for i := range users {
		users[i] = map[string]any{
			"id":                fmt.Sprintf("8:acs:%s_%08x-0000-4000-8000-%012x", state["resourceId"], i, i),
			"tokensIssued":      1,
			"lastTokenIssuedAt": "2026-01-31T13:00:00Z",
		}
	}
	state["users"], state["tokensIssued"] = users, manyUsers
	data, err := json.Marshal(state)
	require.NoError(b, err)
	folder := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(folder, stateFile), data, private))
	return folder
}

// BenchmarkCreateUserWithToken reports the rate of the program as a part of that of a server that does no work.
func BenchmarkCreateUserWithToken(b *testing.B) {
	for name, args := range map[string]func(*testing.B) []string{
		"memory":         func(*testing.B) []string { return nil },
		"data":           func(b *testing.B) []string { return []string{"-data", b.TempDir()} },
		"data-and-users": func(b *testing.B) []string { return []string{"-data", fill(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			program, canned := startCreator(b, args(b)...), startCanned(b)
			identitytest.TakeTurns(b, "program/canned", 16, 32, [2]func(){func() { program.create(b) }, func() { canned.create(b) }})
		})
	}
}

// BenchmarkStart measures the time until the first request is answered.
func BenchmarkStart(b *testing.B) {
	for name, args := range map[string]func(*testing.B) []string{
		"memory":         func(*testing.B) []string { return nil },
		"data-and-users": func(b *testing.B) []string { return []string{"-data", fill(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			arguments := args(b)
			for b.Loop() {
				startCreator(b, arguments...).create(b)
				b.StopTimer()
				if len(arguments) > 0 {
					arguments = args(b) // the folder is in use
				}
				b.StartTimer()
			}
		})
	}
}
