//go:build unix

package bench_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// BenchmarkHandshakes counts the TLS handshakes of 10,000 requests from 200 goroutines that have had connections before,
// for the settings of a transport. In a steady load each of the goroutines sends one request after the other; in bursts
// they wait for each other in between.
func BenchmarkHandshakes(b *testing.B) {
	if testing.Short() {
		b.Skip("takes half a minute")
	}
	for _, transport := range []*http.Transport{
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 10}, // as azcore has it
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 100},
		{MaxIdleConns: 256, MaxIdleConnsPerHost: 256},
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 10, ForceAttemptHTTP2: true}, // as azcore has it
	} {
		name := fmt.Sprintf("http2=%t/idle=%d", transport.ForceAttemptHTTP2, transport.MaxIdleConnsPerHost)
		b.Run(name+"/load=steady", func(b *testing.B) { countHandshakes(b, transport.Clone(), 1) })
		b.Run(name+"/load=bursts", func(b *testing.B) { countHandshakes(b, transport.Clone(), 50) })
	}
}

// countHandshakes trusts the server by way of the transport's TLSClientConfig, and counts there.
func countHandshakes(b *testing.B, transport *http.Transport, bursts int) {
	b.Helper()
	const goroutines, requests = 200, 10_000
	service, err := emulator.NewHandler(nil)
	require.NoError(b, err)
	server := httptest.NewUnstartedServer(service)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the server logs connections that the client closes early
	server.StartTLS()
	defer server.Close()
	defer transport.CloseIdleConnections()
	var handshakes atomic.Int64
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport.TLSClientConfig = &tls.Config{
		RootCAs:    roots,
		MinVersion: tls.VersionTLS12,
		VerifyConnection: func(tls.ConnectionState) error {
			handshakes.Add(1)
			return nil
		},
	}
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+service.AccessKey(), identitytest.NewOptions(&http.Client{Transport: transport}))
	require.NoError(b, err)
	call := func() error {
		_, err := client.CreateUser(b.Context(), nil)
		return err
	}
	repeat(b, goroutines, goroutines, call)
	handshakes.Store(0)
	for b.Loop() {
		for range bursts {
			repeat(b, goroutines, requests/bursts, call)
		}
	}
	b.ReportMetric(float64(handshakes.Load())/float64(b.N), "handshakes/op")
}

// BenchmarkUsers shows what the number of the emulator's users costs, in time and in memory.
func BenchmarkUsers(b *testing.B) {
	for _, count := range []int{1, 1000, 100_000} {
		if testing.Short() && count > 1000 {
			continue
		}
		before := heap()
		service, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
		require.NoError(b, err)
		client, err := identity.NewClientFromConnectionString("endpoint="+identitytest.Endpoint+";accesskey="+service.AccessKey(), identitytest.NewOptions(identitytest.HandlersTransport{service}))
		require.NoError(b, err)
		var user identity.CommunicationUserIdentifier
		for range count {
			created, err := client.CreateUser(b.Context(), nil)
			require.NoError(b, err)
			user = created.User
		}
		bytesPerUser := float64(heap()-before) / float64(count)
		b.Run(fmt.Sprintf("users=%d/op=GetToken", count), func(b *testing.B) {
			measure(b, 1, func() error {
				_, err := client.GetToken(b.Context(), user, identitytest.ChatScopes, nil)
				return err
			})
			b.ReportMetric(bytesPerUser, "B/user")
		})
		b.Run(fmt.Sprintf("users=%d/op=CreateUserAndDeleteUser", count), func(b *testing.B) {
			measure(b, 1, func() error {
				created, err := client.CreateUser(b.Context(), nil)
				if err != nil {
					return err
				}
				_, err = client.DeleteUser(b.Context(), created.User, nil)
				return err
			})
		})
	}
}

// heap returns how much of it is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
