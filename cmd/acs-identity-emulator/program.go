package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"strconv"

	"github.com/acs-go/identity/emulator"
)

// A program is the emulator with a listener, a log and, with -data, a folder.
type program struct {
	*settings
	handler *emulator.Handler
	folder  *folder // nil: nothing is kept
	log     *slog.Logger
	trust   string // how a client comes to trust the certificate
}

func newProgram(s *settings, stderr io.Writer) (*program, error) {
	handler, err := emulator.NewHandler(s.emulatorOptions())
	if err != nil {
		return nil, usageError{namingFlags(err)}
	}
	return &program{settings: s, handler: handler, log: newLog(s.log, stderr), trust: trustByFile}, nil
}

// run serves until the context ends. It prints the connection string when clients can connect.
func (p *program) run(ctx context.Context, stdout io.Writer) error {
	announce := func(ctx context.Context, s site) error {
		if p.isUntrusted() {
			p.log.Warn("no client can trust the certificate yet: use -certificate, -data, -tls-cert or -insecure-http")
		}
		return announce(ctx, stdout, s)
	}
	if p.data == "" {
		return p.serveDuring(ctx, announce)
	}
	folder, err := openFolder(p.data)
	if err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	defer folder.close()
	p.folder = folder
	if err := p.restore("-data", folder.load); err != nil {
		return err
	}
	return p.serveDuring(ctx, announce)
}

// restore replaces the state by the one that the flag names.
func (p *program) restore(flagName string, load func(*emulator.Handler) error) error {
	key, endpoint := p.handler.AccessKey(), p.handler.Endpoint()
	if err := load(p.handler); err != nil {
		return fmt.Errorf("%s: %w", flagName, err)
	}
	if p.options.AccessKey != "" && p.handler.AccessKey() != key {
		return fmt.Errorf("-access-key is not the one that %s holds", flagName)
	}
	if p.options.ResourceID != "" && p.handler.Endpoint() != endpoint { // which starts with the ID
		return fmt.Errorf("-resource-id is not the one that %s holds", flagName)
	}
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
	return p.url(net.JoinHostPort(host, strconv.Itoa(address.Port)))
}

func (s *settings) url(hostPort string) *url.URL {
	scheme := "https"
	if s.insecureHTTP {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: hostPort, Path: "/"}
}

// version returns the version of the module, or "(devel)" if the program was built without one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
