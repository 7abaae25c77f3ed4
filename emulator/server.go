package emulator

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/selfsigned"
)

const (
	idleTimeout  = 2 * time.Minute
	maxIdleConns = 100
)

// Server is a [Handler] behind TLS on a loopback port. Use [NewServer] to create one, and [Server.Close] to stop it. It
// has the methods of its Handler, such as [Handler.Inject] and [Handler.InspectToken]. It is safe for concurrent use.
// Formatting or logging it shows only the endpoint.
type Server struct {
	// Handler is the service behind the server. Its Endpoint, ConnectionString, ClientOptions and Cloud are for clients
	// in memory; those of the Server are for clients over the network. Both see the same users.
	*Handler

	endpoint    string
	certificate []byte
	server      *http.Server
	client      *http.Client
	close       func()
}

// NewServer starts a server on a free port of 127.0.0.1. Nil options mean the defaults. It fails if the options are
// invalid for [NewHandler], or if no port can be opened.
func NewServer(options *Options) (*Server, error) {
	handler, err := NewHandler(options)
	if err != nil {
		return nil, err
	}
	certificate, err := selfsigned.New()
	if err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("emulator: listening: %w", err)
	}
	s := &Server{
		Handler:     handler,
		endpoint:    "https://" + listener.Addr().String() + "/",
		certificate: selfsigned.PEM(certificate),
		server:      httpserver.New(handler, certificate),
		client:      newHTTPClient(newTransport(certificate.Leaf)),
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

// ConnectionString returns the endpoint and the access key in the form of the Azure portal. It holds a secret: the
// access key. Clients also need [Server.ClientOptions], or must trust [Server.Certificate].
func (s *Server) ConnectionString() string {
	return connectionString(s.endpoint, s.AccessKey())
}

// ClientOptions returns new options for a client of the server: it trusts the server, and its retries wait only
// for Retry-After, which [Options].RateLimits and a [Fault] can send. The caller may change the options.
func (s *Server) ClientOptions() *identity.ClientOptions {
	return clientOptions(s.client)
}

func clientOptions(client *http.Client) *identity.ClientOptions {
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: client,
		Retry:     policy.RetryOptions{RetryDelay: time.Nanosecond}, // azcore replaces zero by its default
	}}
}

// Certificate returns the server's certificate in PEM, for clients without [Server.ClientOptions], such as those in
// other languages. It is self-signed, and valid for a year for 127.0.0.1, ::1 and localhost. Because of name constraints,
// clients trust its key for no names other than these and their subdomains; Java ignores the constraints. Each server
// has its own certificate.
func (s *Server) Certificate() []byte {
	return slices.Clone(s.certificate)
}

// Close stops the server, closes all connections, and waits until their goroutines have ended. It ends the delays of
// faults. Further calls do nothing. The [Handler] keeps its state.
func (s *Server) Close() {
	s.close()
}

// serve starts serving, and sets close to a function that ends all goroutines of the server.
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

// newHTTPClient returns a client that follows no redirects, which must not receive credentials.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport(root *x509.Certificate) *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:        maxIdleConns,
		MaxIdleConnsPerHost: maxIdleConns,
		IdleConnTimeout:     idleTimeout,
	}
}
