//go:build unix

package bench_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const cannedOperation = "CreateUserAndToken"

// cannedServer gives every request the response to that operation.
type cannedServer struct {
	HTTP, HTTPS string // endpoints
	Certificate []byte // DER
}

const runCannedServer = "IDENTITY_TEST_RUNS_CANNED_SERVER"

// TestMain lets the test binary run as the server.
func TestMain(m *testing.M) {
	if os.Getenv(runCannedServer) != "" {
		if err := serveCanned(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveCanned prints the addresses of the server, and ends with standard input.
func serveCanned() error {
	canned, _, err := newCannedServer()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(canned); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// newCannedServer starts a server in this process.
func newCannedServer() (canned cannedServer, closeServer func() error, err error) {
	certificate, err := selfsigned.New()
	if err != nil {
		return canned, nil, err
	}
	transport := identitytest.NewCannedTransport(identitytest.OperationNamed(cannedOperation))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, _ := transport.Do(r)
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return canned, nil, err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return canned, nil, err
	}
	server := httpserver.New(handler, certificate)
	go func() { _ = server.Serve(plain) }()
	go func() { _ = server.ServeTLS(secure, "", "") }()
	return cannedServer{
		HTTP:        "http://" + plain.Addr().String(),
		HTTPS:       "https://" + secure.Addr().String(),
		Certificate: certificate.Leaf.Raw,
	}, server.Close, nil
}

// startCannedServer starts a server in a process of its own.
func startCannedServer(tb testing.TB) cannedServer {
	tb.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), runCannedServer+"=yes", "GOCOVERDIR="+tb.TempDir()) // go test -cover needs the latter
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	require.NoError(tb, err)
	stdout, err := command.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, command.Start())
	tb.Cleanup(func() {
		_ = stdin.Close()
		assert.NoError(tb, command.Wait())
	})
	var server cannedServer
	require.NoError(tb, json.NewDecoder(stdout).Decode(&server))
	return server
}

// calls returns the operation as all clients do it. They share connections.
func (s cannedServer) calls(tb testing.TB, endpoint string) []call {
	tb.Helper()
	certificate, err := x509.ParseCertificate(s.Certificate)
	require.NoError(tb, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 1000,
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return newCalls(tb, identitytest.OperationNamed(cannedOperation), endpoint, &http.Client{Transport: transport})
}

func TestAllClientsReachTheCannedServer(t *testing.T) {
	t.Parallel()
	server := startCannedServer(t)
	for _, endpoint := range []string{server.HTTP, server.HTTPS} {
		for _, call := range server.calls(t, endpoint) {
			require.NoError(t, call.do(), call.impl)
		}
	}
}
