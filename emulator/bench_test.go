package emulator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const createBody = `{"createTokenWithScopes":["chat"]}`

func BenchmarkNewServer(b *testing.B) {
	for _, name := range []string{"start", "start-and-close"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var times []time.Duration
			for b.Loop() {
				started := time.Now()
				server, err := emulator.NewServer(nil)
				require.NoError(b, err)
				if name == "start-and-close" {
					server.Close()
				}
				times = append(times, time.Since(started))
				b.StopTimer()
				server.Close()
				b.StartTimer()
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/float64(time.Millisecond), "median-ms")
		})
	}
}

// BenchmarkCreateUserWithToken compares the emulator with a server that returns the same body without any work. The
// requests, the client and the kind of certificate are the same.
func BenchmarkCreateUserWithToken(b *testing.B) {
	targets := newTargets(b)
	for _, target := range targets {
		b.Run("clients=one/server="+target.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				target.create(b)
			}
			reportRate(b)
		})
	}
	for _, target := range targets {
		b.Run("clients=many/server="+target.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					target.create(b)
				}
			})
			reportRate(b)
		})
	}
	both := [2]func(){func() { targets[0].create(b) }, func() { targets[1].create(b) }}
	b.Run("clients=one/server=both", func(b *testing.B) { identitytest.TakeTurns(b, "emulator/canned", 1, 8, both) })
	b.Run("clients=many/server=both", func(b *testing.B) { identitytest.TakeTurns(b, "emulator/canned", 16, 8, both) })
}

func reportRate(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// A target is a server under load, and the client for it.
type target struct {
	name    string
	url     string
	client  *http.Client
	service *service // signs
}

// newTargets starts the emulator and the server with the canned body.
func newTargets(tb testing.TB) [2]*target {
	tb.Helper()
	server, err := emulator.NewServer(&emulator.Options{ResourceID: resourceID, Now: newClock().Now})
	require.NoError(tb, err)
	tb.Cleanup(server.Close)
	key, err := base64.StdEncoding.DecodeString(server.AccessKey())
	require.NoError(tb, err)
	s := &service{Server: server, clock: newClock(), key: key}

	roots := x509.NewCertPool()
	require.True(tb, roots.AppendCertsFromPEM(server.Certificate()))
	emulated := &target{"emulator", server.Endpoint() + createPath[1:], newBenchClient(tb, roots), s}

	certificate := newBenchCertificate(tb)
	roots = x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	url := startCanned(tb, certificate, emulated.create(tb).body)
	canned := &target{"canned", url + createPath, newBenchClient(tb, roots), s}
	canned.create(tb)
	return [2]*target{emulated, canned}
}

func newBenchClient(tb testing.TB, roots *x509.CertPool) *http.Client {
	tb.Helper()
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 1000,
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// startCanned starts a server that reads requests and returns the body.
func startCanned(tb testing.TB, certificate *tls.Certificate, body string) string {
	tb.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, body)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server.URL
}

// newBenchCertificate makes a certificate of the same kind as the emulator's.
func newBenchCertificate(tb testing.TB) *tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	leaf, err := x509.ParseCertificate(raw)
	require.NoError(tb, err)
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

func TestBenchmarkTargetsReturnTheSame(t *testing.T) {
	t.Parallel()
	targets := newTargets(t)
	var forms []string
	for _, target := range targets {
		for range 2 { // the second time, the connection is there already
			r := target.create(t)
			require.NotNil(t, r.Response)
			forms = append(forms, fmt.Sprintln(r.Proto, tls.VersionName(r.TLS.Version), tls.CipherSuiteName(r.TLS.CipherSuite), r.StatusCode, len(r.body)))
		}
	}
	assert.Len(t, slices.Compact(forms), 1, forms)
	assert.Len(t, targets[0].service.Requests(), 3)
}
