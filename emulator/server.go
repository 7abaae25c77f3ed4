package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
)

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	idleTimeout       = 2 * time.Minute
	certificateLife   = 365 * 24 * time.Hour
	maxIdleConns      = 100
)

// Server is a [Handler] behind TLS on a loopback port. It is safe for use by many goroutines. Make one with
// [NewServer], and close it. Printing it does not show the access key.
type Server struct {
	*Handler
	endpoint    string
	certificate []byte
	server      *http.Server
	client      *http.Client
	close       func()
}

// NewServer starts a server on a free port of 127.0.0.1. The options may be nil.
func NewServer(options *Options) (*Server, error) {
	handler, err := NewHandler(options)
	if err != nil {
		return nil, err
	}
	certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("emulator: listening: %w", err)
	}
	s := &Server{
		Handler:     handler,
		endpoint:    "https://" + listener.Addr().String() + "/",
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Leaf.Raw}),
		server:      newHTTPServer(handler, certificate),
		client:      newHTTPClient(certificate.Leaf),
	}
	s.serve(listener)
	return s, nil
}

// Format implements [fmt.Formatter]. It shows the endpoint.
func (s Server) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Endpoint:%s}", s.endpoint)
}

// LogValue implements [slog.LogValuer]. It shows the endpoint.
func (s Server) LogValue() slog.Value {
	return slog.GroupValue(slog.String("Endpoint", s.endpoint))
}

// Endpoint returns the URL of the server, "https://127.0.0.1:PORT/".
func (s *Server) Endpoint() string {
	return s.endpoint
}

// ConnectionString returns the endpoint and the access key in the form of the Azure portal.
func (s *Server) ConnectionString() string {
	return "endpoint=" + s.endpoint + ";accesskey=" + s.AccessKey()
}

// ClientOptions returns new options for a client of the server: it trusts the server, and it retries without waiting.
func (s *Server) ClientOptions() *identity.ClientOptions {
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: s.client,
		Retry:     policy.RetryOptions{RetryDelay: time.Nanosecond}, // zero is the default, less overflows to the maximum
	}}
}

// Certificate returns the server's certificate in PEM, for clients in other languages. It is valid for 127.0.0.1,
// ::1 and localhost, and signed by itself.
func (s *Server) Certificate() []byte {
	return slices.Clone(s.certificate)
}

// Close stops the server, closes all connections, and waits until their goroutines have ended. Closing twice is fine.
func (s *Server) Close() {
	s.close()
}

// serve sets Close up, so that it ends everything that starts here.
func (s *Server) serve(listener net.Listener) {
	var running sync.WaitGroup
	s.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			running.Add(1)
		case http.StateClosed, http.StateHijacked:
			running.Done()
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.server.ServeTLS(listener, "", "") // always http.ErrServerClosed
	}()
	s.close = sync.OnceFunc(func() {
		s.client.CloseIdleConnections()
		_ = s.server.Close()
		<-served // from here on there are no new connections
		running.Wait()
		s.client.CloseIdleConnections()
	})
}

func newHTTPServer(handler http.Handler, certificate *tls.Certificate) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true) // chunked errors, and connections that belong to one request at a time
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}

func newHTTPClient(root *x509.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:        maxIdleConns,
		MaxIdleConnsPerHost: maxIdleConns,
		IdleConnTimeout:     idleTimeout,
	}}
}

// newCertificate makes a certificate that is its own root: other languages trust one file.
func newCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("emulator: making the key of the certificate: %w", err)
	}
	template := certificateTemplate()
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("emulator: making the certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("emulator: making the certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, nil
}

func certificateTemplate() *x509.Certificate {
	serial := randomBytes()
	now := time.Now() // clients check it by their own clock, not by Options.Now
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial[1:]), // positive and short enough
		Subject:               pkix.Name{CommonName: "Azure Communication Services identity emulator"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
}
