package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// insecure returns options for a program with -insecure-http.
func insecure() *identity.ClientOptions {
	options := &identity.ClientOptions{}
	options.InsecureAllowCredentialWithHTTP = true
	options.Retry.MaxRetries = -1
	return options
}

// logged returns the lines that a program has logged, without the first and the last one.
func (p *process) logged(t *testing.T) []string {
	t.Helper()
	require.NoError(t, p.end(t, syscall.SIGTERM))
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	require.GreaterOrEqual(t, len(lines), 2)
	assert.Contains(t, lines[0], "listening")
	assert.Contains(t, lines[len(lines)-1], "stopped")
	return lines[1 : len(lines)-1]
}

func TestEveryRequestIsLogged(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http", "-log", "json")
	client, err := identity.NewClientFromConnectionString(p.connectionString, insecure())
	require.NoError(t, err)
	created, err := client.CreateUserAndToken(t.Context(), chat, nil)
	require.NoError(t, err)
	_, err = client.GetToken(t.Context(), identity.CommunicationUserIdentifier{ID: "8:acs:other"}, chat, nil)
	require.Error(t, err)
	_, err = client.DeleteUser(t.Context(), created.User, nil)
	require.NoError(t, err)
	want := []string{
		`{"level":"INFO","msg":"request","method":"POST","operation":"CreateUser","status":201}`,
		`{"level":"INFO","msg":"request","method":"POST","operation":"GetToken","status":401,"error":"IdentityNotOwned"}`,
		`{"level":"INFO","msg":"request","method":"DELETE","operation":"DeleteUser","status":204}`,
	}
	lines := p.logged(t)
	require.Len(t, lines, len(want))
	for i, line := range lines {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		assert.NotZero(t, entry["time"])
		assert.NotZero(t, entry["duration"])
		delete(entry, "time")
		delete(entry, "duration")
		rest, err := json.Marshal(entry)
		require.NoError(t, err)
		assert.JSONEq(t, want[i], string(rest))
	}
}

// TestNoRequestIsMissingFromTheLog sends requests from many callers.
func TestNoRequestIsMissingFromTheLog(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http")
	client, err := identity.NewClientFromConnectionString(p.connectionString, insecure())
	require.NoError(t, err)
	const callers, calls = 8, 50
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for range calls {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	calling.Wait()
	assert.Len(t, p.logged(t), callers*calls)
}

// TestSecretsInTheWrongPlaceAreNotLogged sends them where no client does.
func TestSecretsInTheWrongPlaceAreNotLogged(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http", "-access-key", accessKey)
	endpoint, _ := p.values(t)
	secret := url.QueryEscape(accessKey)
	for _, test := range []struct{ method, path, authorization, body string }{
		{http.MethodPost, "identities?api-version=" + secret, "Bearer " + accessKey, ""},
		{http.MethodPost, "identities/" + secret + "/:issueAccessToken?api-version=2026-09-23", "Bearer " + accessKey, `{"scopes":["chat"]}`},
		{http.MethodPost, "identities?api-version=2026-09-23", "Bearer x", `{"createTokenWithScopes":["` + accessKey + `"]}`},
		{http.MethodPost, "identities?api-version=2026-09-23", accessKey, ""},
		{http.MethodPost, "identities?api-version=2026-09-23", "HMAC-SHA256 SignedHeaders=" + accessKey + "&Signature=" + accessKey, accessKey},
		{http.MethodGet, secret, "Bearer x", ""},
		{http.MethodPost, "_emulator/inspect-token", "", `{"token":"` + accessKey + `"}`},
		{http.MethodPut, "_emulator/state", "", `{"accessKey":"` + accessKey + `"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, endpoint+test.path, strings.NewReader(test.body))
		require.NoError(t, err)
		r.Header.Set("Authorization", test.authorization)
		r.Header.Set("Content-Type", "application/json")
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.Contains(t, p.stderr.String(), "status=401")
	for _, part := range []string{"c2VjcmV0", "secret"} {
		assert.NotContains(t, p.stderr.String(), part)
	}
}

func TestLogIsOff(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http", "-log", "off")
	createUser(t, p.connectionString, insecure())
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.Empty(t, p.stderr.String())
}

func TestUntrustedCertificateIsReportedAtTheStart(t *testing.T) {
	t.Parallel()
	p := start(t)
	lines := p.logged(t)
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], "level=WARN")
	assert.Contains(t, lines[0], "no client can trust the certificate yet: use -certificate, -data, -tls-cert or -insecure-http")
	assert.Empty(t, start(t, "-insecure-http").logged(t))
}

func TestFailedHandshakesAreLoggedWithAdvice(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connect func(address string) error
		advice  string
	}{
		"untrusted certificate": {
			func(address string) error {
				_, err := tls.Dial("tcp", address, nil)
				return err
			},
			"the client does not trust the certificate: let the client trust the file of -certificate",
		},
		"http": {
			func(address string) error {
				response, err := http.Get("http://" + address)
				if err == nil {
					_ = response.Body.Close()
				}
				return net.ErrClosed
			},
			"the client uses http: give it the endpoint with https",
		},
		"no TLS": {
			func(address string) error { return sendAndRead(address, "not a handshake\n") },
			"the client does not use TLS: give it the endpoint with https",
		},
		"old version": {
			func(address string) error {
				_, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
				return err
			},
			"the client must support TLS 1.2",
		},
		"closed connection": {
			func(address string) error {
				connection, err := net.Dial("tcp", address)
				if err == nil {
					_ = connection.Close()
				}
				return net.ErrClosed
			},
			"the client ended the handshake; if it does not trust the certificate, let the client trust",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate := t.TempDir() + "/certificate.pem"
			p := start(t, "-certificate", certificate)
			endpoint, _ := p.values(t)
			u, err := url.Parse(endpoint)
			require.NoError(t, err)
			require.Error(t, test.connect(u.Host))
			createUser(t, p.connectionString, trusting(t, certificate)) // ends after the handshake
			var failures []string
			for _, line := range p.logged(t) {
				if strings.Contains(line, "TLS handshake failed") {
					failures = append(failures, line)
				}
			}
			require.Len(t, failures, 1)
			assert.Contains(t, failures[0], "level=WARN")
			assert.Contains(t, failures[0], "client=127.0.0.1")
			assert.Contains(t, failures[0], `advice="`+test.advice)
		})
	}
}

