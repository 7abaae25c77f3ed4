package emulator_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionString(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	endpoint, err := url.Parse(server.Endpoint())
	require.NoError(t, err)
	assert.Equal(t, "https", endpoint.Scheme)
	assert.Equal(t, "127.0.0.1", endpoint.Hostname())
	assert.NotEqual(t, "0", endpoint.Port())
	assert.Equal(t, "/", endpoint.Path)
	assert.Equal(t, "endpoint="+server.Endpoint()+";accesskey="+server.AccessKey(), server.ConnectionString())
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	block, rest := pem.Decode(server.Certificate())
	require.NotNil(t, block)
	assert.Empty(t, rest)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	assert.True(t, certificate.IsCA)
	assert.True(t, certificate.BasicConstraintsValid)
	assert.Equal(t, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature, certificate.KeyUsage)
	assert.NotEmpty(t, certificate.SubjectKeyId)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.Certificate()))
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		require.NoError(t, err, name)
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.com"})
	require.Error(t, err)

	server.Certificate()[0] = 'x'
	assert.Equal(t, byte('-'), server.Certificate()[0])
}

func TestServersHaveTheirOwnCertificates(t *testing.T) {
	t.Parallel()
	a, _ := emulator.Start(t)
	b, _ := emulator.Start(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Endpoint(), nil)
	require.NoError(t, err)
	resp, err := b.ClientOptions().Transport.Do(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

func TestClientOptionsAreFresh(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	first, second := server.ClientOptions(), server.ClientOptions()
	require.NotSame(t, first, second)
	assert.Same(t, first.Transport, second.Transport)
	first.APIVersion = "changed"
	assert.Empty(t, second.APIVersion)
	assert.Zero(t, second.Retry.MaxRetryDelay)
}

// unavailable responses without a server.
type unavailable struct{ tries int }

func (u *unavailable) Do(r *http.Request) (*http.Response, error) {
	u.tries++
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Request: r}, nil
}

func TestRetriesDoNotWait(t *testing.T) {
	t.Parallel()
	transport := &unavailable{}
	server, _ := emulator.Start(t)
	options := server.ClientOptions()
	options.Transport = transport
	pipeline := azruntime.NewPipeline("test", "v1.0.0", azruntime.PipelineOptions{}, &options.ClientOptions)
	r, err := azruntime.NewRequest(t.Context(), http.MethodGet, "https://contoso.example")
	require.NoError(t, err)

	started := time.Now()
	resp, err := pipeline.Do(r)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, 4, transport.tries)
	assert.Less(t, time.Since(started), time.Second)
}

var _ policy.Transporter = (*unavailable)(nil)

func TestServerSpeaksHTTP11(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.Equal(t, "HTTP/1.1", s.send(t, http.MethodPost, createPath, "").Proto)

	conn, ok := dial(t, s.Server).(*tls.Conn)
	require.True(t, ok)
	assert.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	require.NoError(t, conn.Close())
}

// This test counts goroutines, so nothing may run at the same time.
//
//nolint:paralleltest // see above
func TestCloseEndsConnectionsAndGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	server, err := emulator.NewServer(nil)
	require.NoError(t, err)

	var group sync.WaitGroup
	for range 20 { // leaves idle connections in the client
		group.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Endpoint()+"identities"+query, strings.NewReader("{}"))
			assert.NoError(t, err)
			r.Header.Set("Authorization", "Bearer entra")
			resp, err := server.ClientOptions().Transport.Do(r)
			if assert.NoError(t, err) {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	group.Wait()
	silent := dial(t, server)
	halfway := dial(t, server)
	_, err = io.WriteString(halfway, "POST /identities HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
	require.NoError(t, err)
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address(server))
	require.NoError(t, err)

	for range 2 {
		closers := sync.WaitGroup{}
		for range 3 {
			closers.Go(server.Close)
		}
		closers.Wait()
	}

	for _, conn := range []net.Conn{silent, halfway, plain} {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err := io.Copy(io.Discard, conn)
		if timeout, ok := err.(net.Error); ok { //nolint:errorlint // the connection's own error
			require.False(t, timeout.Timeout(), "the connection is still open")
		}
		_ = conn.Close()
	}
	_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", address(server))
	require.Error(t, err)

	// The client's goroutines end by themselves, a moment after their connections.
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func address(server *emulator.Server) string {
	return strings.TrimSuffix(strings.TrimPrefix(server.Endpoint(), "https://"), "/")
}

func dial(t *testing.T, server *emulator.Server) net.Conn {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.Certificate()))
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address(server))
	require.NoError(t, err)
	return conn
}

func TestCloseWaitsForRequests(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	wait := sync.OnceFunc(func() { close(started); <-release })
	server, err := emulator.NewServer(&emulator.Options{Now: func() time.Time { wait(); return time.Now() }})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Endpoint()+"identities"+query, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer entra")
	responded, closed := make(chan error, 1), make(chan struct{})
	go func() {
		resp, err := server.ClientOptions().Transport.Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		responded <- err
	}()
	<-started
	go func() {
		server.Close()
		close(closed)
	}()
	require.Error(t, <-responded, "the connection should have been closed")
	select {
	case <-closed:
		require.Fail(t, "closed while a request was at work")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-closed
}

func TestCloseImmediatelyAfterTheStart(t *testing.T) {
	t.Parallel()
	for range 20 {
		server, err := emulator.NewServer(nil)
		require.NoError(t, err)
		server.Close()
		_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", address(server))
		require.Error(t, err)
	}
}
