package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/selfsigned"
)

const shutdownTimeout = 2 * time.Second

// A program is what the flags ask for.
type program struct {
	addr            string
	insecureHTTP    bool
	certificateFile string
	handler         *emulator.Handler
}

// serve announces the emulator on stdout when it is ready, and runs it until the context ends.
func (p *program) serve(ctx context.Context, stdout io.Writer, log *slog.Logger) error {
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	defer func() { _ = listener.Close() }()
	endpoint := p.endpoint(listener.Addr().(*net.TCPAddr))
	certificate, err := p.newCertificate(endpoint.Hostname())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "endpoint=%s;accesskey=%s\n", endpoint, p.handler.AccessKey()); err != nil {
		return fmt.Errorf("printing the connection string: %w", err)
	}
	log.Info("listening", "endpoint", endpoint.String())
	if err := serve(ctx, httpserver.New(p.handler, certificate), listener); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// endpoint returns where clients on this machine find the listener.
func (p *program) endpoint(address *net.TCPAddr) *url.URL {
	host, _, _ := net.SplitHostPort(p.addr) // fine, or there were no listener
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "https"
	if p.insecureHTTP {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(address.Port)), Path: "/"}
}

// newCertificate makes a certificate for the host, and writes the file that clients trust. It returns nil without TLS.
func (p *program) newCertificate(host string) (*tls.Certificate, error) {
	if p.insecureHTTP {
		return nil, nil
	}
	certificate, err := selfsigned.New(host)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if p.certificateFile == "" {
		return certificate, nil
	}
	if err := writeFile(p.certificateFile, selfsigned.PEM(certificate)); err != nil {
		return nil, fmt.Errorf("-certificate: %w", err)
	}
	return certificate, nil
}

// writeFile writes a file that is never seen half-written. It replaces regular files only: /dev/stdout must survive.
//
//nolint:gosec // whoever starts the program names the file, and everybody may read a certificate
func writeFile(name string, data []byte) error {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	folder, err := os.MkdirTemp(filepath.Dir(name), ".acs-identity-emulator-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	complete := filepath.Join(folder, filepath.Base(name))
	if err := os.WriteFile(complete, data, 0o644); err != nil {
		return err
	}
	return os.Rename(complete, name)
}

func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig == nil {
			failed <- server.Serve(listener)
			return
		}
		failed <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	_ = server.Shutdown(deadline)
	_ = server.Close() // the connections that are busy after the deadline
	return nil
}