// sendAndRead waits until the other end closes the connection.
func sendAndRead(address, text string) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, text); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, connection)
	return net.ErrClosed
}

func TestAdviceOnAlerts(t *testing.T) {
	t.Parallel()
	w := errorWriter{trust: trustByFile}
	for reason, want := range map[string]string{
		"remote error: tls: bad certificate":               "does not trust",
		"remote error: tls: unknown certificate authority": "does not trust",
		"remote error: tls: unknown certificate":           "does not trust",
		"remote error: tls: expired certificate":           "clock",
		"read tcp: connection reset by peer":               "ended the handshake",
		"local error: tls: bad record MAC":                 "ended the handshake", // Python
		"remote error: tls: internal error":                "ended the handshake", // Java
	} {
		assert.Contains(t, w.adviceOn(reason), want)
	}
	assert.Empty(t, w.adviceOn("i/o timeout"))
}

func TestOtherErrorsOfTheServerAreLogged(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	newErrorLog(newLog(logText, &text), trustByFile).Print("http: panic serving 127.0.0.1:1: x")
	assert.Contains(t, text.String(), `level=ERROR msg="http: panic serving 127.0.0.1:1: x"`)
}

func TestDroppedConnectionsAreLogged(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	logRequest(slog.New(slog.NewTextHandler(&text, nil)), emulator.Request{
		Method: "POST", Operation: "GetToken", Duration: time.Second, URI: "/secret", Error: "connection closed by a fault",
	})
	assert.Contains(t, text.String(), `method=POST operation=GetToken status=0 duration=1s error="connection closed by a fault"`)
	assert.NotContains(t, text.String(), "secret")
}

// A gate is a writer that blocks until it is opened.
type gate chan struct{}

func (g gate) Write(line []byte) (int, error) {
	<-g
	return len(line), nil
}

func TestStopWaitsForTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := newTestProgram(t)
		writer := make(gate)
		p.log = newLog(logText, writer)
		stop := p.logRequests(t.Context())
		p.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/identities", nil))
		stopped := make(chan struct{})
		go func() {
			stop()
			close(stopped)
		}()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("stopped before the request was logged")
		default:
		}
		close(writer)
		<-stopped
	})
}

// The log waits for its writer, so that the handler's channel fills.
func TestRequestsThatAreMissingFromTheLogAreCounted(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]int{"before the next one": 1, "at the end": 0} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newTestProgram(t)
			open := make(gate)
			var text strings.Builder
			p.log = newLog(logText, io.MultiWriter(open, &text))
			stop := p.logRequests(t.Context())
			request := func() {
				p.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/identities", nil))
				synctest.Wait()
			}
			const requests = 1200
			for range requests {
				request()
			}
			close(open)
			synctest.Wait()
			for range after {
				request()
			}
			stop()
			logged := strings.Count(text.String(), "operation=CreateUser")
			assert.Less(t, logged, requests, name)
			assert.Contains(t, text.String(), fmt.Sprintf("requests are missing from the log: there were too many at once\" requests=%d\n", requests+after-logged), name)
		})
	}
}

func TestRequestsThatEndDuringTheStopAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := newTestProgram(t)
		var lines strings.Builder
		p.log = newLog(logText, &lines)
		ctx, end := context.WithCancel(t.Context())
		stop := p.logRequests(ctx)
		end()
		synctest.Wait()
		p.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/identities", nil))
		stop()
		assert.Contains(t, lines.String(), "operation=CreateUser")
	})
}
