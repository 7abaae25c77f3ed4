package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const shutdownTimeout = 20 * time.Second

// serve runs the server until the context ends.
func (p program) serve(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return errUsage
	}
	c, err := loadConfig(p.environ)
	if err != nil {
		return err
	}
	return p.serveStack(ctx, c, func(work context.Context, logger *slog.Logger, spans *traces) (*stack, error) {
		return newProduction(ctx, work, c, logger, spans)
	})
}

// newStackFunc creates the stack of a server, whose work in the background ends with the context.
type newStackFunc func(work context.Context, logger *slog.Logger, spans *traces) (*stack, error)

// serveStack listens, announces its URL, and serves until the context ends and the requests are complete.
func (p program) serveStack(ctx context.Context, c config, newStack newStackFunc) error {
	logger := p.logger(c.LogLevel)
	spans, err := newTraces(ctx, logger)
	if err != nil {
		return err
	}
	defer spans.end(ctx)
	public, err := listen(ctx, "ADDR", c.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = public.Close() }()
	admin, err := listen(ctx, "ADMIN_ADDR", c.AdminAddr)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()

	work, stopWork := context.WithCancel(context.WithoutCancel(ctx)) // outlives the requests
	defer stopWork()
	s, err := newStack(work, logger, spans)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	url := "http://" + public.Addr().String()
	_, _ = fmt.Fprintln(p.stdout, url)
	logger.InfoContext(ctx, "listening", "version", versionText(), "url", url, "admin", admin.Addr().String())

	var background sync.WaitGroup
	background.Go(func() { s.server.Run(work) })
	servers := &servers{drain: c.Drain, logger: logger}
	err = servers.serve(ctx,
		listener{public, spans.handler(s.handler)},
		listener{admin, adminHandler(s, &servers.isDraining)})
	stopWork()
	background.Wait()
	logger.InfoContext(ctx, "ended")
	return err
}

func listen(ctx context.Context, name, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, withoutAddress(err))
	}
	return l, nil
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

type listener struct {
	net.Listener
	handler http.Handler
}

// servers end in order: the one for the public first, while the one for operators still says what happens.
type servers struct {
	drain      time.Duration
	logger     *slog.Logger
	isDraining atomic.Bool
}

// serve serves until the context ends or one of the listeners fails, and completes the requests.
func (s *servers) serve(ctx context.Context, listeners ...listener) error {
	failed := make(chan error, len(listeners))
	running := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		running[i] = newHTTPServer(s.closeWhileDraining(l.handler), s.logger)
		go func() { failed <- running[i].Serve(l) }()
	}
	err := s.wait(ctx, failed)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, server := range running {
		err = errors.Join(err, server.Shutdown(ending))
	}
	return err
}

// wait returns when the context has ended and load balancers have had the time to notice, or with a failure.
func (s *servers) wait(ctx context.Context, failed <-chan error) error {
	select {
	case <-ctx.Done():
	case err := <-failed:
		return err
	}
	s.isDraining.Store(true)
	s.logger.InfoContext(ctx, "draining", "duration", s.drain.String())
	select {
	case <-time.After(s.drain):
		return nil
	case err := <-failed:
		return err
	}
}

// closeWhileDraining has clients use each connection for one more request only: one that is kept can be closed at the
// end just when a request is on its way.
func (s *servers) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isDraining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
