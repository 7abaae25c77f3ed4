// Package httpserver has the HTTP server in front of the emulator.
package httpserver

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 30 * time.Second // covers the TLS handshake, on a machine that runs tests
	readTimeout       = time.Minute
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 5 * time.Minute // from the end of the headers; covers delays of faults
)

// New returns a server for HTTP/1.1 that logs nothing and has timeouts for slow clients. If certificate is nil it serves
// without TLS.
func New(handler http.Handler, certificate *tls.Certificate) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true) // errors are chunked, and a connection serves one request at a time
	server := &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),

		DisableGeneralOptionsHandler: true, // OPTIONS * reaches the handler
	}
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	return server
}
