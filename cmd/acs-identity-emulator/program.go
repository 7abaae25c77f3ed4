package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/httpserver"
)

const shutdownTimeout = 2 * time.Second

// A program is the emulator with a listener, a log and, with -data, a folder.
type program struct {
	*settings
	handler *emulator.Handler
	folder  *folder // nil: nothing is kept
	log     *slog.Logger
}

func newProgram(s *settings, stderr io.Writer) (*program, error) {
	handler, err := emulator.NewHandler(&s.options)
	if err != nil {
		return nil, usageError{namingFlags(err)}
	}
	return &program{settings: s, handler: handler, log: newLog(s.log, stderr)}, nil
}

// run serves until the context ends. It prints the connection string when clients can connect.
func (p *program) run(ctx context.Context, stdout io.Writer) error {
	if p.data == "" {
		return p.listen(ctx, stdout)
	}
	folder, err := openFolder(p.data)
	if err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	defer folder.close()
	p.folder = folder
	if err := p.restore(); err != nil {
		return err
	}
	return p.listen(ctx, stdout)
}

// restore replaces the state by the one in the folder.
func (p *program) restore() error {
	key, endpoint := p.handler.AccessKey(), p.handler.Endpoint()
	if err := p.folder.load(p.handler); err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	if p.options.AccessKey != "" && p.handler.AccessKey() != key {
		return errors.New("-access-key is not the one that -data holds")
	}
	if p.options.ResourceID != "" && p.handler.Endpoint() != endpoint { // which starts with the ID
		return errors.New("-resource-id is not the one that -data holds")
	}
	return nil
}

func (p *program) listen(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", withoutAddress(err))
	}
	defer func() { _ = listener.Close() }()
	address := listener.Addr().(*net.TCPAddr)
	endpoint := p.endpoint(address)
	certificate, err := p.newCertificate(endpoint.Hostname())
	if err != nil {
		return err
	}
	server := httpserver.New(p.routes(ctx, endpoint, p.servesControl(address)), certificate)
	server.ErrorLog = newErrorLog(p.log)
	work := func() error { return p.announceAndServe(ctx, stdout, endpoint, server, listener) }
	if p.folder == nil {
		return work()
	}
	return p.folder.keepSaved(p.handler, p.log, work)
}

// servesControl reports whether the control API is on.
func (p *program) servesControl(address *net.TCPAddr) bool {
	if p.control != nil {
		return *p.control
	}
	return address.IP.IsLoopback()
}

// announceAndServe prints the connection string and serves until the context ends.
func (p *program) announceAndServe(ctx context.Context, stdout io.Writer, endpoint *url.URL, server *http.Server, listener net.Listener) error {
	stopLogging := p.logRequests(ctx)
	defer stopLogging()
	ctx, printed := p.printConnectionString(ctx, stdout, endpoint)
	p.log.Info("listening", "endpoint", endpoint.String())
	if p.isUntrusted() {
		p.log.Warn("no client can trust the certificate yet: use -certificate, -data, -tls-cert or -insecure-http")
	}
	if err := serve(ctx, server, listener); err != nil {
		return err
	}
	if err := printed(); err != nil {
		return err
	}
	stopLogging() // so that this line is the last one
	p.log.Info("stopped")
	return nil
}

// printConnectionString prints in the background, because standard output can be a pipe that is full. The returned
// context ends if that fails. The function waits for a second at most and returns the error.
func (p *program) printConnectionString(ctx context.Context, stdout io.Writer, endpoint *url.URL) (_ context.Context, printed func() error) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintf(stdout, "endpoint=%s;accesskey=%s\n", endpoint, p.handler.AccessKey())
		result <- err
		if err != nil {
			cancel()
		}
	}()
	return ctx, func() error {
		defer cancel()
		select {
		case err := <-result:
			if err != nil {
				return fmt.Errorf("printing the connection string: %w", err)
			}
		case <-time.After(time.Second):
		}
		return nil
	}
}

// isUntrusted reports whether clients find the certificate in no file.
func (p *program) isUntrusted() bool {
	return !p.insecureHTTP && p.certificate == "" && p.data == "" && p.tlsCert == ""
}

// withoutAddress shortens an error of package net, which quotes the address.
func withoutAddress(err error) error {
	if dnsError, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New(dnsError.Err)
	}
	if opError, ok := errors.AsType[*net.OpError](err); ok {
		return opError.Err
	}
	return err
}

// endpoint returns the URL of the listener for clients on this machine.
func (p *program) endpoint(address *net.TCPAddr) *url.URL {
	host, _, _ := net.SplitHostPort(p.addr) // cannot fail: net.Listen accepted it
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return p.url(net.JoinHostPort(host, strconv.Itoa(address.Port)))
}

func (s *settings) url(hostPort string) *url.URL {
	scheme := "https"
	if s.insecureHTTP {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: hostPort, Path: "/"}
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

// version returns the version of the module, or "(devel)" if the program was built without one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
