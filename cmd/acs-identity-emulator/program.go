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
	"strconv"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/httpserver"
)

const shutdownTimeout = 2 * time.Second

// A program holds the values of the flags.
type program struct {
	addr            string
	insecureHTTP    bool
	certificateFile string
	handler         *emulator.Handler
}

// serve runs the emulator until the context ends. It prints the connection string when clients can connect.
func (p *program) serve(ctx context.Context, stdout io.Writer, log *slog.Logger) error {
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", withoutAddress(err))
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
	scheme := "https"
	if p.insecureHTTP {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(address.Port)), Path: "/"}
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
