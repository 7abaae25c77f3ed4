// Package httpserver has the HTTP server behind which the emulator runs.
package httpserver

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 5 * time.Minute // from the end of the headers, so that slow bodies and delays fit
)

// New makes a server that speaks HTTP/1.1, logs nothing, and does not wait long for slow clients. Without a
// certificate it has no TLS.
func New(handler http.Handler, certificate *tls.Certificate) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true) // chunked errors, and connections that belong to one request at a time
	server := &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),

		DisableGeneralOptionsHandler: true, // OPTIONS * is a request like others
	}
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	return server
}
