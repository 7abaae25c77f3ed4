package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/acs-go/identity/emulator/control"
	"github.com/acs-go/identity/internal/httpserver"
)

const (
	shutdownTimeout = 2 * time.Second

	// printTimeout is how long standard output may be full after the end.
	printTimeout = time.Second
)

// serveDuring serves while it does the work, which starts when clients can connect. The context of the work also ends
// if serving fails.
func (p *program) serveDuring(ctx context.Context, work func(context.Context, site) error) error {
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
	s := site{endpoint, p.handler.AccessKey(), certificate, p.servesControl(address)}
	serveAndWork := func() error { return p.serveAt(ctx, s, listener, work) }
	if p.folder == nil {
		return serveAndWork()
	}
	return p.folder.keepSaved(p.handler, p.log, serveAndWork)
}

func (p *program) serveAt(ctx context.Context, s site, listener net.Listener, work func(context.Context, site) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := httpserver.New(p.routes(ctx, s.endpoint, s.control), s.certificate)
	server.ErrorLog = newErrorLog(p.log, p.trust)
	stopLogging := p.logRequests(ctx)
	defer stopLogging()
	p.logStart(s)
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, server, listener)
		stop()
	}()
	err := work(ctx, s)
	stop()
	if err := errors.Join(err, <-served); err != nil {
		return err
	}
	stopLogging() // so that this line is the last one
	p.log.Info("stopped")
	return nil
}

// announce prints the connection string and waits for the end of the context. It prints in the background, because
// standard output can be a pipe that is full.
func announce(ctx context.Context, stdout io.Writer, s site) error {
	printed := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintln(stdout, s.connectionString())
		if err != nil {
			err = fmt.Errorf("printing the connection string: %w", err)
		}
		printed <- err
	}()
	select {
	case err := <-printed:
		if err == nil {
			<-ctx.Done()
		}
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-printed:
		return err
	case <-time.After(printTimeout):
		return nil
	}
}

// servesControl reports whether the control API is on.
func (p *program) servesControl(address *net.TCPAddr) bool {
	if p.control != nil {
		return *p.control
	}
	return address.IP.IsLoopback()
}

// logStart logs where the emulator and its page are.
func (p *program) logStart(s site) {
	attributes := []any{slog.String("endpoint", s.endpoint.String())}
	if s.control {
		attributes = append(attributes, slog.String("page", s.endpoint.JoinPath(control.Prefix).String()))
	}
	p.log.Info("listening", attributes...)
}

// isUntrusted reports whether clients find the certificate in no file.
func (p *program) isUntrusted() bool {
	return !p.insecureHTTP && p.certificate == "" && p.data == "" && p.tlsCert == ""
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
